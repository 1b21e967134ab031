"""Refusals, ends and answers that a kernel seldom gives."""

import json
import os
import subprocess

from harness import expect, own, taken, vmrec

ROW = "{}\t{}\tr-x\trwx\t1\t0\t0\t2\t0\t0\t0\t1\t0\t1\tCOW\t0\t0\t0x11\t0\t0\t-"
ROWS = [ROW.format("0x1000", "0x3000"), ROW.format("0x10000", "0x14000")]


def write(folder, name, *tables, head=""):
    """A file of tables, each with the same two regions below its directives."""
    path = os.path.join(folder, name)
    process = f"@kernel real\n{head}@process 4242 1 {os.getuid() or 501} 1700000000 demo /bin/demo\n"
    bodies = [f"{directives}\n" * bool(directives) + "\n".join(ROWS) + "\n" for directives in tables]
    open(path, "w").write(process + "@next\n".join(bodies))
    return path


def refusals(folder):
    table = own("real.tsv", folder)
    for command, status, words in [
        (("heap", "4242"), 3, "heap(1)"),
        (("record", "--stacks", "4242"), 3, "stacks"),
        (("record", "--stacks", "--", "/bin/sleep", "9"), 3, "stacks"),
        (("map", "0"), 3, "kernel"),
        (("map", "77"), 3, "77"),
        # The programs that run this one have its arguments on their command lines, too.
        *[(("map", "/no/such/script"), 3, "no process")] * ("VMREC_MACOS_PROGRAM" in os.environ),
        (("map", "no-such-program"), 3, "no process"),
    ]:
        database = ("--db", os.path.join(folder, "refused.db")) if command[0] == "record" else ()
        _, error = vmrec(*command[:2], *database, *command[2:], table=table, status=status)
        expect(f"{words} in the refusal of {command}", words in error, True)
    # By its name a process is found in the list of all.
    out, _ = vmrec("map", "demo", "--json", table=table)
    expect("the process of that name", json.loads(out)["pid"], 4242)
    # Neither port nor resources: nothing can be recorded.
    path = os.path.join(folder, "nothing.tsv")
    text = open(own("rights.tsv", folder)).read()
    open(path, "w").write(text.replace("@refuse control,read pid=4251", "@refuse control,read,name,rusage pid=4251"))
    _, error = vmrec("record", "4251", "--db", os.path.join(folder, "nothing.db"), table=path, status=3)
    expect("nothing may be read", "not permitted" in error, True)


def moving(folder):
    """Regions that do not sum to the process's size: torn, unless the kernel counts so each time."""
    sizes = [f"@vminfo virtual_size={size}" for size in (4096, 8192)]
    out, _ = vmrec("map", "4242", "--json", table=write(folder, "moving.tsv", *sizes))
    expect("torn", "regions sum to 24576 bytes" in (json.loads(out)["torn"] or ""), True)
    out, _ = vmrec("map", "4242", "--json", table=write(folder, "counted.tsv", sizes[0], sizes[0]))
    expect("counted otherwise", json.loads(out)["torn"], None)
    # Older kernels have a number of 32 bits for an object.
    out, _ = vmrec("map", "4242", "--json", table=write(folder, "older.tsv", "", head="@regionwords 17\n"))
    expect("regions of an older kernel", len(json.loads(out)["regions"]), 2)


def ends(folder):
    """A process that ends between two samples, and one that really runs and ends."""
    db = os.path.join(folder, "between.db")
    vmrec("record", "4242", "--every", "50ms", "--samples", "5", "--db", db, table=write(folder, "ends.tsv", "", "@exit"))
    out, _ = vmrec("list", "--json", "--db", db)
    expect("why it ended", json.loads(out)[0]["why_ended"], "target_exited")
    sleeper = subprocess.Popen(["sleep", "3"])
    db = os.path.join(folder, "sleeper.db")
    try:
        vmrec("record", str(sleeper.pid), "--every", "20s", "--db", db)
    finally:
        sleeper.kill()
        sleeper.wait()
    expect("a sample of a process that really ran", len(taken(db)), 1)
    db = os.path.join(folder, "command.db")
    vmrec("record", "--tree", "--every", "50ms", "--db", db, "--", "/bin/sh", "-c", "sleep 0.3; exit 0")
    expect("samples of a command", len(taken(db)) > 0, True)


def run(folder):
    refusals(folder)
    moving(folder)
    ends(folder)

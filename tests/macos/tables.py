"""Runs the macOS program against scripted kernels and compares all it says with the tables."""

import json
import os
import subprocess
import tempfile

import edges
import harness
import heap
import parts
import rare
import strict
from harness import PID, SHARE, compare, compare_words, expect, own, tables, taken, vmrec


def modes(folder):
    """Regions of every share mode and every purge state."""
    path, lines = os.path.join(folder, "modes.tsv"), ["@page 4096"]
    lines.append(f"@process 4242 1 {os.getuid() or 501} 1700000000 modes /bin/modes")
    kinds = [(mode, purge) for mode in SHARE for purge in "-NVED"]
    for place, (mode, purge) in enumerate(kinds):
        resident = 0 if mode == "NUL" or purge == "E" else 3
        start = 0x100000000 + place * 0x10000
        row = [hex(start), hex(start + 0x4000), "rw-", "rwx", 1, 0, 70, resident, 0, 0, resident, 2, 0, 0, mode, 0, 0,
               hex(0xA1000000 + place), 0, 0, purge, ""]
        lines.append("\t".join(map(str, row)))
    open(path, "w").write("\n".join(lines) + "\n")
    page, [rows] = tables(path)
    out, _ = vmrec("map", PID, "--json", table=path)
    compare(json.loads(out), page, rows)
    out, _ = vmrec("map", PID, "-purge", "-noCoalesce", table=path)
    for mode in SHARE:
        printed = SHARE[mode].replace("P/A", "ZER")
        lines = [line for line in out.splitlines() if f"SM={printed}" in line and "rw-/rwx" in line]
        shown = [line.split("PURGE=")[1][0] for line in lines if "PURGE=" in line]
        # As on vmmap's page, what may not be purged is told by no letter.
        expect(f"lines and purge states of {mode}", (len(lines), shown), (5, ["N", "V", "E"]))
    db = os.path.join(folder, "modes.db")
    vmrec("record", PID, "--every", "50ms", "--samples", "2", "--db", db, table=path)
    out, _ = vmrec("map", "--at", "end", "--db", db, "--json")
    compare(json.loads(out), page, rows)
    out, _ = vmrec("sql", "SELECT flags FROM region_at('end') ORDER BY start", "--db", db, "--json")
    # The kernel refuses to tell the state of what denies being purged, as of what is not purgeable.
    told = [[*row[:20], row[20].replace("D", "-"), *row[21:]] for row in rows]
    compare_words([row["flags"] for row in json.loads(out)], told)


def walks(table, folder):
    """Every snapshot of a table, live and recorded."""
    path = own(table, folder)
    page, snapshots = tables(path)
    pid = next(line.split()[1] for line in open(path) if line.startswith("@process"))
    out, _ = vmrec("map", pid, "--json", table=path)
    compare(json.loads(out), page, snapshots[0])
    _, trace = vmrec("map", pid, table=path, MACHRUN_TRACE="1")
    expect("ports left", "not released" in trace and "0 not released" not in trace, False)

    db = os.path.join(folder, f"{table}.db")
    vmrec("record", pid, "--every", "50ms", "--samples", str(len(snapshots)), "--db", db, table=path)
    numbers = taken(db)
    expect(f"samples of {table}", len(numbers), len(snapshots))
    for place, (number, rows) in enumerate(zip(numbers, snapshots)):
        out, _ = vmrec("map", "--at", f"#{number}", "--db", db, "--json")
        compare(json.loads(out), page, rows)
        query = f"SELECT flags FROM region_at('#{number}') ORDER BY start"
        out, _ = vmrec("sql", query, "--db", db, "--json")
        compare_words([row["flags"] for row in json.loads(out)], rows, place == 0)
    svg = os.path.join(folder, "c.svg")
    for command in [("diff", "start", "end"), ("list",), ("info",), ("chart", "-o", svg)]:
        vmrec(*command, "--db", db)

    out, _ = vmrec("reclassify", "--dry-run", "--json", "--db", db)
    expect("the same rules change nothing", json.loads(out)["changes"], [])


def main():
    with tempfile.TemporaryDirectory() as folder:
        for table in ["demo.tsv", "real.tsv", "intel.tsv", "rosetta.tsv"]:
            walks(table, folder)
        modes(folder)
        ends(folder)
        strict.run(folder)
        parts.run(folder)
        heap.run(folder)
        rare.run(folder)
        edges.run(folder)
    print(f"macOS program on scripted kernels: {harness.checks} checks passed")


def ends(folder):
    """Processes that end, fail, or are refused; one that really runs."""
    broken = own("failures.tsv", folder)
    db = os.path.join(folder, "broken.db")
    vmrec("record", PID, "--every", "50ms", "--samples", "5", "--db", db, table=broken)
    out, _ = vmrec("list", "--json", "--db", db)
    recording = json.loads(out)[0]
    expect("samples before the end", len(taken(db)), 2)
    expect("why it ended", recording["why_ended"], "target_exited")
    out, _ = vmrec("map", "--at", f"#{taken(db)[1]}", "--db", db, "--json")
    expect("torn sample says why", "0x3000 on could not be looked up" in json.loads(out)["torn"], True)

    refused = own("noaccess.tsv", folder)
    _, error = vmrec("map", PID, table=refused, status=3)
    expect("refusal", "not permitted" in error and "get-task-allow" in error, True)

    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        out, _ = vmrec("map", str(sleeper.pid), "--json")
        live = json.loads(out)
        expect("a live process has regions", len(live["regions"]) > 10, True)
        expect("a live process is seen whole", live.get("torn"), None)
    finally:
        sleeper.kill()
        sleeper.wait()


main()

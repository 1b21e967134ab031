"""Runs the macOS program against scripted kernels and compares all it says with the tables."""

import json
import os
import subprocess
import sys
import tempfile

KIT = sys.argv[1]
EXAMPLES = os.path.join(KIT, "machrun/examples")
RUN = [os.path.join(KIT, "cargo-darwin"), "run", "--locked", "-q", "-p", "vmrec", "--"]
if "VMREC_MACOS_PROGRAM" in os.environ:
    RUN = os.environ["VMREC_MACOS_PROGRAM"].split()
PID = "4242"
SHARE = {"COW": "COW", "PRV": "PRV", "NUL": "NUL", "SHM": "ALI", "S/A": "SHM", "P/A": "P/A", "ALI": "S/A", "LPG": "LPG"}
checks = 0


def expect(what, found, wanted):
    global checks
    checks += 1
    if found != wanted:
        sys.exit(f"FAILED: {what}: found {found!r}, wanted {wanted!r}")


def vmrec(*arguments, table=None, status=0, **environment):
    env = dict(os.environ, **environment)
    if table:
        env["MACHRUN_TABLE"] = table
    command = [*RUN, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    expect(f"exit status of {arguments}: {done.stderr[-800:]}", done.returncode, status)
    return done.stdout, done.stderr


def tables(path):
    """The page size and the rows of each table of a file."""
    page, found = 4096, [[]]
    for line in open(path):
        line = line.rstrip("\n")
        if line.startswith("@page"):
            page = int(line.split()[1])
        elif line.startswith("@next"):
            found.append([])
        elif line and not line.startswith(("#", "@")):
            found[-1].append(line.split("\t"))
    return page, found


def number(text):
    return int(text, 0)


def private_pages(row):
    """TOP_INFO of the top level, the share mode inside submaps."""
    resident, copied = number(row[7]), number(row[8])
    if row[14] in ("PRV", "P/A", "LPG"):
        return resident
    return min(copied, resident) if row[14] == "COW" else 0


def compare(document, page, rows, quirk=False):
    leaves = [row for row in rows if row[15] == "0"]
    expect("number of regions", len(document["regions"]), len(leaves))
    for row, region in zip(leaves, document["regions"]):
        at = row[0]
        pages = lambda column: number(row[column]) * page
        expect(f"{at} start", number(region["start"]), number(row[0]))
        expect(f"{at} end", number(region["end"]), number(row[1]))
        expect(f"{at} rights", region["protection"], row[2])
        expect(f"{at} most rights", region["max_protection"], row[3])
        expect(f"{at} virtual", region["virtual_bytes"], number(row[1]) - number(row[0]))
        expect(f"{at} resident", region["resident_bytes"], pages(7))
        expect(f"{at} private", region["private_bytes"], private_pages(row) * page)
        expect(f"{at} swapped", region["swapped_bytes"], pages(9))
        expect(f"{at} dirty", region["dirty_bytes"], pages(10))
        expect(f"{at} share mode", region["share_mode"], SHARE[row[14]])
        expect(f"{at} locked", region["locked_bytes"], pages(7) if number(row[18]) else 0)
        volatile = row[20] in "VE"
        expect(f"{at} reclaimable", region["reclaimable_bytes"], pages(7) if volatile else pages(19))
        for unknown in ["pss_bytes", "anonymous_bytes", "referenced_bytes", "huge_bytes"]:
            expect(f"{at} {unknown}", region[unknown], None)
        path = row[21] if len(row) > 21 and row[21] else None
        if not (quirk and number(row[16]) > 0):
            expect(f"{at} path", region["object"], path)


def compare_words(words, rows):
    leaves = [row for row in rows if row[15] == "0"]
    expect("number of regions with words", len(words), len(leaves))
    for row, text in zip(leaves, words):
        found = text.split()
        wanted = [f"tag={number(row[6])}"]
        wanted += [f"object={number(row[17]):x}"] if number(row[17]) else []
        wanted += [f"shadow={number(row[12])}"] if number(row[12]) else []
        wanted += [] if row[20] == "-" else [f"purge={row[20]}"]
        wanted += ["wired"] if number(row[18]) else []
        wanted += ["file"] if number(row[13]) else []
        wanted += [f"depth={number(row[16])}", "submap"] if number(row[16]) else []
        expect(f"{row[0]} words", found, wanted)


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
        lines = [line for line in out.splitlines() if f"SM={SHARE[mode]}" in line and "rw-/rwx" in line]
        shown = [line.split("PURGE=")[1][0] for line in lines if "PURGE=" in line]
        # As on vmmap's page, what may not be purged is told by no letter.
        expect(f"lines and purge states of {mode}", (len(lines), shown), (5, ["N", "V", "E"]))
    db = os.path.join(folder, "modes.db")
    vmrec("record", PID, "--every", "50ms", "--samples", "2", "--db", db, table=path)
    out, _ = vmrec("map", "--at", "#2", "--db", db, "--json")
    compare(json.loads(out), page, rows)
    out, _ = vmrec("sql", "SELECT flags FROM region_at('#2') ORDER BY start", "--db", db, "--json")
    # The kernel refuses to tell the state of what denies being purged, as of what is not purgeable.
    told = [[*row[:20], row[20].replace("D", "-"), *row[21:]] for row in rows]
    compare_words([row["flags"] for row in json.loads(out)], told)


def main():
    demo = os.path.join(EXAMPLES, "demo.tsv")
    with tempfile.TemporaryDirectory() as folder:
        # The invented process must be ours where we are not the administrator.
        if os.geteuid() != 0:
            text = open(demo).read().replace("@process 4242 1 501", f"@process 4242 1 {os.getuid()}")
            demo = os.path.join(folder, "demo.tsv")
            open(demo, "w").write(text)
        run(demo, folder)
    print(f"macOS program on scripted kernels: {checks} checks passed")


def run(demo, folder):
    page, snapshots = tables(demo)
    for quirk in ["", "next"]:
        out, _ = vmrec("map", PID, "--json", table=demo, MACHRUN_REGIONPATH=quirk)
        compare(json.loads(out), page, snapshots[0], bool(quirk))
    _, trace = vmrec("map", PID, table=demo, MACHRUN_TRACE="1")
    expect("ports left", "not released" in trace and "0 not released" not in trace, False)

    db = os.path.join(folder, "demo.db")
    vmrec("record", PID, "--every", "50ms", "--samples", "3", "--db", db, table=demo)
    for place, rows in enumerate(snapshots):
        out, _ = vmrec("map", "--at", f"#{place + 1}", "--db", db, "--json")
        compare(json.loads(out), page, rows)
        query = f"SELECT flags FROM region_at('#{place + 1}') ORDER BY start"
        out, _ = vmrec("sql", query, "--db", db, "--json")
        compare_words([row["flags"] for row in json.loads(out)], rows)
    for command in [("diff", "start", "end"), ("list",), ("info",), ("chart", "-o", os.path.join(folder, "c.svg"))]:
        vmrec(*command, "--db", db)

    out, _ = vmrec("reclassify", "--dry-run", "--json", "--db", db)
    expect("the same rules change nothing", json.loads(out)["changes"], [])

    modes(folder)

    broken = os.path.join(EXAMPLES, "failures.tsv")
    text = open(broken).read().replace("@process 4242 1 501", f"@process 4242 1 {os.getuid()}")
    broken = os.path.join(folder, "failures.tsv")
    open(broken, "w").write(text)
    db = os.path.join(folder, "broken.db")
    vmrec("record", PID, "--every", "50ms", "--samples", "5", "--db", db, table=broken)
    out, _ = vmrec("list", "--json", "--db", db)
    recording = json.loads(out)[0]
    expect("samples before the end", recording["samples"], 2)
    expect("why it ended", recording["why_ended"], "target_exited")
    out, _ = vmrec("map", "--at", "#2", "--db", db, "--json")
    expect("torn sample says why", "0x3000 on could not be looked up" in json.loads(out)["torn"], True)

    refused = os.path.join(EXAMPLES, "noaccess.tsv")
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

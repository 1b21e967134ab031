"""The macOS program before scripted kernels: running it, reading tables, comparing what it says with them."""

import json
import os
import subprocess
import sys

KIT = sys.argv[1]
EXAMPLES = os.path.join(KIT, "machrun/examples")
RUN = [os.path.join(KIT, "cargo-darwin"), "run", "--locked", "-q", "-p", "vmrec", "--"]
if "VMREC_MACOS_PROGRAM" in os.environ:
    RUN = os.environ["VMREC_MACOS_PROGRAM"].split()
PID = "4242"
SHARE = {"COW": "COW", "PRV": "PRV", "NUL": "NUL", "SHM": "ALI", "S/A": "SHM", "P/A": "P/A", "ALI": "S/A", "LPG": "LPG"}
checks = 0
# The kernel answers as the published sources do, in tables that do not name it too.
os.environ["MACHRUN_KERNEL"] = "real"


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


def taken(db):
    """The numbers of the samples of a recording: on a busy machine, ticks that were missed lie between."""
    out, _ = vmrec("sql", "SELECT number FROM samples() WHERE state <> 'missed' ORDER BY number", "--db", db, "--json")
    return [row["number"] for row in json.loads(out)]


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


def own(table, folder):
    """A copy of an example whose processes are ours, where we are not the administrator."""
    path = os.path.join(EXAMPLES, table)
    if os.geteuid() == 0:
        return path
    text = open(path).read().replace(" 501 17", f" {os.getuid()} 17")
    path = os.path.join(folder, table)
    open(path, "w").write(text)
    return path


def compare(document, page, rows):
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
        # Zero-fill parts of an image have the image's path, though no file lies behind them.
        if path or region["rule"] != "image":
            expect(f"{at} path", region["object"], path)


VOLATILE = ("object=", "shadow=", "file")


def compare_words(words, rows, first=True):
    """The attributes of regions; those that follow from how far the kernel looked are the first sample's."""
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
        if not first:
            found, wanted = ([word for word in words if not word.startswith(VOLATILE)] for words in (found, wanted))
        expect(f"{row[0]} words", found, wanted)

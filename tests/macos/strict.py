"""Cases that only a kernel that answers as the published sources do can decide."""

import json
import os
import plistlib

from harness import expect, own, taken, vmrec
from parts import FOUNDATION

# Start of a region of real.tsv: type, family, detail, rule.
REAL = {
    "0x100000000": ("__TEXT", "image", None, "image"),
    "0x100010000": ("__DATA_CONST", "image", None, "image"),
    "0x100014000": ("__DATA", "image", None, "image"),
    "0x10001c000": ("__DATA", "image", None, "image"),
    "0x100020000": ("__LINKEDIT", "image", None, "image"),
    "0x10003c000": ("MALLOC metadata", "malloc", None, "tag"),
    "0x100040000": ("MALLOC guard page", "reserved", None, "inaccessible"),
    "0x100050000": ("mapped file", "mapped file", None, "file"),
    "0x100100000": ("MALLOC_TINY", "malloc", None, "tag"),
    "0x100400000": ("__TEXT", "image", None, "image"),
    "0x100488000": ("__DATA_CONST", "image", None, "image"),
    "0x100490000": ("__DATA", "image", None, "image"),
    "0x103000000": ("shared memory", "shared memory", None, "share mode"),
    "0x103100000": ("CoreAnimation", "VM_ALLOCATE", None, "tag"),
    "0x110000000": ("JS VM Gigacage (reserved)", "reserved", None, "reserved"),
    "0x150000000": ("VM_ALLOCATE", "reserved", None, "inaccessible"),
    "0x16b000000": ("STACK GUARD", "reserved", None, "inaccessible"),
    "0x16e800000": ("Stack", "stack", None, "tag"),
    "0x180000000": ("__TEXT", "image", "dyld shared cache, 3 libraries", "shared cache"),
    "0x1b0000000": ("__LINKEDIT", "image", "dyld shared cache, 1 library", "shared cache"),
    "0x1b8000000": ("__DATA", "image", "dyld shared cache, 3 libraries", "shared cache"),
    "0x1c0000000": ("__DATA", "image", "dyld shared cache, 2 libraries", "shared cache"),
    "0x1c1000000": ("__DATA", "image", "dyld shared cache, 2 libraries", "shared cache"),
    "0x1c1100000": ("__DATA", "image", "dyld shared cache", "shared cache"),
    "0x1c4000000": ("__LINKEDIT", "image", "dyld shared cache combined __LINKEDIT", "shared cache"),
    "0x290000000": ("mapped file", "mapped file", None, "file"),
    "0x600000000000": ("MALLOC_NANO", "malloc", None, "tag"),
    "0x600020000000": ("MALLOC_NANO (reserved)", "reserved", None, "reserved"),
}
DEMO = "/Applications/Demo.app/Contents/MacOS/demo"


def names(document):
    keys = ["type", "family", "detail", "rule"]
    return {region["start"]: tuple(region[key] for key in keys) for region in document["regions"]}


def labels(folder):
    table = own("real.tsv", folder)
    db = os.path.join(folder, "labels.db")
    vmrec("record", "4242", "--every", "50ms", "--samples", "3", "--db", db, table=table)
    numbers = taken(db)
    for place, number in enumerate(numbers, 1):
        out, _ = vmrec("map", "--at", f"#{number}", "--db", db, "--json")
        document = json.loads(out)
        found = names(document)
        for start, wanted in REAL.items():
            # The mapped file is gone in the third table.
            if start in found or place < 3:
                expect(f"type of {start} in sample {place}", found.get(start), wanted)
        objects = {region["start"]: region["object"] for region in document["regions"]}
        expect("the zero-fill part is the image's", objects["0x10001c000"], DEMO)
    # No segment becomes another region as its pages are written, and none is named by a neighbour.
    kinds = set()
    for number in numbers:
        query = f"SELECT flags, offset, object FROM region_at('#{number}') WHERE range LIKE '100014000-%'"
        out, _ = vmrec("sql", query, "--db", db, "--json")
        kinds.add(out)
    expect("one identity of __DATA", len(kinds), 1)


def selftests(folder):
    """The figures that mean the same agree on a kernel that counts as the real one."""
    for table in ["real.tsv", "intel.tsv", "rosetta.tsv"]:
        out, _ = vmrec("selftest", table=own(table, folder))
        expect(f"what the self-test says on {table}", "figures agree" in out and "~~~" in out, True)
    path = os.path.join(folder, "differs.tsv")
    open(path, "w").write(open(own("real.tsv", folder)).read().replace("@footprint", "@vminfo virtual_size=4096\n@footprint", 1))
    out, _ = vmrec("selftest", table=path, status=1)
    for words in ["DIFFERS\n", "a region outside of submaps is missing", "please report this output"]:
        expect(f"{words} where a figure differs", words in out, True)


def rights(folder):
    """Read ports suffice; without one, totals alone are kept and marked; without those, nothing."""
    table = own("rights.tsv", folder)
    out, _ = vmrec("map", "4250", "--json", table=table)
    expect("regions by the read port", len(json.loads(out)["regions"]), 3)
    _, error = vmrec("map", "4251", table=table, status=3)
    for word in ["not permitted", "get-task-allow", "codesign", "DevToolsSecurity", "vmmap"]:
        expect(f"{word} in the refusal", word in error, True)
    for refused in ["read", "read,name"]:
        # The totals come from the name port, without it from proc_pid_rusage.
        path = os.path.join(folder, f"{refused}.tsv")
        text = open(table).read().replace("@refuse control,read pid=4251", f"@refuse control,{refused} pid=4251")
        open(path, "w").write(text)
        db = os.path.join(folder, f"{refused}.db")
        _, error = vmrec("record", "4251", "--every", "50ms", "--samples", "2", "--db", db, table=path)
        expect("a note on totals alone", "totals alone" in error, True)
        # A tick that a busy machine missed is a row too.
        query = "SELECT footprint_bytes FROM samples() WHERE footprint_bytes IS NOT NULL"
        out, _ = vmrec("sql", query, "--db", db, "--json")
        totals = json.loads(out)
        expect("samples of totals", len(totals), 2)
        expect("their footprint", {row["footprint_bytes"] for row in totals}, {5242880})
        out, _ = vmrec("sql", "SELECT peak_footprint_bytes AS p FROM samples() WHERE p IS NOT NULL", "--db", db, "--json")
        # The ledger's, without a port that of rusage.
        wanted = 8388608 if "name" in refused else 7340032
        expect("the peak of the footprint", {row["p"] for row in json.loads(out)}, {wanted})
        out, _ = vmrec("map", "--at", "end", "--db", db, "--json")
        document = json.loads(out)
        expect("the mark", ("totals alone" in document["totals_alone"], document["torn"]), (True, None))
        expect("regions that are unknown", document["regions"], None)
        expect("sums that are unknown", set(document["total"].values()) - {5242880}, {None})
        out, _ = vmrec("sql", "SELECT DISTINCT state, regions FROM samples() WHERE state <> 'missed'", "--db", db, "--json")
        expect("their state", json.loads(out), [{"state": "totals", "regions": None}])
        out, _ = vmrec("diff", "start", "end", "--db", db, "--json")
        document = json.loads(out)
        expect("no change of regions is known", document["total"]["resident_bytes"]["delta"], None)
        expect("that of the footprint is", document["process"]["footprint_bytes"]["delta"], 0)
        _, error = vmrec("chart", "-o", os.path.join(folder, "c.svg"), "--db", db, status=4)
        expect("no chart of zeros", "regions of all 2 samples are unknown" in error, True)
        for command in [("list",), ("info",)]:
            vmrec(*command, "--db", db)
    _, error = vmrec("record", "4252", "--db", os.path.join(folder, "none.db"), table=table, status=3)
    expect("all is refused", "not permitted" in error, True)
    # A helper that launchd started belongs to the application that it works for; its regions are refused.
    db = os.path.join(folder, "tree.db")
    vmrec("record", "--tree", "4250", "--every", "50ms", "--samples", "2", "--db", db, table=table)
    out, _ = vmrec("list", "--json", "--db", db)
    expect("the application and its helper", sorted(row["pid"] for row in json.loads(out)), [4250, 4251])
    out, _ = vmrec("diff", "--session", "1", "--json", "--db", db)
    changes = {row["pid"]: row["resident_bytes"]["to"] for row in json.loads(out)["processes"]}
    expect("what is known of each", (changes[4250] is None, changes[4251]), (False, None))
    # An older system has no read ports: then control is asked for.
    path = os.path.join(folder, "older.tsv")
    open(path, "w").write(open(own("real.tsv", folder)).read().replace("@page", "@missing task_read_for_pid\n@page", 1))
    out, _ = vmrec("map", "4242", "--json", table=path)
    expect("regions by the control port", len(json.loads(out)["regions"]) > 30, True)


def header(folder):
    """The program's processor and the release of the system."""
    out, _ = vmrec("map", "4242", "-summary", table=own("real.tsv", folder))
    for line in ["Identifier:      demo\n", "Version:         ???\n", "Platform:        macOS\n",
                 "Target Type:     live task\n", "Report Version:  7\n", "Code Type:       ARM64", "OS Version:      macOS 26.5.2 (25F84), Darwin"]:
        expect(line, line in out, True)
    # A bundle: its property lists name the program. A link is not followed.
    contents = os.path.join(folder, "Demo.app/Contents")
    os.makedirs(contents)
    for name, keys in [("Info", {"CFBundleIdentifier": "com.example.demo", "CFBundleShortVersionString": "2.1",
                                 "CFBundleVersion": "17"}),
                       ("real", {"ProjectName": "Demo", "SourceVersion": "300", "BuildVersion": "4"})]:
        with open(os.path.join(contents, f"{name}.plist"), "wb") as file:
            plistlib.dump(keys, file, fmt=plistlib.FMT_BINARY if name == "Info" else plistlib.FMT_XML)
    bundled = os.path.join(folder, "bundled.tsv")
    text = open(own("real.tsv", folder)).read()
    open(bundled, "w").write(text.replace(" demo /Applications/", f" demo {folder}/"))
    version = os.path.join(contents, "version.plist")
    os.symlink("real.plist", version)
    out, _ = vmrec("map", "4242", "-summary", table=bundled)
    expect("the bundle's name", "Identifier:      com.example.demo\nVersion:         2.1 (17)\nCode Type" in out, True)
    os.replace(os.path.join(contents, "real.plist"), version)
    out, _ = vmrec("map", "4242", "-summary", table=bundled)
    expect("its build", "Version:         2.1 (17)\nBuild Info:      Demo-300~4\nCode Type" in out, True)
    out, _ = vmrec("map", "4244", "-summary", table=own("rosetta.tsv", folder))
    expect("the processor of a translated program", "Code Type:       X86-64" in out, True)


def footprint(folder):
    """Pages as the footprint counts them, with what is mapped nowhere; the mode is kept with the regions."""
    table = own("real.tsv", folder)
    out, _ = vmrec("map", "4242", "--footprint", "--json", table=table)
    document = json.loads(out)
    expect("a whole sample", document["torn"], None)
    last = document["regions"][-1]
    expect("the last entry", (last["type"], last["family"]), ("owned unmapped memory", "kernel/device"))
    # What graphics own, and nonvolatile purgeable memory.
    expect("what is mapped nowhere", last["resident_bytes"], 1048576 + 32 * 16384)
    expect("and is the process's own", last["private_bytes"], last["resident_bytes"])
    regions = {region["start"]: region for region in document["regions"]}
    # Column 23 of the table.
    expect("pages of the pmap", regions["0x100800000"]["resident_bytes"], 98 * 16384)
    expect("a segment written as a whole", names(document)["0x100010000"][0], "__DATA_CONST")
    out, _ = vmrec("map", "4242", "--footprint", "-summary", table=table)
    expect("the page says so", "pages that this process maps" in out, True)
    out, _ = vmrec("map", "4242", "-summary", table=table)
    expect("the other page too", "pages of objects" in out, True)
    expect("nothing is invented", "owned unmapped" in out, False)

    db = os.path.join(folder, "footprint.db")
    vmrec("record", "4242", "--footprint", "--every", "50ms", "--samples", "3", "--db", db, table=table)
    for place in [1, 3]:
        query = f"SELECT count(*) AS n FROM region_at('#{place}') WHERE ' ' || flags || ' ' NOT LIKE '% footprint %'"
        out, _ = vmrec("sql", query, "--db", db, "--json")
        expect("regions counted otherwise", json.loads(out)[0]["n"], 0)
    out, _ = vmrec("reclassify", "--dry-run", "--json", "--db", db)
    expect("the same rules change nothing", json.loads(out)["changes"], [])

    svg = os.path.join(folder, "footprint.svg")
    vmrec("chart", "--metric", "footprint", "-o", svg, "--db", db)
    out, _ = vmrec("sql", "SELECT dirty_bytes, private_dirty_bytes AS own, share_mode FROM region_at('end')", "--db", db, "--json")
    for row in json.loads(out):
        is_shared = row["share_mode"] in ("SHM", "S/A", "ALI")
        wanted = None if is_shared and row["dirty_bytes"] else row["dirty_bytes"]
        expect("written pages that are its own", row["own"], wanted)

    plain = os.path.join(folder, "real.tsv.db")
    _, error = vmrec("chart", "--metric", "footprint", "-o", svg, "--db", plain, status=4)
    expect("pages of objects have no footprint", "footprint is unknown" in error, True)
    _, error = vmrec("compare", f"{plain}:1", f"{db}:1", status=2)
    expect("sizes that mean different things", "not comparable" in error, True)
    vmrec("compare", f"{plain}:1", f"{db}:1", "--metric", "virtual")

    path = os.path.join(folder, "without.tsv")
    open(path, "w").write(open(table).read().replace("@page", "@missing vm.self_region_footprint\n@page", 1))
    _, error = vmrec("map", "4242", "--footprint", table=path, status=3)
    expect("a kernel without it", "leave out --footprint" in error, True)


def libraries(folder):
    """Libraries of the shared cache that come and go: in the second table one less is listed, in the third all again."""
    first, second, third = open(own("real.tsv", folder)).read().split("@next\n")
    # The number of images in dyld's list and the time of its last change.
    listed = lambda count: f"@bytes 0x100490104 {count:02x}000000\n@bytes 0x1004901b8 {count:02x}00000000000000\n"
    path, db = (os.path.join(folder, f"libraries.{kind}") for kind in ("tsv", "db"))
    open(path, "w").write("@next\n".join([first, listed(3) + second, listed(4) + third]))
    vmrec("record", "4242", "--every", "50ms", "--samples", "3", "--db", db, table=path)
    one = [{"path": FOUNDATION, "uuid": "F0F0F0F0000000000000000000000001"}]
    a, b, c = taken(db)
    for ends, came, went in [((a, b), [], one), ((b, c), one, []), ((a, c), [], [])]:
        out, _ = vmrec("diff", *(f"#{number}" for number in ends), "--db", db, "--json")
        wanted = {"known_from": "list", "came": came, "went": went}
        expect(f"libraries from {ends[0]} to {ends[1]}", json.loads(out)["libraries"], wanted)
    out, _ = vmrec("diff", f"#{a}", f"#{b}", "--db", db)
    expect("the line of diff", "libraries that went: Foundation\n" in out, True)
    query = "SELECT first, gone, address, json_array_length(segments) AS n FROM images WHERE path LIKE '%/Foundation' ORDER BY first"
    out, _ = vmrec("sql", query, "--db", db, "--json")
    spans = [(row["first"], row["gone"], row["address"], row["n"]) for row in json.loads(out)]
    expect("its spans", spans, [(a, b, "0x18014c000", 5), (c, None, "0x18014c000", 5)])
    out, _ = vmrec("sql", "SELECT count(*) AS n, count(DISTINCT path) AS paths FROM images", "--db", db, "--json")
    expect("all images, dyld among them", json.loads(out), [{"n": 6, "paths": 5}])


def zones(folder):
    """malloc's zones: those of another allocator by name, their sizes unknown; a process with other libraries has none."""
    text = open(own("real.tsv", folder)).read()
    # Two addresses of zones; one names itself, and its table of functions is none of vmrec's zones'.
    word = lambda number: number.to_bytes(8, "little").hex()
    zone = "00" * 72 + word(0x100100800) + "00" * 16 + word(0x180001000) + word(13)
    lines = ["@zones 0x100100000 2", f"@bytes 0x100100000 {word(0x100100100)}{word(0x100200000)}",
             f"@bytes 0x100100100 {zone}", '@bytes 0x100100800 "WebKit Malloc"']
    path = os.path.join(folder, "zones.tsv")
    open(path, "w").write(text.replace("@footprint", "\n".join(lines) + "\n@footprint", 1))
    out, error = vmrec("map", "4242", "-summary", table=path)
    expect("nothing is wrong with the zones", "zones are not known" in error, False)
    rows = [line.split() for line in out.splitlines() if line.startswith(("WebKit Malloc_0x", "MallocZone_0x"))]
    unknown = ["-"] * 9
    expect("its zones", rows, [["WebKit", "Malloc_0x100100100", *unknown], ["MallocZone_0x100200000", *unknown]])
    # The first column is as wide as the longest name and four more.
    expect("a column of them", f"{'MALLOC ZONE':<29}{'SIZE':>7}{'SIZE':>11}" in out, True)
    _, error = vmrec("map", "4242", "-summary", table=own("real.tsv", folder))
    expect("without a list of zones", "malloc's zones are not known" in error, True)
    out, _ = vmrec("map", "4242", "--json", table=path)
    expect("no zones in JSON", "zones" in out, False)


def run(folder):
    labels(folder)
    zones(folder)
    libraries(folder)
    selftests(folder)
    rights(folder)
    header(folder)
    footprint(folder)

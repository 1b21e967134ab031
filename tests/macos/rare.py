"""Answers that few processes or systems give: labels, processors, lists of images that are damaged, rules of a user's own."""

import json
import os

from edges import write
from harness import expect, own, taken, vmrec
from parts import Cache, Image, lines, rows, translated


def regions(path, pid="4242", *options):
    out, _ = vmrec("map", pid, "--json", *options, table=path)
    return {region["start"]: region for region in json.loads(out)["regions"]}


def labels(folder):
    """Types that follow from rights, share mode and place beside the tag."""
    row = "{}\t{}\t{}\t{}\t1\t0\t{}\t{}\t0\t0\t{}\t1\t0\t{}\t{}\t{}\t{}\t{}\t0\t0\t-"
    found = [row.format("0x1000000", "0x1004000", "rw-", "rwx", 1, 0, 0, 0, "NUL", 0, 0, 0),
             row.format("0x1010000", "0x1014000", "---", "rwx", 70, 0, 0, 0, "NUL", 0, 0, 0),
             row.format("0x1020000", "0x1024000", "r-x", "r-x", 33, 1, 0, 1, "COW", 0, 0, 0x21),
             row.format("0x1030000", "0x1040000", "r--", "r--", 32, 0, 0, 0, "S/A", 1, 0, 0x31),
             row.format("0x1030000", "0x1040000", "rw-", "rw-", 0, 4, 4, 0, "PRV", 0, 1, 0x32),
             row.format("0x1050000", "0x1054000", "rw-", "rwx", 300, 1, 1, 0, "PRV", 0, 0, 0x33)]
    path = os.path.join(folder, "labels.tsv")
    open(path, "w").write(f"@kernel real\n@process 4242 1 {os.getuid() or 501} 1700000000 demo /bin/demo\n" + "\n".join(found) + "\n")
    known = {start: (region["type"], region["rule"], region["private_bytes"]) for start, region in regions(path).items()}
    expect("labels", known, {
        "0x1000000": ("MALLOC (reserved)", "reserved", 0), "0x1010000": ("Image IO", "tag", 0),
        "0x1020000": ("__TEXT", "shared cache", 0), "0x1030000": ("__DATA", "shared cache", 0x4000),
        "0x1050000": ("VM_ALLOCATE", "tag", 0x1000)})


def machines(folder):
    """Processors, platforms and releases in the heading."""
    text = open(own("real.tsv", folder)).read().replace("@arch arm64\n@platform 1\n", "")
    path = os.path.join(folder, "machine.tsv")

    def heading(*head):
        open(path, "w").write(text.replace("@page", "\n".join(head) + "\n@page", 1))
        out, _ = vmrec("map", "4242", "-summary", table=path)
        return out

    for arch, code in [("i386", "I386 (translated)"), ("x86_64h", "X86-64H (translated)"), ("arm64e", "ARM64E")]:
        expect(f"code type of {arch}", f"Code Type:       {code}\n" in heading(f"@arch {arch}"), True)
    for number, name in [(2, "iOS"), (6, "macCatalyst"), (7, "iOS Simulator"), (8, "tvOS Simulator"),
                         (9, "watchOS Simulator"), (10, "DriverKit")]:
        expect(f"platform {number}", f"Platform:        {name}\n" in heading(f"@platform {number}"), True)
    expect("a platform without a name", "Platform:" in heading("@platform 99"), False)
    expect("no build of the system", "OS Version:      macOS 26.5.2, Darwin" in heading("@missing kern.osversion"), True)
    expect("no release", "OS Version:      macos Darwin" in heading("@missing kern.osproductversion"), True)


def images(folder):
    """Lists of images that dyld changes, or that are damaged: names are missing, regions are not."""
    path = translated(folder)
    text = open(path).read()
    count = len(regions(path, "4244"))

    def names(changed):
        open(path, "w").write(changed)
        found = regions(path, "4244")
        expect("regions", len(found), count)
        return found["0x7ff800000000"]["detail"]

    expect("the list", names(text), "dyld shared cache, 2 libraries")
    at, base = 0x100100000, 0x7FF800000000
    for what, line in [("an array that dyld is changing", f"@bytes {at + 8:#x} {'00' * 8}"),
                       ("a list that cannot be read", "@dyld 0x5000"),
                       ("a cache without its magic word", f"@bytes {base:#x} {'00' * 8}"),
                       ("a cache of no size", f"@bytes {base + 232:#x} {'00' * 8}")]:
        detail = names(text.replace("@bytes", f"{line}\n@bytes", 1) if line.startswith("@dyld") else
                       text.replace("0x7ff800000000\t", f"{line}\n0x7ff800000000\t", 1))
        wanted = None if what.startswith(("an", "a list")) else "dyld shared cache, 2 libraries"
        expect(what, detail, wanted)
    # A load command without a size; commands longer than any program's.
    for what, place, number in [("size", 0x1000 + 32 + 4, 0), ("commands", 0x1000 + 20, 0x7FFFFFFF)]:
        line = f"@bytes {base + place:#x} {number.to_bytes(4, 'little').hex()}"
        detail = names(text.replace("0x7ff800000000\t", f"{line}\n0x7ff800000000\t", 1))
        expect(f"a header with a wrong {what}", detail, "dyld shared cache, 1 library")
    # A path across pages, and one that never ends.
    image = Image("/usr/lib/libone.dylib", base + 0x1000, [("__TEXT", base + 0x1000, 0x1800, "r-x")])
    told = lines(at, [image], Cache(base, [(base, 0x10000, "r-x")], start=base), timestamp=9, cache_base=base, data=at + 0xFD8)
    base_text = "\n".join(line for line in text.splitlines() if not line.startswith(("@dyld", "@bytes")))
    crossing = base_text.replace("0x7ff800000000\t", "\n".join(told) + "\n0x7ff800000000\t", 1) + "\n"
    open(path, "w").write(crossing)
    out, _ = vmrec("map", "4244", "-w", table=path)
    part = "7ff800001000-7ff800002800"
    expect("a path across pages", rows(out)[part][4], "/usr/lib/libone.dylib")
    long = f"@bytes {at + 0xFD8 + 24:#x} {'61' * 2000}\n0x7ff800000000\t"
    open(path, "w").write(crossing.replace("0x7ff800000000\t", long, 1))
    out, _ = vmrec("map", "4244", "-w", table=path)
    expect("a path that is too long", rows(out)[part][4], "?")


def own_types(folder):
    """A type of the user's own goes before those of macOS, in each sample the same."""
    types = os.path.join(folder, "types.toml")
    open(types, "w").write('[[type]]\nname = "Icons"\nfamily = "mapped file"\nobject = "*/Assets.car"\n')
    found = regions(own("real.tsv", folder), "4242", "--types", types)["0x290000000"]
    expect("the own type", (found["type"], found["rule"]), ("Icons", "user"))
    db = os.path.join(folder, "types.db")
    vmrec("record", "4242", "--types", types, "--every", "50ms", "--samples", "2", "--db", db,
          table=own("real.tsv", folder))
    out, _ = vmrec("sql", "SELECT count(*) AS n FROM region_at('end') WHERE type = 'Icons'", "--db", db, "--json")
    expect("its identity", json.loads(out)[0]["n"], 1)


def changes(folder):
    """A region that gets other rights is another, also where nothing else of it changed."""
    path = write(folder, "rights.tsv", "", "")
    first, second = open(path).read().split("@next\n")
    open(path, "w").write(first + "@next\n" + second.replace("r-x\trwx", "r--\trwx", 1))
    db = os.path.join(folder, "changes.db")
    vmrec("record", "4242", "--every", "50ms", "--samples", "2", "--db", db, table=path)
    found = []
    for number in taken(db):
        query = f"SELECT protection FROM region_at('#{number}') WHERE range LIKE '1000-%'"
        out, _ = vmrec("sql", query, "--db", db, "--json")
        found.append(json.loads(out)[0]["protection"])
    expect("its rights", found, ["r-x", "r--"])


def facts(folder):
    """A file's device and number come with its path; the parts of the footprint sum to it, the rest named."""
    db = os.path.join(folder, "facts.db")
    vmrec("record", "4242", "--every", "50ms", "--samples", "2", "--db", db, table=own("real.tsv", folder))
    out, _ = vmrec("sql", "SELECT * FROM object WHERE name = '/usr/lib/dyld'", "--db", db, "--json")
    [row] = json.loads(out)
    expect("dyld's file", (row["device_major"] << 24 | row["device_minor"], row["inode"]), (16777234, 1152921500312345678))
    parts = [f"{part}_footprint_bytes" for part in ["peak", "graphics", "purgeable", "media", "network", "neural"]]
    out, _ = vmrec("sql", f"SELECT {', '.join(parts)} FROM samples() ORDER BY number LIMIT 1", "--db", db, "--json")
    expect("parts of the footprint", list(json.loads(out)[0].values()), [20971520, 1048576, 524288, 0, 0, 0])
    out, _ = vmrec("info", "--db", db)
    expect("the rest of it", "1024K graphics, 0K media, 0K network, 0K neural, 11.0M other" in out, True)


def refusals(folder):
    """What macOS does not offer is refused before anything starts."""
    db = os.path.join(folder, "refused.db")
    _, error = vmrec("record", "--allocs", "--db", db, "--", "/bin/true", table=own("real.tsv", folder), status=3)
    expect("blocks of the allocator", "MallocStackLogging" in error, True)
    # A folder in the place of a property list is none.
    contents = os.path.join(folder, "Odd.app/Contents")
    os.makedirs(os.path.join(contents, "Info.plist"))
    path = os.path.join(folder, "odd.tsv")
    text = open(own("real.tsv", folder)).read()
    open(path, "w").write(text.replace(" demo /Applications/Demo.app/", f" demo {folder}/Odd.app/"))
    out, _ = vmrec("map", "4242", "-summary", table=path)
    expect("no identifier of its own", "Identifier:      demo\n" in out, True)
    # More zones than any process has.
    open(path, "w").write(text.replace("@footprint", "@zones 0x100100000 2000\n@footprint", 1))
    _, error = vmrec("map", "4242", "-summary", table=path)
    expect("too many zones", "malloc's zones are not known" in error, True)


def run(folder):
    folder = os.path.join(folder, "rare")
    os.mkdir(folder)
    labels(folder)
    machines(folder)
    images(folder)
    own_types(folder)
    changes(folder)
    facts(folder)
    refusals(folder)

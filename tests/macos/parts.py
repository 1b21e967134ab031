"""The page of regions that hold several libraries: their parts by library and segment."""

import os
import re
import sys

from harness import KIT, expect, own, taken, vmrec

sys.path.insert(0, os.path.join(KIT, "machrun"))
from build_dyld import Cache, Image, lines  # noqa: E402

FOUNDATION = "/System/Library/Frameworks/Foundation.framework/Versions/C/Foundation"
# Rows of parts of the shared cache: addresses, type, size and what of it is in memory and dirty, detail.
PARTS = [
    ("180100000-180101f00", "__TEXT", "8K", "8K", "0K", "/usr/lib/libSystem.B.dylib"),
    ("180104000-18014b000", "__TEXT", "284K", "284K", "0K", "/usr/lib/libobjc.A.dylib"),
    ("180e88000-1b0000000", "unused __TEXT", "753.5M", "32.3M", "0K", "unused  unknown system shared lib __TEXT"),
    ("1b0000000-1b5000000", "__OBJC_RO", "80.0M", "6400K", "0K", "/usr/lib/libobjc.A.dylib"),
    ("1b8000f10-1b8000fa8", "__DATA_CONST", "152", "152", "0K", "/usr/lib/libSystem.B.dylib"),
    ("1b8000fa8-1b8002f00", "__DATA_CONST", "8K", "8K", "0K", "/usr/lib/libobjc.A.dylib"),
    ("1c0000000-1c0002410", "__DATA", "9K", "9K", "9K", "/usr/lib/libobjc.A.dylib"),
    ("1c1003020-1c10042c8", "__DATA_DIRTY", "5K", "5K", "5K", FOUNDATION),
    ("1c10042c8-1c1100000", "unused __DATA", "1007K", "1007K", "1007K", "on dirty page  unused system shared lib __DATA"),
    ("1c4000000-1d4000000", "__LINKEDIT", "256.0M", "10.9M", "0K", "dyld shared cache combined __LINKEDIT"),
]


def rows(out):
    """The rows of a page by their addresses: type, size, resident and dirty sizes, detail."""
    found = {}
    for line in out.splitlines():
        row = re.match(r"(\S.*?) +([0-9a-f]+-[0-9a-f]+) +\[ *(\S+) +(\S+) +(\S+) +\S+\] \S+ SM=\S+ *(.*)", line)
        if row:
            found[row[2]] = (row[1], row[3], row[4], row[5], row[6])
    return found


def translated(folder):
    """rosetta.tsv with a shared cache of two libraries: 4 KiB pages before a kernel of 16 KiB."""
    path = os.path.join(folder, "translated.tsv")
    base = 0x7FF800000000
    cache = Cache(base, [(base, 0x10000, "r-x")], start=base, name="x86_64", uuid="CACE")
    text = lambda path, start, size: Image(path, start, [("__TEXT", start, size, "r-x")])
    images = [text("/bin/translated", 0x100000000, 0x4000), text("/usr/lib/libone.dylib", base + 0x1000, 0x1800),
              text("/usr/lib/libtwo.dylib", base + 0x2800, 0xD800)]
    row = "{}\t0x7ff800010000\tr-x\tr-x\t1\t0\t{}\t{}\t0\t0\t0\t3\t{}\t{}\t{}\t{}\t{}\t0xa2000002\t0\t0\t-\t"
    # A written copy of the data of one library, and a part of it without pages, is that library's.
    images[1].segments.append(("__DATA", base + 0x20000, 0x4000, "rw-"))
    cached = [row.format("0x7ff800000000", 32, 0, 0, 0, "S/A", 1, 0), row.format("0x7ff800000000", 0, 3, 1, 1, "COW", 0, 1),
              "0x7ff800020000\t0x7ff800024000\trw-\trw-\t1\t0\t35\t1\t1\t0\t1\t1\t0\t0\tPRV\t0\t0\t0xa2000009\t0\t0\t-\t"]
    told = lines(0x100100000, images, cache, timestamp=9, cache_base=base)
    open(path, "w").write(open(own("rosetta.tsv", folder)).read().rstrip("\n") + "\n" + "\n".join([*told, *cached]) + "\n")
    return path


def run(folder):
    """Regions of the shared cache by library and segment: measured where the process runs, else as far as it is evident."""
    out, _ = vmrec("map", "4242", "-w", table=own("real.tsv", folder))
    expect("rows whose sizes are not known", [place for place, row in rows(out).items() if "-" in row[1:4]], [])
    for place, *wanted in PARTS:
        expect(f"the row of {place}", rows(out).get(place), tuple(wanted))
    expect("sums by segment", re.search(r"^__OBJC_RO +80.0M +6400K +0K", out, re.M) is not None, True)
    expect("regions of the cache as a whole", "dyld shared cache, 3 libraries" in out, False)
    # A recording has no states of pages: what is not evident is not known.
    db = os.path.join(folder, "parts.db")
    vmrec("record", "4242", "--every", "50ms", "--samples", "1", "--db", db, table=own("real.tsv", folder))
    out, _ = vmrec("map", "--at", f"#{taken(db)[0]}", "-w", "--db", db)
    kept = rows(out)
    expect("a recorded part", kept["180104000-18014b000"], ("__TEXT", "284K", "-", "0K", "/usr/lib/libobjc.A.dylib"))
    expect("one of a region that is in memory", kept["1c1000000-1c1003020"][:4], ("__DATA_DIRTY", "12K", "12K", "12K"))
    expect("sums by region", "The sums have regions of the shared cache as a whole" in out, True)
    # A translated process has smaller pages than the kernel, which has to know that they are meant.
    path = translated(folder)
    out, _ = vmrec("map", "4244", "-w", table=path)
    expect("parts in small pages", rows(out).get("7ff800001000-7ff800002800"), ("__TEXT", "6K", "6K", "0K", "/usr/lib/libone.dylib"))
    expect("copied data", rows(out)["7ff800020000-7ff800024000"], ("__DATA", "16K", "4K", "4K", "/usr/lib/libone.dylib"))
    text = open(path).read()
    open(path, "w").write(text.replace("@kernelpage", "@missing vm.self_region_page_size\n@kernelpage", 1))
    out, _ = vmrec("map", "4244", "-w", table=path)
    expect("unknown pages", rows(out).get("7ff800001000-7ff800002800"), ("__TEXT", "6K", "-", "0K", "/usr/lib/libone.dylib"))
    # Only the page divides regions.
    out, _ = vmrec("map", "4242", "--rules", table=own("real.tsv", folder))
    expect("regions as they are", "dyld shared cache, 3 libraries" in out, True)

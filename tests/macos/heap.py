"""Heaps in zones: blocks, classes, leaks and texts, on a copy of the loader with the allocator of malloc.h."""

import json
import os
import shutil
import subprocess

import harness
from harness import KIT, RUN, expect, own, vmrec

TABLE = 0x7E0000000000  # of malloc.h
TINY, DATA, CONST = 0x100100000, 0x100014000, 0x100010000
ZONE, BLOCKS = TINY + 0x100, TINY + 0x10000
IN_USE, RANGE, OWN = 1, 2, 4
NAMES = ["_task_suspend", "_task_resume", "_task_threads", "_thread_get_state"]


def loader(folder):
    """A loader with malloc.h: the kit's sources with its functions in front of the others."""
    sources = os.path.join(folder, "machrun")
    shutil.copytree(os.path.join(KIT, "machrun"), sources)
    main = os.path.join(sources, "machrun.c")
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "malloc.h")
    text = open(main).read()
    imports = "static const struct import IMPORTS[] = {\n"
    entries = "".join(f"    S({name}, h{name}),\n" for name in NAMES) + "    S(_malloc_get_all_zones, h_all_zones),\n"
    text = text.replace(imports, f'#include "{here}"\n{imports}{entries}', 1)
    open(main, "w").write(text)
    program = os.path.join(folder, "loader")
    subprocess.run(["gcc", "-O1", "-std=gnu11", "-w", "-o", program, main, "-Wl,--no-as-needed", "-lpthread", "-ldl",
                    "-lm", "-lgcc_s"], check=True)
    return program


def program(folder):
    """The words that run vmrec on that loader."""
    if "VMREC_MACOS_PROGRAM" in os.environ:
        words = RUN[:]
        at = next(at for at, word in enumerate(words) if word.endswith("/machrun"))
        words[at] = loader(folder)
        return words
    built = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target/darwin"), "x86_64-apple-darwin/debug/vmrec")
    return [loader(folder), built]


def word(number):
    return (number & (1 << 64) - 1).to_bytes(8, "little").hex()


class Table:
    """real.tsv with zones: one of this allocator, one of another."""

    def __init__(self, folder, name, count=None):
        self.path, self.folder, self.count = os.path.join(folder, name), folder, count
        self.lines, self.entries = [], []

    def put(self, address, *numbers):
        self.lines.append(f"@bytes {address:#x} {''.join(map(word, numbers))}")

    def text(self, address, text):
        self.lines.append(f'@bytes {address:#x} "{text}"')

    def block(self, at, size, *numbers):
        """A block of the zone, with these words in it."""
        self.entries.append((IN_USE, BLOCKS + at, size))
        if numbers:
            self.put(BLOCKS + at, *numbers)
        return BLOCKS + at

    def write(self):
        self.put(TINY, ZONE, TINY + 0x8000)
        self.put(ZONE + 72, TINY + 0x9000)
        self.put(ZONE + 96, TABLE, 13)
        self.text(TINY + 0x9000, "DefaultMallocZone")
        self.put(TINY + 0x8000 + 72, TINY + 0x9100)
        self.put(TINY + 0x8000 + 96, 0x180001000, 13)
        self.text(TINY + 0x9100, "WebKit Malloc")
        entries = [(RANGE, BLOCKS, 0x20000), (OWN, TINY, 0x10000), *self.entries]
        self.put(ZONE + 112, len(entries) if self.count is None else self.count, *sum(entries, ()))
        text = open(own("real.tsv", self.folder)).read()
        lines = [f"@zones {TINY:#x} 2", *self.lines]
        open(self.path, "w").write(text.replace("@footprint", "\n".join(lines) + "\n@footprint", 1))
        return self.path


def objects(table):
    """A class of Objective-C in the program's data, one of C++ in its constants; the first words of their objects."""
    a = DATA + 0x2000
    table.put(a, a + 0x100)
    table.put(a + 32, a + 0x400)
    table.put(a + 0x400, 1 << 31, a + 0x200)
    table.put(a + 0x200 + 24, a + 0x500)
    table.text(a + 0x500, "DEMBook")
    table.put(a + 0x100 + 32, a + 0x300)
    table.put(a + 0x300, 1, 0, 0, a + 0x500)
    c = CONST + 0x100
    table.put(c, 0, c + 0x100, 0)  # the table begins at c + 16
    table.put(c + 0x100, c + 0x210, c + 0x300)
    table.text(c + 0x300, "N4shop4PageE")
    table.put(c + 0x200, 0, c + 0x400, 0)
    table.put(c + 0x400, c + 0x210, c + 0x500)
    table.text(c + 0x500, "N10__cxxabiv117__class_type_infoE")
    # As objc4 packs it on Intel processors, with a count of references.
    return 0x001D800000000001 | a | 6 << 56, c + 16


def run(folder):
    words = program(folder)
    stops = os.path.join(folder, "stops")

    def run_vmrec(*arguments, table, status=0, **environment):
        found, harness.RUN[:] = harness.RUN[:], words
        try:
            return vmrec(*arguments, table=table, status=status, MACHRUN_STOPS=stops, **environment)
        finally:
            harness.RUN[:] = found

    def stopped():
        """The lines on suspensions since the last time; each has an end."""
        lines = open(stops).read().split() if os.path.exists(stops) else []
        if lines:
            os.remove(stops)
        return lines

    table = Table(folder, "heap.tsv")
    book, page = objects(table)
    held = table.block(0x200, 0x40, page, 7)
    first = table.block(0x100, 0x30, book, held)
    circle = [BLOCKS + 0x1000, BLOCKS + 0x1100]
    table.block(0x1000, 0x30, book, circle[1])
    table.block(0x1100, 0x30, book, circle[0] + 8)
    for at in (0x2000, 0x2100, 0x2200):
        table.text(table.block(at, 0x20), "the same text")
    table.block(0x3000, 0x8000)
    # The first pages of a region are the resident ones. A global variable and the stack hold blocks, a word below the stack pointer does not.
    table.put(DATA + 0x40, BLOCKS + 0x2000)
    table.put(0x16E80C000, BLOCKS + 0x2100)
    table.put(0x16E804000, BLOCKS + 0x2200)
    path = table.write()

    registers = ",".join(["0"] * 4 + [hex(first)] + ["0"] * 2 + ["0x16e808000"])
    out, _ = run_vmrec("heap", "4242", "--json", table=path, MACHRUN_REGISTERS=registers)
    document = json.loads(out)
    classes = {group["class"]: (group["blocks"], group["bytes"]) for group in document["classes"] if group["class"]}
    expect("classes", classes, {"DEMBook": (3, 0x90), "shop::Page": (1, 0x40)})
    expect("blocks in use", document["in_use"], {"blocks": 8, "bytes": 0x90 + 0x40 + 3 * 0x20 + 0x8000})
    expect("what is not known of zones", (document["malloc"]["cached"], document["malloc"]["top_bytes"]), (None, None))
    zones = [(region["kind"], region["arena"], region["used"]["blocks"]) for region in document["regions"]]
    expect("regions", zones, [("zone", 0, 0), ("zone", 0, 8)])
    sums = document["malloc"]
    expect("sums", sums["used"]["bytes"] + sums["free"]["bytes"] + sums["overhead_bytes"], 0x30000)
    expect("the other allocator", ["1 zone is of other allocators: blocks there are not shown"], document["problems"])
    expect("one stop, that ended", stopped(), ["suspend", "resume"])

    out, _ = run_vmrec("heap", "4242", table=path, MACHRUN_REGISTERS=registers)
    for text in ["1 thread stopped for", "malloc of macOS, 2 zones", "DEMBook", "free, between blocks in use"]:
        expect(f"{text} on the page", text in out, True)
    expect("no lists of arenas", "tcache" in out or "(top)" in out, False)

    out, _ = run_vmrec("leaks", "4242", "--json", table=path, MACHRUN_REGISTERS=registers)
    leaks = sorted(leak["address"] for leak in json.loads(out)["leaks"])
    expect("leaks", leaks, [hex(circle[0]), hex(BLOCKS + 0x2200), hex(BLOCKS + 0x3000)])
    run_vmrec("leaks", "4242", "--at-most", "3", table=path, status=1, MACHRUN_REGISTERS=registers)
    out, error = run_vmrec("leaks", "4242", "--json", table=path, MACHRUN_REGISTERS="none")
    # Nor is it known then which words of the stack are stale.
    leaks = sorted(leak["address"] for leak in json.loads(out)["leaks"])
    expect("leaks without registers", leaks, [hex(first), hex(circle[0]), hex(BLOCKS + 0x3000)])
    expect("and a note says so", "only their registers hold" in error, True)

    out, _ = run_vmrec("strings", "4242", "--show", "--json", table=path)
    expect("texts", json.loads(out)["copies"][0]["blocks"], 3)
    expect("the text itself", "the same text" in out, True)

    # The page of zones, by the same functions.
    out, _ = run_vmrec("map", "4242", "-summary", table=path)
    rows = [line.split() for line in out.splitlines() if line.startswith("DefaultMallocZone_0x")]
    expect("the zone's row", (len(rows), rows[0][5], rows[0][6]), (1, "8", "32K"))
    out, _ = run_vmrec("map", "4242", "-w", table=path)
    tiny = next(line for line in out.splitlines() if line.startswith("MALLOC_TINY "))
    expect("its regions name it", tiny.rstrip().endswith(f"DefaultMallocZone_{ZONE:#x} zone structure"), True)
    stopped()

    odd(run_vmrec, stopped, folder)
    faults(run_vmrec, stopped, folder)


def odd(run_vmrec, stopped, folder):
    """Classes of Swift, words that only look like classes, blocks that cannot be."""
    table = Table(folder, "odd.tsv")
    book, _ = objects(table)
    table.text(DATA + 0x2500, "_TtC4Demo4Book")
    a = DATA + 0x2000
    table.block(0x100, 0x20, book)
    table.block(0x200, 0x20, a)  # an isa without other bits
    table.block(0x300, 0x20, a + 0x100)  # the class of the class
    table.block(0x400, 0x20, a + 0x700)  # in the program's data, but no class
    table.block(0x508, 0x20)
    table.block(0x410, 0x40)
    out, _ = run_vmrec("heap", "4242", "--json", table=table.write())
    document = json.loads(out)
    classes = {group["class"]: group["blocks"] for group in document["classes"]}
    expect("a class of Swift, and no other", classes, {"Demo.Book": 2, None: 2})
    expect("odd blocks", document["problems"][0], "the allocator lists 2 blocks where none can be: left out")
    expect("they stay, so all stops were tried", document["stops"], 5)
    expect("each of which ended", stopped(), ["suspend", "resume"] * 5)


def faults(run_vmrec, stopped, folder):
    """Lists that loop, fault or fail; refusals. None keeps the process stopped."""
    _, error = run_vmrec("heap", "4242", "--max-stop", "1ms", table=Table(folder, "loops.tsv", -1).write(), status=3)
    expect("a list that never ends", "is not known" in error, True)
    expect("suspended by a child that the kernel ended", stopped(), ["suspend"])
    for name in ["loops.tsv", "faults.tsv"]:
        path = Table(folder, f"map-{name}", -1 if name == "loops.tsv" else -2).write()
        out, error = run_vmrec("map", "4242", "-summary", table=path)
        expect(f"the page of a process of {name}", "MALLOC_TINY" in out and "zones are not known" in error, True)
    _, error = run_vmrec("heap", "4242", table=Table(folder, "faults.tsv", -2).write(), status=3)
    expect("a list that faults", "is not known" in error, True)
    stopped()
    out, _ = run_vmrec("heap", "4242", "--json", table=Table(folder, "fails.tsv", -3).write())
    expect("a list that fails", "2 zones are of other allocators" in json.loads(out)["problems"][0], True)
    expect("its stop ended", stopped(), ["suspend", "resume"])
    out, _ = run_vmrec("heap", "4242", "--json", table=Table(folder, "changes.tsv", -4).write())
    expect("a list in the middle of a change is read again", json.loads(out)["stops"], 2)
    expect("both stops ended", stopped(), ["suspend", "resume"] * 2)
    _, error = run_vmrec("heap", "4242", "--max-stop", "1us", table=Table(folder, "late.tsv").write(), status=3)
    expect("no time at all", "would have been stopped for more than" in error, True)
    expect("its stop ended too", stopped(), ["suspend", "resume"])
    out, _ = run_vmrec("heap", "4242", "--json", table=Table(folder, "large.tsv", 20_000_000).write())
    expect("more than may be copied", "2 zones are of other allocators" in json.loads(out)["problems"][0], True)
    stopped()
    table = Table(folder, "plain.tsv").write()
    _, error = run_vmrec("heap", "4242", table=table, status=3, MACHRUN_REFUSE="task_suspend")
    expect("a kernel that does not suspend", "task_suspend" in error, True)
    expect("it was not stopped", stopped(), [])
    _, error = run_vmrec("leaks", "4242", table=table, status=3, MACHRUN_REFUSE="task_threads")
    expect("a kernel that does not list threads", "task_threads" in error, True)
    expect("it runs on", stopped(), ["suspend", "resume"])
    # Without zones, or the right to stop it, it is not stopped.
    _, error = run_vmrec("heap", "4242", table=own("real.tsv", folder), status=3)
    expect("no zones", "malloc_get_all_zones" in error, True)
    _, error = run_vmrec("heap", "4250", table=own("rights.tsv", folder), status=3)
    expect("the right to stop", "not permitted" in error and "get-task-allow" in error, True)
    expect("nothing was stopped", stopped(), [])

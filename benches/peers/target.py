"""A process with many mappings, or one large one, that times its own mmap meanwhile.

Each line of standard input ends a stretch: the longest mmap since the last one is printed, in
microseconds, with how many there were.
"""
import mmap
import select
import sys
import time

MIB = 1 << 20


def main(kind):
    kept = []
    if kind == "1,000 regions":
        # Alternating rights keep the kernel from merging neighbours.
        for place in range(1000):
            rights = mmap.PROT_READ | (mmap.PROT_WRITE if place % 2 else 0)
            kept.append(mmap.mmap(-1, 16 << 10, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=rights))
            if place % 2:
                kept[-1].write(b"x" * (16 << 10))
    elif kind == "2 GiB":
        memory = mmap.mmap(-1, 2048 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if hasattr(memory, "madvise"):
            memory.madvise(mmap.MADV_NOHUGEPAGE)
        for at in range(0, 2048 * MIB, 4096):
            memory[at] = 1
        kept.append(memory)
    print("ready", flush=True)
    longest, count = 0.0, 0
    while True:
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return
            print(int(longest * 1e6), count, flush=True)
            longest, count = 0.0, 0
        begun = time.perf_counter()
        one = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        longest = max(longest, time.perf_counter() - begun)
        one.close()
        count += 1
        # Busy enough to meet a lock that is held, idle enough to leave a processor to others.
        time.sleep(0.0005)


main(sys.argv[1])

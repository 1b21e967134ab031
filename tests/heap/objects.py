# Makes objects of known number, prints how many there are, and sleeps. The numbers are Python's own: of all objects
# that its collector knows, and of its allocator.
import ctypes
import gc
import os
import sys
import tempfile


class Planted:
    """With a dictionary."""

    def __init__(self, number):
        self.number = number


class Slotted:
    __slots__ = ("one", "other")


class Wide:
    """Larger than what pools have: of malloc."""

    __slots__ = tuple(f"field_{index}" for index in range(100))


class Child(dict):
    pass


kept = [
    [Planted(index) for index in range(12345)],
    [Slotted() for _ in range(2345)],
    [Wide() for _ in range(345)],
    [Child(a=1) for _ in range(45)],
    [b"%1000d" % index for index in range(678)],
    [float(index) / 3 for index in range(7890)],
]
for _ in range(3000):
    Planted(0)  # those that are gone count no more
gc.collect()
gc.disable()
names = ["Planted", "Slotted", "Wide", "Child"]
counts = {name: 0 for name in names}
for kind in map(type, gc.get_objects()):
    if kind in (Planted, Slotted, Wide, Child):
        counts[kind.__name__] += 1
line = " ".join(str(counts[name]) for name in names)


def allocated_bytes():
    """Returns the bytes of blocks of the allocator that are in use; as its statistics have it."""
    if not hasattr(sys, "_debugmallocstats"):
        return -1
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        sys._debugmallocstats()
        ctypes.CDLL(None).fflush(None)
        os.dup2(before, 2)
        os.close(before)
        file.seek(0)
        for text in file.read().decode().splitlines():
            if text.startswith("# bytes in allocated blocks"):
                return int(text.split("=")[1].replace(",", ""))
    return -1


allocated_bytes()
print(line, allocated_bytes(), flush=True)
sys.stdin.readline()

"""A file system that may stop answering: serves one ELF file from memory by FUSE.

    unshare -m python3 fuse.py FOLDER ELF

Prints the number of a process that maps the file. Then reads lines from
standard input: `opens` prints how often the file was opened since the
process mapped it, `hang` lets each further request wait without end.
"""

import ctypes
import os
import struct
import subprocess
import sys
import threading

LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 18, 25, 26
FORGETS = (FORGET, 36, 42)  # They have no answer, nor have interrupts.
ROOT, FILE = 1, 2

folder, elf = sys.argv[1:]
data = open(elf, "rb").read()
device = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f"fd={device},rootmode=40755,user_id=0,group_id=0,allow_other".encode()
if libc.mount(b"slow", folder.encode(), b"fuse.slow", 0, options) != 0:
    sys.exit(f"mount: {os.strerror(ctypes.get_errno())}")

hanging = threading.Event()
opened = 0


def attributes(node):
    size, mode, links = (0, 0o40755, 2) if node == ROOT else (len(data), 0o100755, 1)
    return struct.pack("<6Q10I", node, size, 8, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def answer(code, node, body):
    """Returns the answer's bytes, an error's number, or None if there is none."""
    global opened
    if code == INIT:
        return struct.pack("<4I2H2I2H8I", 7, 31, 65536, 0, 0, 0, 65536, 1, 0, 0, *[0] * 8)
    if code == LOOKUP:
        found = body.rstrip(b"\0") == b"file"
        return struct.pack("<4Q2I", FILE, 0, 1, 1, 0, 0) + attributes(FILE) if found else -2
    if code == GETATTR:
        return struct.pack("<Q2I", 1, 0, 0) + attributes(node)
    if code == OPEN:
        opened += 1
        return struct.pack("<Q2I", 1, 0, 0)
    if code == READ:
        _, offset, size = struct.unpack_from("<2QI", body)
        return data[offset : offset + size]
    return b"" if code in (RELEASE, FLUSH) else -38


def serve():
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError:
            return
        _, code, unique, node = struct.unpack_from("<2I2Q", request)
        if code in FORGETS or (hanging.is_set() and code in (OPEN, READ)):
            global opened
            opened += code == OPEN
            continue
        reply = answer(code, node, request[40:])
        error, reply = (reply, b"") if isinstance(reply, int) else (0, reply)
        try:
            os.write(device, struct.pack("<IiQ", 16 + len(reply), error, unique) + reply)
        except OSError:
            pass


threading.Thread(target=serve, daemon=True).start()
HOLD = """
import mmap, os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
held = mmap.mmap(file, 4096, prot=mmap.PROT_READ)
held[0:100]
os.close(file)
print("held", flush=True)
sys.stdin.read()
"""
holder = subprocess.Popen(
    [sys.executable, "-c", HOLD, f"{folder}/file"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
holder.stdout.readline()
before = opened
print(holder.pid, flush=True)
for line in sys.stdin:
    if line.strip() == "hang":
        hanging.set()
    print(opened - before, flush=True)
holder.kill()
os._exit(0)

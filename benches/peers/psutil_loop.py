"""Records memory_maps(grouped=False) of a process as JSON lines, as a script by hand would."""
import json
import sys
import time

import psutil

pid, count, every, out = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
process = psutil.Process(pid)
begun = time.monotonic()
with open(out, "w") as lines:
    for sample in range(count):
        maps = [list(one) for one in process.memory_maps(grouped=False)]
        lines.write(json.dumps([time.time(), maps]) + "\n")
        lines.flush()
        time.sleep(max(0, begun + (sample + 1) * every - time.monotonic()))

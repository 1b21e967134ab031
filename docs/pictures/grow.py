# Keeps 4 MB more every half second.
import time

kept = []
for _ in range(48):
    kept.append(bytearray(4 << 20))
    time.sleep(0.5)

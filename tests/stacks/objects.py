# Objects, JSON and regular expressions; prints its own processor time in seconds.
import json, re, sys, time, zlib

def build(count):
    return [{"id": i, "name": "user%d" % i, "tags": ["a%d" % (i % 50)] * 3, "v": [i * 0.5] * 8}
            for i in range(count)]

kept = []
for _ in range(int(sys.argv[1])):
    text = json.dumps(build(20000))
    kept.append(json.loads(text))
    zlib.compress(text.encode(), 1)
    kept = kept[-3:]
    re.findall(r"user\d+", text)
print("%.6f" % time.process_time())

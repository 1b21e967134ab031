"""Freezes a process in turns and compares its recording with /proc/PID/smaps."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

# Column of region_at() and the fields of smaps that it is the sum of.
FIELDS = {
    "resident_bytes": ("Rss", "Shared_Hugetlb", "Private_Hugetlb"),
    "private_bytes": ("Private_Clean", "Private_Dirty", "Private_Hugetlb"),
    "dirty_bytes": ("Shared_Dirty", "Private_Dirty"),
    "private_dirty_bytes": ("Private_Dirty",),
    "swapped_bytes": ("Swap",),
    "pss_bytes": ("Pss",),
    "anonymous_bytes": ("Anonymous",),
    "referenced_bytes": ("Referenced",),
    "locked_bytes": ("Locked",),
}
# Processes that run on and map the same file change these of its pages.
OF_OTHERS = ("pss_bytes", "private_bytes")
HEAD = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ (\d+) *(.*)$")


def smaps(pid):
    with open(f"/proc/{pid}/smaps", "rb", buffering=1 << 20) as file:
        return file.read().decode("utf-8", "backslashreplace")


def stopped(pid):
    tasks = os.listdir(f"/proc/{pid}/task")
    states = [open(f"/proc/{pid}/task/{task}/stat").read().rsplit(")", 1)[1].split()[0] for task in tasks]
    return all(state == "T" for state in states)


def freeze(pid, seconds, path):
    """Keeps every reading of a stopped process that was the same before and after."""
    readings, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        os.kill(pid, signal.SIGSTOP)
        try:
            while not stopped(pid):
                time.sleep(0.001)
            before, begun = smaps(pid), time.time_ns()
            time.sleep(0.25)
            ended, after = time.time_ns(), smaps(pid)
        finally:
            os.kill(pid, signal.SIGCONT)
        if before == after:
            readings.append({"begun": begun, "ended": ended, "smaps": before})
        time.sleep(random.uniform(0.02, 0.12))
    with open(path, "w") as file:
        json.dump(readings, file)


def mappings(text):
    found = []
    for line in text.splitlines():
        head = HEAD.match(line)
        if head:
            start, end, protection, _, _, path = head.groups()
            borders = {"start": int(start, 16), "end": int(end, 16)}
            found.append({**borders, "protection": protection[:3], "is_file": path.startswith("/")})
        elif " kB" in line:
            name, value = line.split(":")
            found[-1][name] = int(value.split()[0]) * 1024
    # vsyscall, whose addresses are negative in SQL, has no memory.
    return [mapping for mapping in found if mapping["start"] < 1 << 63]


def sql(vmrec, db, text):
    output = subprocess.run([vmrec, "sql", "--json", "--db", db, text], check=True, capture_output=True)
    return json.loads(output.stdout)


def differences(mapping, regions):
    """Returns the fields that differ, and the number of those that other processes may have changed."""
    if not regions or regions[0]["start"] != mapping["start"] or regions[-1]["end"] != mapping["end"]:
        return ["borders"], 0
    wrong = [one for one, next in zip(regions, regions[1:]) if one["end"] != next["start"]]
    found = ["a hole"] if wrong else []
    if any(region["protection"] != mapping["protection"] for region in regions):
        found.append("protection")
    by_others = 0
    for column, names in FIELDS.items():
        values = [region[column] for region in regions]
        known = [mapping[name] for name in names if name in mapping]
        if None not in values and sum(values) == sum(known):
            continue
        if mapping["is_file"] and column in OF_OTHERS and None not in values:
            by_others += 1
        else:
            found.append(f"{column} {values} {known}")
    return found, by_others


def compare(vmrec, db, path, name):
    with open(path) as file:
        readings = json.load(file)
    samples = sql(vmrec, db, "SELECT number, state, taken_utc_ns AS taken, cost_wall_ns AS cost FROM samples()")
    compared = differing = fields = of_others = 0
    for reading in readings:
        inside = [
            sample
            for sample in samples
            if sample["state"] == "complete"
            and sample["taken"] > reading["begun"]
            and sample["taken"] + sample["cost"] < reading["ended"]
        ]
        if not inside:
            continue
        number = inside[0]["number"]
        regions = sql(vmrec, db, f"SELECT * FROM region_at('#{number}') WHERE start >= 0 ORDER BY start")
        wanted = mappings(reading["smaps"])
        wrong, index = [], 0
        for mapping in wanted:
            own = []
            while index < len(regions) and regions[index]["start"] < mapping["end"]:
                own.append(regions[index])
                index += 1
            found, by_others = differences(mapping, own)
            of_others += by_others
            if found:
                wrong.append(f"{mapping['start']:x}: {', '.join(found)}")
        compared += 1
        fields += len(wanted) * (len(FIELDS) + 3)
        if wrong:
            differing += 1
            print(f"{name}: sample {number} differs: {wrong[:3]}")
    print(
        f"{name:<10} {len(samples)} samples, {compared} compared, {fields} fields, {differing} differ"
        f" ({of_others} fields of files changed by other processes meanwhile)"
    )
    return 0 if compared and not differing else 1


if sys.argv[1] == "freeze":
    freeze(int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
else:
    sys.exit(compare(*sys.argv[2:6]))

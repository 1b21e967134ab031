"""Prints what Perfetto's own schema reads in a trace: counters, marks, and what it does not know.

    python3 read_trace.py TRACE

Needs the package `perfetto` of PyPI, which has the schema. Its trace processor is another download.
"""
import json
import sys

from google.protobuf.unknown_fields import UnknownFieldSet
from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as schema


def unknown(message):
    """Returns how many fields the schema does not have, at any depth."""
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            values = value if field.is_repeated else [value]
            count += sum(unknown(one) for one in values)
    return count


trace = schema.Trace()
with open(sys.argv[1], "rb") as file:
    trace.ParseFromString(file.read())
names, counters, marks, process, clocks = {}, {}, [], None, 0
for packet in trace.packet:
    if packet.HasField("track_descriptor"):
        names[packet.track_descriptor.uuid] = packet.track_descriptor
        if packet.track_descriptor.HasField("process"):
            process = packet.track_descriptor.process
    elif packet.HasField("track_event"):
        event = packet.track_event
        if event.type == schema.TrackEvent.TYPE_COUNTER:
            track = names[event.track_uuid]
            assert track.HasField("counter") and track.parent_uuid in names, track
            counters.setdefault(track.name, []).append([packet.timestamp, event.counter_value])
        elif event.type == schema.TrackEvent.TYPE_INSTANT:
            marks.append([packet.timestamp, event.name])
    elif packet.HasField("clock_snapshot"):
        clocks += 1
print(json.dumps({
    "process": [process.pid, process.process_name],
    "counters": counters,
    "marks": marks,
    "clocks": clocks,
    "unknown": sum(unknown(packet) for packet in trace.packet),
}))

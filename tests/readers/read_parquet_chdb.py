"""Prints what chDB, the engine of ClickHouse, reads in the Parquet files of a folder.

    python3 read_parquet_chdb.py FOLDER

Needs the package `chdb` of PyPI.
"""
import json
import sys

import chdb

folder = sys.argv[1]
tables = {name: f"file('{folder}/{name}/**/*.parquet', Parquet)" for name in ["samples", "sums", "regions"]}


def rows(query):
    query = query.format(**tables) + " SETTINGS use_hive_partitioning = 1, output_format_json_quote_64bit_integers = 0"
    return json.loads(str(chdb.query(query, "JSONCompact")))["data"]


print(json.dumps({
    "samples": rows("SELECT recording_number, process, host, toString(date), number, state, resident_bytes, "
                    "toUnixTimestamp64Micro(taken) FROM {samples} ORDER BY 1, 5"),
    "sums": rows("SELECT s.recording_number, u.number, u.type, u.regions, u.resident_bytes, u.virtual_bytes "
                 "FROM {sums} u JOIN {samples} s ON s.recording = u.recording AND s.number = u.number "
                 "ORDER BY 1, 2, 3"),
    # The regions of each sample by their validity, from the file that has the sample.
    "at": rows("SELECT s.recording_number, s.number AS of, r.type, count(), sum(r.resident_bytes), sum(r.virtual_bytes) "
               "FROM (SELECT *, _file FROM {samples}) s JOIN (SELECT *, _file FROM {regions}) r "
               "ON r.recording = s.recording AND r._file = s._file "
               "WHERE s.state <> 'missed' AND r.valid_from_number <= s.number "
               "AND coalesce(r.valid_to_number > s.number, true) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"),
}))

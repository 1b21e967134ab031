"""Prints what DuckDB reads in the Parquet files of a folder.

    python3 read_parquet.py FOLDER

Needs the package `duckdb` of PyPI.
"""
import json
import sys

import duckdb

folder = sys.argv[1]
tables = {name: f"read_parquet('{folder}/{name}/**/*.parquet', hive_partitioning = true, filename = true)"
          for name in ["samples", "sums", "regions"]}


def rows(query):
    return [list(row) for row in duckdb.sql(query.format(**tables)).fetchall()]


print(json.dumps({
    "samples": rows("SELECT recording_number, process, host, date::VARCHAR, number, state, resident_bytes, epoch_us(taken) "
                    "FROM {samples} ORDER BY 1, 5"),
    "sums": rows("SELECT s.recording_number, u.number, u.type, u.regions, u.resident_bytes, u.virtual_bytes "
                 "FROM {sums} u JOIN {samples} s USING (recording, number) ORDER BY 1, 2, 3"),
    # The regions of each sample by their validity, from the file that has the sample.
    "at": rows("SELECT s.recording_number, s.number, r.type, count(*), sum(r.resident_bytes)::BIGINT, sum(r.virtual_bytes)::BIGINT "
               "FROM {samples} s JOIN {regions} r ON r.recording = s.recording "
               "AND replace(r.filename, '/regions/', '/samples/') = s.filename "
               "AND r.valid_from_number <= s.number AND coalesce(r.valid_to_number > s.number, true) "
               "WHERE s.state <> 'missed' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"),
    "continued": rows("SELECT count(*) FILTER (continued), count(*) FROM {regions}")[0],
    "files": rows("SELECT count(DISTINCT filename) FROM {samples}")[0][0],
}))

"""Makes the Parquet files of a fleet out of those of two real recordings.

    python3 simulate.py BASE FLEET [HOSTS]

BASE is a folder of `vmrec export --parquet` with two recordings of one service, the older build
first. Each host of FLEET (1,000) runs the older build, and from a day of its own on the newer one.
Its rows are those of the recordings, half an hour apart over seven days, with sizes up to 10 %
smaller or larger; hosts, keys and times are made up. Needs the package `duckdb` of PyPI.
"""
import os
import sys

import duckdb

base, fleet = sys.argv[1:3]
hosts = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
SAMPLES = 336  # of half an hour in seven days

db = duckdb.connect()
db.sql("SET preserve_insertion_order = false")
db.sql(f"""CREATE TABLE host AS
    SELECT format('web-{{:04d}}', i) AS host, 0.9 + 0.2 * (hash(i) % 1000) / 1000 AS scale,
           1 + (hash(i + 77777) % 6)::INTEGER AS upgraded FROM range({hosts}) AS hosts(i)""")
db.sql("CREATE TABLE day AS SELECT d::INTEGER AS day FROM range(7) AS days(d)")
db.sql(f"""CREATE TABLE build AS SELECT recording, row_number() OVER (ORDER BY recording_number) AS nth
    FROM (SELECT DISTINCT recording, recording_number FROM read_parquet('{base}/samples/**/*.parquet'))""")
os.makedirs(fleet, exist_ok=True)
for table in ["samples", "sums"]:
    rows = f"read_parquet('{base}/{table}/**/*.parquet', hive_partitioning = false)"
    names = [column for column, *_ in db.sql(f"DESCRIBE SELECT * FROM {rows}").fetchall()]
    scaled = ", ".join(f"({name} * scale)::UBIGINT AS {name}" for name in names
                       if name.endswith("_bytes") and not name.startswith("cgroup"))
    time = "TIMESTAMPTZ '2026-03-01 00:00:00+00' + to_minutes(30 * (b.number - 1)::INTEGER)"
    db.sql(f"""COPY (
        SELECT b.* REPLACE (md5(host || b.recording) AS recording, {time} AS taken, {scaled}),
               host, strftime({time}, '%Y-%m-%d') AS date
        FROM {rows} b JOIN build USING (recording), host, day
        WHERE b.number <= {SAMPLES} AND (b.number - 1) // 48 = day
          AND nth = CASE WHEN day < upgraded THEN 1 ELSE 2 END
        ) TO '{fleet}/{table}' (FORMAT parquet, PARTITION_BY (host, date), OVERWRITE_OR_IGNORE)""")

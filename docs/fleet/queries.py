"""Asks a fleet which build grew, by which type, since when; with three engines.

    python3 queries.py FLEET [duckdb|chdb|spark]

FLEET is a folder of `vmrec export --parquet` of many hosts. Prints each answer and its time.
"""
import sys
import time

# A recording is one run of one build (`record --name "build 1.4.2"`): what it gained a day.
BUILD = """SELECT recording_name AS build, count(*) AS runs, quantile_of_growth AS mb_a_day FROM (
    SELECT recording_name, recording,
        (CAST(max_by(resident_bytes, number) AS DOUBLE) - min_by(resident_bytes, number)) / 1e6
          / greatest((max(number) - min(number)) / 48.0, 0.5) AS growth
    FROM samples WHERE resident_bytes IS NOT NULL GROUP BY recording_name, recording)
    GROUP BY recording_name ORDER BY build"""
# Of that, by type, for the build that grew most.
TYPE = """SELECT type, quantile_of_growth AS mb_a_day FROM (
    SELECT u.type, u.recording,
        (CAST(max_by(u.resident_bytes, u.number) AS DOUBLE) - min_by(u.resident_bytes, u.number)) / 1e6
          / greatest((max(u.number) - min(u.number)) / 48.0, 0.5) AS growth
    FROM sums u JOIN (SELECT DISTINCT recording FROM samples WHERE recording_name = '{build}') s
      ON s.recording = u.recording
    WHERE u.resident_bytes IS NOT NULL GROUP BY u.type, u.recording)
    GROUP BY type ORDER BY mb_a_day DESC LIMIT 4"""
# Since when: the median of that type over all hosts, day by day.
SINCE = """SELECT date, count(DISTINCT recording) AS runs, quantile_of_size AS mb FROM (
    SELECT date, recording, max(resident_bytes) / 1e6 AS size FROM sums
    WHERE type = '{type}' GROUP BY date, recording)
    GROUP BY date ORDER BY date"""

folder = sys.argv[1]
engine = sys.argv[2] if len(sys.argv) > 2 else "duckdb"
if engine == "duckdb":
    import duckdb
    for name in ["samples", "sums"]:
        duckdb.sql(f"CREATE VIEW {name} AS SELECT * FROM "
                   f"read_parquet('{folder}/{name}/**/*.parquet', hive_partitioning = true)")
    median = "median({})"

    def ask(query):
        return duckdb.sql(query).fetchall()
elif engine == "chdb":
    import json
    import chdb
    median = "quantileExactInclusive(0.5)({})"

    def ask(query):
        # ClickHouse's names of the same functions, and its way to read folders.
        query = query.replace("max_by(", "argMax(").replace("min_by(", "argMin(")
        for name in ["samples", "sums"]:
            for before in ["FROM ", "JOIN "]:
                query = query.replace(f"{before}{name}", f"{before}file('{folder}/{name}/**/*.parquet', Parquet)")
        query += " SETTINGS use_hive_partitioning = 1"
        return json.loads(str(chdb.query(query, "JSONCompact")))["data"]
else:
    from pyspark.sql import SparkSession
    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.driver.memory", "2g").config("spark.sql.shuffle.partitions", "4").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    for name in ["samples", "sums"]:
        spark.read.parquet(f"{folder}/{name}").createOrReplaceTempView(name)
    median = "percentile({}, 0.5)"

    def ask(query):
        return [tuple(row) for row in spark.sql(query).collect()]


def timed(title, query):
    begun = time.monotonic()
    rows = ask(query.replace("quantile_of_growth", median.format("growth"))
               .replace("quantile_of_size", median.format("size")))
    print(f"{title} ({engine}, {time.monotonic() - begun:.1f} s)")
    for row in rows:
        print("   ", *(f"{float(value):.1f}" if isinstance(value, float) or "Decimal" in type(value).__name__
                       else value for value in row))
    return rows


builds = timed("which build: median growth of its runs, MB a day", BUILD)
build = max(builds, key=lambda row: row[2])[0]
types = timed(f"which type of {build}", TYPE.format(build=build))
timed(f"since when: {types[0][0]} in MB, median of all runs", SINCE.format(type=types[0][0]))

"""Prints what Apache Spark reads in the Parquet files of a folder.

    python3 read_parquet_spark.py FOLDER

Needs the package `pyspark` of PyPI, and Java.
"""
import decimal
import json
import sys

from pyspark.sql import SparkSession

folder = sys.argv[1]
spark = (SparkSession.builder.master("local[1]")
         .config("spark.ui.enabled", "false")
         .config("spark.sql.session.timeZone", "UTC")
         .config("spark.sql.shuffle.partitions", "1")
         .getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
for name in ["samples", "sums", "regions"]:
    table = spark.read.parquet(f"{folder}/{name}")
    table = table.selectExpr("*", "regexp_extract(input_file_name(), '[^/]*$', 0) AS file")
    table.createOrReplaceTempView(name)


def plain(value):
    # Unsigned numbers of 64 bits are decimals there.
    return int(value) if isinstance(value, decimal.Decimal) else value


def rows(query):
    return [[plain(value) for value in row] for row in spark.sql(query).collect()]


print(json.dumps({
    "samples": rows("SELECT recording_number, process, host, string(date), number, state, resident_bytes, "
                    "unix_micros(taken) FROM samples ORDER BY 1, 5"),
    "sums": rows("SELECT s.recording_number, u.number, u.type, u.regions, u.resident_bytes, u.virtual_bytes "
                 "FROM sums u JOIN samples s USING (recording, number) ORDER BY 1, 2, 3"),
    # The regions of each sample by their validity, from the file that has the sample.
    "at": rows("SELECT s.recording_number, s.number, r.type, count(*), sum(r.resident_bytes), sum(r.virtual_bytes) "
               "FROM samples s JOIN regions r ON r.recording = s.recording AND r.file = s.file "
               "WHERE s.state <> 'missed' AND r.valid_from_number <= s.number "
               "AND coalesce(r.valid_to_number > s.number, true) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"),
}))

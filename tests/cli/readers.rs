//! Exports read back by the programs that they are for, where their Python packages are there:
//! `VMREC_PYTHON` names a python3 that has them (`pip install perfetto duckdb chdb pyspark`).

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::fixture::fixed;
use crate::harness::Bench;

/// Runs a script of tests/readers, and returns what it prints as JSON; `None` where `module` is
/// missing, which is said.
fn read(
    bench: &Bench,
    script: &str,
    module: &str,
    arguments: &[&str],
) -> Option<serde_json::Value> {
    let python = std::env::var_os("VMREC_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let has = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        #[allow(clippy::print_stdout, reason = "a test that cannot prove anything says so")]
        {
            println!("skipped: python3 has no module {module}: VMREC_PYTHON names one that has");
        }
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers").join(script);
    let arguments = arguments.iter().map(|argument| bench.path(argument));
    let output = Command::new(&python).arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn perfettos_schema_reads_every_sample_and_mark_of_a_trace() {
    let bench = fixed();
    bench.out(&["export", "--perfetto", "-r", "1", "-o", "trace.pftrace"]);
    let module = "perfetto.protos.perfetto.trace.perfetto_trace_pb2";
    let Some(trace) = read(&bench, "read_trace.py", module, &["trace.pftrace"]) else { return };
    assert_eq!(trace["unknown"], 0);
    assert_eq!(trace["process"], serde_json::json!([4242, "server"]));
    assert_eq!(trace["clocks"], 1);
    let series = bench.json(&["export", "--json", "--series", "type", "-r", "1"]);
    let stored = |key: &str, quantity: &str| -> Vec<u64> {
        let rows = series.as_array().unwrap().iter();
        let mut values: Vec<u64> = rows
            .filter(|row| row["label"] == key && row["quantity"] == quantity)
            .filter_map(|row| row["value"].as_u64())
            .collect();
        values.dedup();
        values
    };
    let counters = trace["counters"].as_object().unwrap();
    for (label, word, quantity) in [
        ("MALLOC (brk heap)", "resident", "resident_bytes"),
        ("mapped file", "resident", "resident_bytes"),
        (".text", "virtual", "virtual_bytes"),
        ("Stack", "dirty", "dirty_bytes"),
    ] {
        let events = counters[&format!("{label} ({word})")].as_array().unwrap();
        let mut values: Vec<u64> = events.iter().map(|event| event[1].as_u64().unwrap()).collect();
        values.dedup();
        assert_eq!(values, stored(label, quantity), "{label}");
        // The last sample is there even if nothing changed.
        assert_eq!(events.last().unwrap()[0], 17_000_000_000_u64);
    }
    let marks = serde_json::json!([
        [10_000_000_000_u64, "cache warm"],
        [16_000_000_000_u64, "model loaded"]
    ]);
    assert_eq!(trace["marks"], marks);
}

#[test]
#[cfg(feature = "parquet")]
fn duckdb_reads_the_same_samples_sums_and_regions_from_parquet() {
    let bench = fixed();
    let first = bench.out(&["export", "--parquet", "fleet", "-r", "1"]);
    assert_eq!(first, "5 samples of 1 recording in 3 files added to fleet\n");
    // A second run adds what is new, a third one nothing.
    let second = bench.out(&["export", "--parquet", "fleet"]);
    assert_eq!(second, "1 sample of 1 recording in 3 files added to fleet\n");
    let third = bench.out(&["export", "--parquet", "fleet"]);
    assert_eq!(third, "0 samples of 0 recordings in 0 files added to fleet\n");
    if let Some(found) = read(&bench, "read_parquet.py", "duckdb", &["fleet"]) {
        holds_what_is_stored(&bench, &found);
    }
}

#[test]
#[cfg(feature = "parquet")]
fn chdb_and_spark_read_the_same_as_duckdb() {
    let bench = fixed();
    bench.out(&["export", "--parquet", "fleet", "-r", "1"]);
    bench.out(&["export", "--parquet", "fleet"]);
    for (script, module) in [("read_parquet_chdb.py", "chdb"), ("read_parquet_spark.py", "pyspark")]
    {
        if let Some(found) = read(&bench, script, module, &["fleet"]) {
            holds_what_is_stored(&bench, &found);
        }
    }
}

/// Compares with the file what a reader found in the Parquet files of both recordings.
#[cfg(feature = "parquet")]
fn holds_what_is_stored(bench: &Bench, found: &serde_json::Value) {
    assert_eq!(found["samples"].as_array().unwrap().len(), 6);
    let day = serde_json::json!([1, "server", "testhost", "2024-03-01", 1, "complete"]);
    assert_eq!(found["samples"][0].as_array().unwrap()[..6], day.as_array().unwrap()[..]);
    assert_eq!(found["samples"][2][5], "missed");
    assert_eq!(found["samples"][0][7], 1_709_301_600_000_000_u64);
    let sums = bench.json(&["sql", "--json", SUMS]);
    let rows = |found: &serde_json::Value| found.as_array().unwrap().clone();
    let expected: Vec<serde_json::Value> = rows(&sums)
        .iter()
        .map(|row| {
            let of = |name: &str| row[name].clone();
            let names = ["recording", "number", "type", "regions", "resident", "virtual"];
            serde_json::Value::Array(names.map(of).to_vec())
        })
        .collect();
    assert!(expected.len() > 20);
    assert_eq!(rows(&found["sums"]), expected);
    assert_eq!(rows(&found["at"]), expected);
}

/// The regions of each sample with regions, summed by type.
#[cfg(feature = "parquet")]
const SUMS: &str = "SELECT s.recording, s.number, r.type, count(*) AS regions, \
    sum(r.resident_bytes) AS resident, sum(r.virtual_bytes) AS virtual \
    FROM (SELECT recording, number FROM samples(1) WHERE state <> 'missed' UNION ALL \
          SELECT recording, number FROM samples(2)) AS s, region_at('#' || s.number, s.recording) AS r \
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";

#[test]
#[cfg(feature = "parquet")]
fn samples_that_came_since_are_added_and_states_go_on() {
    let bench = fixed();
    bench.out(&["export", "--parquet", "fleet", "-r", "1"]);
    // As if the run had been killed between two tables: what is not whole is written again.
    let folder = bench.path("fleet/regions/host=testhost/date=2024-03-01");
    let files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    std::fs::remove_file(&files[0]).unwrap();
    let again = bench.out(&["export", "--parquet", "fleet", "-r", "1"]);
    assert_eq!(again, "5 samples of 1 recording in 3 files added to fleet\n");
    let Some(found) = read(&bench, "read_parquet.py", "duckdb", &["fleet"]) else { return };
    assert_eq!((found["samples"].as_array().unwrap().len(), &found["files"]), (5, &1.into()));
}

//! Samples of which only mappings were read and pages counted: unknown sizes are marked as such.

use insta::assert_snapshot;
use serde_json::Value;

use crate::fixture::huge;
use crate::harness::{Bench, Workload, skipped};

#[test]
fn a_process_that_a_full_sample_would_stall_is_recorded_without() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("heap 8388608");
    let record = |more: &[&str]| {
        let pid = workload.pid_text();
        let all = [&["record", &pid, "--every", "50ms", "--samples", "4"], more].concat();
        let said = bench.run(&all);
        assert_eq!(said.status, Some(0), "{}", said.error);
        said.error
    };
    let said = record(&["--max-stall", "1us"]);
    let info = bench.json(&["info", "--json"]);
    if info["cheap_samples"] == 0 {
        return skipped("this kernel has no PAGEMAP_SCAN");
    }
    assert_eq!(info["cheap_samples"], 4);
    assert!(said.contains("--reread reads them") && said.contains(", 4 cheap"), "{said}");
    record(&["--reread"]);
    let sums = |recording: &str, column: &str| -> Value {
        let text = format!("SELECT sum({column}) AS sum FROM region_at('end', {recording})");
        bench.json(&["sql", "--json", &text])[0]["sum"].clone()
    };
    // The kernel's own pages for the process's name and the like may differ by then.
    assert_eq!(sums("1", "resident_bytes"), sums("2", "resident_bytes"));
    // Others that begin and end change which pages of files are private.
    for recording in ["1", "2"] {
        assert!(sums(recording, "private_bytes").as_u64().unwrap() > 8 << 20);
    }
    assert_eq!(sums("1", "dirty_bytes"), Value::Null);
}

#[test]
fn every_output_counts_them_and_leaves_unknown_sizes_unknown() {
    assert_snapshot!(huge().session(&[
        &["info"],
        &["info", "--session", "1"],
        &["info", "--verify"],
        &["diff"],
        &["diff", "--metric", "private"],
        &["chart", "--metric", "dirty"],
        &["trend", "--metric", "private"],
        &["trend", "--metric", "dirty"],
        &["check", "--max", "1G"],
        &["check", "--max", "private=1M"],
        &["sql", "SELECT number, state, regions, resident_bytes, footprint_bytes FROM samples()"],
        &["sql", "SELECT type, provenance, resident_bytes, private_bytes FROM region_at('end')"],
        &["sql", "SELECT samples, torn, unchanged, cheap FROM chunk"],
        &["export", "--csv"],
    ]));
}

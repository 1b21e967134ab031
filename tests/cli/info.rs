//! `vmrec info`.

use insta::assert_snapshot;

use crate::harness::{Bench, Workload};

#[test]
fn it_tells_process_host_samples_and_cost() {
    let bench = Bench::new();
    let workload = Workload::start();
    bench.run(&["record", &workload.pid_text(), "--samples", "3", "--every", "50ms"]);
    let text = bench.out(&["info"]);
    let facts: Vec<_> = text.lines().map(|line| line[..16].trim_end()).collect();
    assert_snapshot!(facts.join("\n"), @"
    recording
    process
    executable
    arguments
    process started
    host
    page size
    recorded from
    recorded to
    length
    samples
    cost a sample
    overhead
    first
    last
    peak
    ");
    let info = bench.json(&["info", "--json"]);
    assert_eq!(info["pid"], workload.pid());
    assert_eq!(info["samples"], 3);
    assert!(info["cost"]["mean_cpu_ns"].as_u64().unwrap() > 0, "{info:#}");
}

#[test]
fn a_recording_that_is_not_there() {
    let bench = Bench::new();
    let workload = Workload::start();
    bench.run(&["record", &workload.pid_text(), "--samples", "1"]);
    assert_snapshot!(bench.run(&["info", "--recording", "7"]).failure(), @"
    vmrec: no recording 7 in DIR/test.db
    hint: `vmrec list` shows the recordings of a file
    [exit status: Some(4)]
    ");
}

//! Samples whose regions were not read again, since the process had not run: recorded, counted and
//! marked alike in every output.

use insta::assert_snapshot;
use serde_json::json;

use crate::fixture::idle;
use crate::harness::{Bench, Workload, signal};

#[test]
fn a_process_that_sleeps_is_recorded_without_reading_its_regions_again() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("heap 1048576");
    let record = |more: &[&str]| {
        let pid = workload.pid_text();
        let all = [&["record", &pid, "--every", "50ms", "--samples", "8"], more].concat();
        assert_eq!(bench.run(&all).status, Some(0));
    };
    record(&[]);
    record(&["--reread"]);
    let count = |recording: &str, name: &str| {
        bench.json(&["info", "--recording", recording, "--json"])[name].as_u64().unwrap()
    };
    let [complete, unchanged] =
        ["complete_samples", "unchanged_samples"].map(|name| count("1", name));
    assert_eq!(complete + unchanged, 8);
    assert!(complete >= 1 && unchanged >= 4, "{complete} {unchanged}");
    assert_eq!((count("2", "complete_samples"), count("2", "unchanged_samples")), (8, 0));
    // Both have the same regions and sizes that none but the process changes.
    let regions = |recording| {
        bench.out(&[
            "sql",
            &format!(
                "SELECT range, type, protection, resident_bytes FROM region_at('end', {recording})"
            ),
        ])
    };
    assert_eq!(regions(1), regions(2));
    assert!(bench.out(&["info", "--verify"]).contains("no problem found"));
}

#[test]
fn a_change_of_a_process_that_slept_is_recorded() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    let recorder = crate::recorder::Recorder::start(&bench, &workload);
    recorder.wait_for_samples(5);
    workload.order("heap 8388608");
    recorder.wait_for_samples(3);
    recorder.interrupt();
    let diff = bench.json(&["diff", "start", "end", "--json"]);
    let grown = diff["total"]["resident_bytes"]["delta"].as_i64().unwrap();
    assert!(grown >= 8 << 20, "{grown}");
}

#[test]
fn a_killed_recorder_leaves_whole_samples_of_a_process_that_sleeps() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let recorder = crate::recorder::Recorder::start(&bench, &workload);
    recorder.wait_for_samples(25);
    signal(recorder.pid(), libc::SIGKILL);
    let (_, said) = recorder.finish();
    assert!(bench.out(&["info", "--verify"]).contains("no problem found"));
    let info = bench.json(&["info", "--json"]);
    assert!(info["unchanged_samples"].as_u64() >= Some(20), "{info}");
    // Those that were shown are there.
    let shown = said.split('#').filter_map(|text| text.split_whitespace().next()?.parse().ok());
    assert!(shown.max().unwrap_or(0_u64) <= info["samples"].as_u64().unwrap(), "{said}");
}

#[test]
fn every_output_counts_and_marks_them() {
    let bench = idle();
    let chart = bench.path("idle.svg");
    let said = bench.run(&["chart", "--metric", "private", "-o", "idle.svg"]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(std::fs::read_to_string(chart).unwrap().contains("(0 torn, 2 unchanged, 0 missed)"));
    assert_snapshot!(bench.session(&[
        &["info"],
        &["info", "--session", "1"],
        &["info", "--verify"],
        &["diff"],
        &["map", "--at", "end"],
        &["trend", "--metric", "private"],
        &["sql", "SELECT number, state, reason, regions FROM samples()"],
        &["sql", "SELECT type, provenance, private_bytes FROM region_at('end')"],
        &["sql", "SELECT type, provenance, private_bytes FROM region_at('#1')"],
        &["sql", "SELECT samples, torn, unchanged FROM chunk"],
        &["export", "--csv"],
    ]));
}

#[test]
fn json_and_repaired_files_keep_them() {
    let bench = idle();
    assert_eq!(bench.json(&["info", "--json"])["unchanged_samples"], 2);
    assert_eq!(bench.json(&["info", "--session", "1", "--json"])["unchanged"], 2);
    let diff = bench.json(&["diff", "--json"]);
    assert_eq!([&diff["from"]["unchanged"], &diff["to"]["unchanged"]], [false, true]);
    let map = bench.json(&["map", "--at", "end", "--json"]);
    assert_eq!(
        (&map["unchanged"], &map["regions"][0]["provenance"]),
        (&json!(true), &json!("carried"))
    );
    assert_eq!(bench.run(&["repair", "test.db", "-o", "new.db"]).status, Some(0));
    assert_eq!(bench.json(&["info", "--json", "--db", "new.db"])["unchanged_samples"], 2);
}

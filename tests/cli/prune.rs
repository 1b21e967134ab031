//! `vmrec prune`, and what `record` prunes meanwhile.

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, recorded};
use crate::recorder::Recorder;

/// Returns how many samples the newest recording has, with those that came too late.
fn samples(bench: &Bench) -> u64 {
    bench.json(&["info", "--json"])["samples"].as_u64().unwrap()
}

#[test]
fn old_samples_are_deleted_and_a_dry_run_counts_them_before() {
    let bench = recorded(4);
    let samples_before = samples(&bench);
    let all = serde_json::json!([samples_before, 1]);
    let dry = bench.json(&["prune", "--older-than", "1ms", "--dry-run", "--json"]);
    assert_eq!(serde_json::json!([dry["samples"], dry["recordings"]]), all, "{dry}");
    assert_eq!(samples(&bench), samples_before, "a dry run writes nothing");
    let said = bench.out(&["prune", "--older-than", "1ms", "--dry-run"]);
    let expected = format!("{samples_before} samples and 1 whole recording would go of ");
    assert!(said.starts_with(&expected), "{said}");

    assert_eq!(bench.json(&["prune", "--older-than", "1d", "--json"])["samples"], 0);
    let done = bench.json(&["prune", "--older-than", "1ms", "--json"]);
    assert_eq!(serde_json::json!([done["samples"], done["recordings"]]), all, "{done}");
    assert!(done["bytes_after"].as_u64() <= done["bytes_before"].as_u64(), "{done}");
    assert_eq!(bench.json(&["list", "--json"]), serde_json::json!([]));
}

#[test]
fn marks_keep_the_samples_near_them() {
    let bench = recorded(3);
    let samples_before = samples(&bench);
    bench.run(&["mark", "here", "--at", "#2"]);
    let done = bench.json(&["prune", "--older-than", "1ms", "--keep-marks", "--json"]);
    assert_eq!(done["samples"], 0, "{done}");
    let said = bench.out(&["prune"]);
    assert!(said.starts_with("tidied up: "), "{said}");
    assert_eq!(samples(&bench), samples_before);
}

#[test]
fn options_that_delete_nothing_are_refused() {
    let bench = recorded(1);
    assert_snapshot!(bench.run(&["prune", "--keep-marks"]).failure(), @"
    vmrec: --keep-marks has no effect without --thin-after, --max-size or an age
    hint: add one, such as --thin-after 1d
    [exit status: Some(2)]
    ");
    assert_snapshot!(bench.run(&["prune", "--dry-run"]).failure(), @"
    vmrec: nothing is said to go
    hint: say what, such as --older-than 30d, --thin-after 1d or --max-size 200M
    [exit status: Some(2)]
    ");
    assert_eq!(bench.run(&["prune", "--max-size", "much"]).status, Some(2));
    assert_eq!(bench.run(&["prune", "--db", "other.db", "--older-than", "1d"]).status, Some(4));
    assert!(!bench.path("other.db").exists());
}

#[test]
fn a_file_that_is_recorded_to_is_left_to_its_recorder() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    let said = bench.run(&["prune", "--older-than", "1ms"]);
    assert_snapshot!(said.failure().replace(&recorder.pid().to_string(), "PID"), @"
    vmrec: DIR/test.db is being recorded to by another vmrec (pid PID)
    hint: end that recorder first, or let it prune while it records: `vmrec record --keep 7d …`
    [exit status: Some(4)]
    ");
    recorder.wait_for_samples(1);
    recorder.interrupt();
}

#[test]
fn a_recorder_prunes_earlier_recordings() {
    let bench = recorded(5);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let workload = Workload::start();
    let pid = workload.pid_text();
    let arguments = ["record", &pid, "--samples", "12", "--every", "100ms", "--keep", "100ms"];
    let said = bench.run(&arguments);
    assert_eq!(said.status, Some(0), "{}", said.error);
    let listed = bench.json(&["list", "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    assert_eq!((&listed[0]["recording"], &listed[0]["samples"]), (&2.into(), &12.into()));
}

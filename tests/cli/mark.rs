//! `vmrec mark`.

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, recorded};
use crate::recorder::Recorder;

#[test]
fn a_mark_names_a_moment_of_a_running_recording() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    recorder.mark("cache warm");
    recorder.wait_for_samples(1);
    recorder.interrupt();
    let diff = bench.json(&["diff", "@cache", "end", "--json"]);
    assert!(diff["from"]["sample"].as_u64().unwrap() >= 2, "{}", diff["from"]);
    assert_eq!(bench.json(&["info", "--json"])["marks"][0]["text"], "cache warm");
}

#[test]
fn an_ended_recording_is_marked_at_a_time() {
    let bench = recorded(3);
    assert_snapshot!(bench.run(&["mark", "too late"]).failure(), @"
    vmrec: recording 1 has ended: there is no now to mark
    hint: mark a moment of it with --at TIME, such as --at peak or --at -5m
    [exit status: Some(2)]
    ");
    bench.run(&["mark", "middle", "--at", "#2"]);
    assert_eq!(bench.json(&["diff", "@middle", "end", "--json"])["from"]["sample"], 2);
}

//! `vmrec mark`.

use insta::assert_snapshot;

use crate::fixture::fixed;
use crate::harness::{Bench, Workload};
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
    let bench = fixed();
    assert_snapshot!(bench.run(&["mark", "too late", "-r", "1"]).failure(), @"
    vmrec: recording 1 has ended: there is no now to mark
    hint: mark a moment of it with --at TIME, such as --at peak or --at -5m
    [exit status: Some(2)]
    ");
    bench.run(&["mark", "middle", "--at", "#2", "-r", "1"]);
    assert_eq!(bench.json(&["diff", "@middle", "end", "--json", "-r", "1"])["from"]["sample"], 2);
}

#[test]
fn a_mark_is_at_the_time_given_not_at_the_sample_before() {
    let bench = fixed();
    // Samples are 2 s apart, and those after 4 s and 6 s were missed.
    let times = ["+3s", "+5s500ms", "2024-03-01T14:00:09Z", "#4", "@warm", "-1s"];
    bench.run(&["mark", "warm", "--at", "+1s"]);
    for (index, time) in times.iter().enumerate() {
        bench.run(&["mark", &format!("m{index}"), "--recording", "1", "--at", time]);
    }
    let marks = bench.json(&["info", "--json", "--recording", "1"])["marks"].clone();
    let of = |text: &str| {
        let marks = marks.as_array().unwrap();
        let mark = marks.iter().find(|mark| mark["text"] == text)?;
        Some((mark["utc_ns"].as_i64().unwrap() - 1_709_301_600_000_000_000) / 1_000_000)
    };
    let found: Vec<_> = (0..times.len()).map(|index| of(&format!("m{index}"))).collect();
    assert_eq!(found, [Some(3000), Some(5500), Some(9000), Some(8000), None, Some(9000)]);
}

#[test]
fn a_span_has_a_begin_and_an_end() {
    let bench = fixed();
    let mark = |arguments: &[&str]| bench.run(&[&["mark", "-r", "1"], arguments].concat());
    assert_eq!(
        mark(&["--begin", "warm-up", "--at", "+1s"]).error,
        "began `warm-up` in recording 1\n"
    );
    let early = mark(&["--end", "warm-up", "--at", "start"]);
    assert!(
        early.error.contains("recording 1 has no span `warm-up` to end then"),
        "{}",
        early.error
    );
    assert_eq!(early.status, Some(2));
    assert_eq!(
        mark(&["--end", "warm-up", "--at", "+8s"]).error,
        "ended `warm-up` in recording 1\n"
    );
    assert_eq!(mark(&["--end", "warm-up", "--at", "+9s"]).status, Some(2));
    // Both ends are times; the first letters mean the begin.
    let diff = |from: &str, to: &str| bench.out(&["diff", "-r", "1", from, to]);
    assert_eq!(diff("@warm-up", "@warm-up.end"), diff("@warm", "+8s"));
    let svg = bench.out(&["chart", "-r", "1"]);
    assert!(svg.contains("warm-up") && !svg.contains("warm-up.end"), "{svg}");
    let mut command = bench.command(&["chart", "-r", "1", "--terminal"]);
    let drawn = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    let drawn = String::from_utf8(drawn.stdout).unwrap();
    assert!(drawn.contains("① warm-up 14:00:01 to 14:00:08"), "{drawn}");
    assert!(drawn.contains("①━━━"), "{drawn}");
}

#[test]
fn a_span_is_deleted_with_its_end() {
    let bench = fixed();
    let mark = |arguments: &[&str]| bench.run(&[&["mark", "-r", "1"], arguments].concat());
    let texts = || -> Vec<String> {
        let marks = bench.json(&["info", "--json", "-r", "1"])["marks"].clone();
        let text = |mark: &serde_json::Value| mark["text"].as_str().unwrap().to_owned();
        marks.as_array().unwrap().iter().map(text).collect()
    };
    let before = texts();
    mark(&["--begin", "load", "--at", "+1s"]);
    mark(&["--end", "load", "--at", "+3s"]);
    mark(&["load.end", "--at", "+5s"]);
    let said = mark(&["--delete", "load"]).error;
    assert_eq!(said, "deleted 1 mark `load` and 1 end of recording 1\n");
    assert_eq!(texts().len(), before.len() + 1, "the last one ended no span");
    assert_eq!(mark(&["--delete", "load.end"]).status, Some(0));
    assert_eq!(texts(), before);
}

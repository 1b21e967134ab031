//! What people type first: no argument, names, others' options, a shell's completion.

use std::process::Command;

use crate::fixture::fixed;
use crate::harness::{Bench, Workload};

#[test]
fn vmrec_alone_shows_its_commands_in_groups() {
    let said = Bench::new().run(&[]);
    assert_eq!((said.status, said.error.as_str()), (Some(0), ""));
    for group in ["Record:", "Look:", "Share:", "Keep:", "Examples:"] {
        assert!(said.output.contains(group), "{}", said.output);
    }
    assert!(said.output.lines().all(|line| line.chars().count() <= 80), "{}", said.output);
    assert_eq!(Bench::new().run(&["--help"]).output, said.output);
}

#[test]
fn a_recording_is_found_by_its_name_or_that_of_its_process() {
    let bench = fixed();
    let number = |name: &str| bench.json(&["info", "--json", "-r", name])["recording"].clone();
    assert_eq!((number("load test"), number("server")), (1.into(), 1.into()));
    assert_eq!((number("worker"), number("#1")), (2.into(), 1.into()));
    insta::assert_snapshot!(bench.run(&["info", "-r", "nothing"]).failure(), @"
    vmrec: no recording is called `nothing`
    hint: `vmrec list` shows the recordings with their numbers and names
    [exit status: Some(4)]
    ");
}

#[test]
fn a_diff_without_times_is_of_the_whole_recording() {
    let bench = fixed();
    let whole = bench.out(&["diff", "-r", "1", "start", "end"]);
    assert_eq!(bench.out(&["diff", "-r", "1"]), whole);
    assert_eq!(bench.out(&["diff", "-r", "1", "start"]), whole);
    let reaches_back = bench.json(&["diff", "-r", "1", "-10m", "--json"]);
    assert_eq!(reaches_back["from"]["sample"], 1);
}

#[test]
fn a_wrong_metric_is_answered_with_all_of_them() {
    let said = fixed().run(&["chart", "-r", "1", "--metric", "virt"]);
    assert_eq!(said.status, Some(2));
    assert!(said.error.contains("private-dirty") && said.error.contains("'virtual'"), "{said:?}");
    assert!(fixed().out(&["help", "chart"]).contains("reclaimable"));
}

#[test]
fn the_options_of_other_tools_work_or_name_ours() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let pid = workload.pid_text();
    bench.out(&["record", "--pid", &pid, "--interval", "50ms", "--samples", "2"]);
    bench.out(&["record", "-p", &pid, "-i", "50ms", "--duration", "100ms"]);
    let said = bench.run(&["record", "-o", "x.db", &pid]);
    assert_eq!(said.status, Some(2));
    assert!(said.error.contains("--db FILE"), "{}", said.error);
}

#[test]
fn a_shell_is_offered_recordings_and_marks() {
    let bench = fixed();
    let offered = |words: &[&str]| {
        let mut command = bench.command(&[&["--", "vmrec"], words].concat());
        command.env("VMREC_COMPLETE", "fish");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let recordings = offered(&["diff", "-r", ""]);
    assert!(recordings.contains("1\tload test") && recordings.contains("2\t"), "{recordings}");
    let times = offered(&["diff", "-r", "1", "@"]);
    assert!(offered(&["di"]).contains("diff"), "{times}");
    let bash = bench.out(&["completions", "bash"]);
    let checked = Command::new("bash").args(["-n", "-c", &bash]).output().unwrap();
    assert!(checked.status.success() && bash.contains("VMREC_COMPLETE"), "{checked:?}");
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("man")).unwrap();
    bench.out(&["man", "man"]);
    let page = std::fs::read_to_string(bench.path("man/vmrec-diff.1")).unwrap();
    assert!(page.contains(".TH vmrec-diff 1") && page.contains("Show what changed"), "{page}");
    assert!(bench.path("man/vmrec.1").exists());
}

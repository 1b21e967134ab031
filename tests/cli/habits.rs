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
fn a_recording_without_its_option_is_pointed_to_it() {
    let bench = fixed();
    insta::assert_snapshot!(bench.run(&["info", "2"]).failure(), @"
    error: unexpected argument '2' found

      tip: -r chooses a recording: vmrec info -r 2

    Usage: vmrec info [OPTIONS]

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
    insta::assert_snapshot!(bench.run(&["diff", "load test", "start", "end"]).failure(), @"
    error: unexpected argument 'end' found

      tip: -r chooses a recording: vmrec diff -r 'load test' start end

    Usage: vmrec diff [OPTIONS] [T1] [T2]

    For more information, try '--help'.
    [exit status: Some(2)]
    ");
    for command in ["list", "chart", "export", "report", "check", "prune"] {
        let said = bench.run(&[command, "1"]).error;
        assert_eq!(said.contains(&format!("vmrec {command} -r 1")), command != "list", "{said}");
    }
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
    for (words, tip) in [
        (&["record", "--children", &pid][..], "tip: --tree records all processes that descend"),
        (&["record", "--recursive", &pid], "tip: --tree"),
        (&["record", "-n", "5", &pid], "tip: --samples N"),
        (&["record", "--timeout", "5", &pid], "tip: --for TIME"),
        (&["record", "--delay", "5", &pid], "tip: --every TIME"),
        (&["map", "-n", "5"], "tip: --top N"),
        (&["map", "1", "-stacks"], "tip: --by stack --at TIME"),
        (&["diff", "--limit", "5"], "tip: --all"),
        (&["diff", "--since", "-5m"], "tip: times are words"),
        (&["chart", "--since", "-5m"], "tip: --from TIME"),
        (&["list", "--format", "json"], "tip: --json"),
        (&["info", "--no-color"], "NO_COLOR=1"),
        (&["rename", "-r", "1", "x"], "tip: the recording is a word of its own"),
        (&["export", "--metric", "private"], "tip: --series"),
    ] {
        let said = bench.run(words);
        assert_eq!(said.status, Some(2), "{words:?}");
        assert!(said.error.contains(tip) && !said.error.contains("as a value"), "{}", said.error);
    }
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

#[test]
fn each_command_of_the_help_has_a_manual_page_and_is_completed_with_its_options() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("man")).unwrap();
    bench.out(&["man", "man"]);
    let help = bench.out(&["--help"]);
    let listed =
        help.split("\nExamples:").next().unwrap().lines().skip_while(|line| !line.is_empty());
    let commands: Vec<&str> =
        listed.filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    assert!(commands.len() > 20 && commands.contains(&"record"), "{commands:?}");
    let offered = |words: &[&str]| -> Vec<String> {
        let mut command = bench.command(&[&["--", "vmrec"], words].concat());
        command.env("VMREC_COMPLETE", "fish");
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        text.lines().map(word).collect()
    };
    let completed = offered(&[""]);
    for command in &commands {
        assert!(completed.iter().any(|word| word == command), "{command}: {completed:?}");
        let page = std::fs::read_to_string(bench.path(&format!("man/vmrec-{command}.1"))).unwrap();
        let plain = page.replace('\\', "");
        let options = offered(&[command, "--"]);
        assert!(options.iter().any(|word| word == "--help"), "{command}: {options:?}");
        for option in options.iter().filter(|word| word.starts_with("--")) {
            assert!(plain.contains(option.as_str()), "vmrec-{command}.1 lacks {option}");
        }
    }
    let pages = std::fs::read_dir(bench.path("man")).unwrap().count();
    assert_eq!(pages, commands.len() + 1, "a page of each command, and that of vmrec");
}

#[test]
fn recordings_are_renamed_and_deleted_and_marks_taken_back() {
    let bench = fixed();
    bench.out(&["rename", "worker", "build 1.4.2"]);
    assert_eq!(bench.json(&["info", "--json", "-r", "build 1.4.2"])["recording"], 2);
    bench.out(&["mark", "-r", "1", "--delete", "cache warm"]);
    let marks = bench.json(&["info", "--json", "-r", "1"])["marks"].clone();
    assert_eq!(marks.as_array().unwrap().len(), 1, "{marks}");
    let none = bench.run(&["mark", "-r", "1", "--delete", "cache warm"]);
    assert_eq!(none.status, Some(2), "{none:?}");
    let before = bench.out(&["diff", "-r", "2", "--all", "--by", "region", "--json"]);
    let said = bench.run(&["delete", "load test"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(said.error.starts_with("deleted 1 recording with "), "{}", said.error);
    let left = bench.json(&["list", "--json"]);
    let left: Vec<_> =
        left.as_array().unwrap().iter().map(|row| row["recording"].clone()).collect();
    assert!(!left.contains(&1.into()) && left.contains(&2.into()), "{left:?}");
    assert_eq!(bench.out(&["diff", "-r", "2", "--all", "--by", "region", "--json"]), before);
    bench.out(&["info", "--verify"]);
    assert_eq!(bench.run(&["delete", "1"]).status, Some(4));
}

#[test]
fn a_recording_being_made_is_not_deleted() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let recorder = crate::recorder::Recorder::start(&bench, &workload);
    recorder.wait_for_samples(1);
    let said = bench.run(&["delete", "1"]);
    assert_eq!(said.status, Some(4), "{said:?}");
    bench.out(&["rename", "1", "while it runs"]);
    recorder.interrupt();
    assert_eq!(bench.json(&["info", "--json"])["recording_name"], "while it runs");
    bench.out(&["info", "--verify"]);
}

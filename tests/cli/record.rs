//! `vmrec record`: recordings and how they end.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Bench, Workload, signal, smaps_sum};
use crate::recorder::{Recorder, wait_until_stored};

const MIB: i64 = 1 << 20;

/// Returns the change of a type's quantity, 0 where the diff has no such type.
fn delta(diff: &serde_json::Value, region_type: &str, quantity: &str) -> i64 {
    diff["types"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["type"] == region_type)
        .map_or(0, |row| row[quantity]["delta"].as_i64().unwrap())
}

/// How many ticks of the newest recording have a sample, and how many do not.
#[derive(Debug)]
struct Ticks {
    taken: u64,
    missed: u64,
}

fn ticks(bench: &Bench) -> Ticks {
    let info = bench.json(&["info", "--json"]);
    let count = |key: &str| info[key].as_u64().unwrap();
    Ticks {
        taken: count("complete_samples") + count("unchanged_samples") + count("torn_samples"),
        missed: count("missed_ticks"),
    }
}

#[test]
fn the_diff_of_a_known_workload_is_exact() {
    let bench = Bench::new();
    let file = bench.path("mapped.bin");
    fs::write(&file, vec![7; 32 << 20]).unwrap();
    let mut workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);

    recorder.mark("idle");
    workload.order(&format!("heap {}", 64 << 20));
    recorder.mark("heap grown");
    workload.order(&format!("map {}", file.display()));
    recorder.mark("file mapped");
    workload.order("threads 8");
    recorder.mark("threads started");
    workload.order("free-half");
    recorder.mark("half freed");
    recorder.interrupt();

    let diff = |from: &str, to: &str| {
        bench.json(&["diff", &format!("@{from}"), &format!("@{to}"), "--json"])
    };
    let heap = "MALLOC (brk heap)";
    let grown = diff("idle", "heap grown");
    for quantity in ["resident_bytes", "private_bytes", "dirty_bytes"] {
        let bytes = delta(&grown, heap, quantity);
        assert!((64 * MIB..65 * MIB).contains(&bytes), "{quantity}: {bytes}");
    }
    assert_eq!(delta(&grown, "mapped file", "virtual_bytes"), 0);

    let mapped = diff("heap grown", "file mapped");
    for quantity in ["virtual_bytes", "resident_bytes"] {
        assert_eq!(delta(&mapped, "mapped file", quantity), 32 * MIB, "{quantity}");
    }
    assert_eq!(delta(&mapped, heap, "resident_bytes"), 0);
    let row = &mapped["regions"][0];
    assert_eq!((&row["change"], &row["type"]), (&"new".into(), &"mapped file".into()));
    assert_eq!(row["object"], "DIR/mapped.bin");

    let started = diff("file mapped", "threads started");
    let stacks = started["regions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["change"] == "new" && row["virtual_bytes"]["delta"] == 2 * MIB)
        .count();
    assert_eq!(stacks, 8, "{started:#}");

    let freed = delta(&diff("threads started", "half freed"), heap, "resident_bytes");
    assert!((-33 * MIB..=-31 * MIB).contains(&freed), "{freed}");
}

#[test]
fn sums_equal_the_kernels_own_of_a_frozen_target() {
    let bench = Bench::new();
    let mut workload = Workload::start();
    workload.order(&format!("heap {}", 8 << 20));
    signal(workload.pid(), libc::SIGSTOP);
    let sums = || {
        let sum = |field| workload.smaps_sum(field);
        [
            ("virtual_bytes", sum("Size")),
            ("resident_bytes", sum("Rss") + sum("Shared_Hugetlb") + sum("Private_Hugetlb")),
            ("private_bytes", sum("Private_Clean") + sum("Private_Dirty") + sum("Private_Hugetlb")),
            ("dirty_bytes", sum("Private_Dirty") + sum("Shared_Dirty")),
            ("swapped_bytes", sum("Swap")),
            ("locked_bytes", sum("Locked")),
        ]
    };
    // What is private or shared changes when another process maps the same libraries or ends:
    // only a moment in which nothing did can be compared. PSS is left out, since vmrec is such a process.
    // One may come and go between two looks, so one moment of a hundred must be right to the byte.
    let mut last = String::new();
    for _ in 0..100 {
        let before = sums();
        bench.run(&["record", &workload.pid_text(), "--samples", "2", "--every", "50ms"]);
        if sums() != before {
            continue;
        }
        let total = &bench.json(&["export", "--json"])["total"];
        if before.iter().all(|(quantity, bytes)| total[quantity] == *bytes) {
            return;
        }
        last = format!("{before:?} are not {total}");
    }
    panic!("other processes never kept still, or sums differ: {last}");
}

#[test]
fn ctrl_c_ends_it_with_a_summary_and_the_next_command() {
    let bench = Bench::new();
    let workload = Workload::start();
    let (status, said) = Recorder::start(&bench, &workload).interrupt();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("stopped: recorded "), "{said}");
    assert!(said.contains("next: vmrec diff --recording 1 start end\n"), "{said}");
    assert_eq!(bench.json(&["list", "--json"])[0]["why_ended"], "interrupted");
}

#[test]
fn the_targets_exit_ends_it() {
    let bench = Bench::new();
    let mut workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    workload.send("exit 0");
    workload.wait();
    let (status, said) = recorder.finish();
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(bench.json(&["list", "--json"])[0]["why_ended"], "target_exited");
}

#[test]
fn a_commands_own_exit_status_comes_back() {
    let bench = Bench::new();
    let status =
        |script: &str| bench.run(&["record", "--every", "50ms", "--", "sh", "-c", script]).status;
    assert_eq!(status("sleep 0.2; exit 7"), Some(7));
    assert_eq!(status("sleep 0.2; kill -9 $$"), Some(137));
    assert_eq!(bench.json(&["list", "--json"]).as_array().unwrap().len(), 2);
}

#[test]
fn a_commands_output_is_its_own() {
    let bench = Bench::new();
    let said = bench.run(&["record", "--every", "50ms", "--", "sh", "-c", "echo out; sleep 0.2"]);
    assert_eq!(said.output, "out\n");
    assert!(said.error.contains("the command ended with status 0"), "{}", said.error);
}

#[test]
fn a_signal_sent_to_vmrec_alone_reaches_the_command() {
    let bench = Bench::new();
    let script = "trap 'exit 5' INT; echo ready; while :; do sleep 0.05; done";
    let mut recorder = bench
        .command(&["record", "--every", "50ms", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    std::io::Read::read_exact(recorder.stdout.as_mut().unwrap(), &mut ready).unwrap();
    wait_until_stored(&bench, 1);
    signal(recorder.id(), libc::SIGINT);
    assert_eq!(recorder.wait().unwrap().code(), Some(5));
    let list = bench.json(&["list", "--json"]);
    assert_eq!(
        (&list[0]["why_ended"], &list[0]["exit_status"]),
        (&"target_exited".into(), &5.into())
    );
}

#[test]
fn a_new_program_gets_a_recording_of_its_own() {
    let bench = Bench::new();
    let mut workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    workload.send("exec /bin/sleep");
    recorder.wait_for_samples(3);
    let (_, said) = recorder.interrupt();
    assert!(said.contains("the target runs sleep"), "{said}");
    let list = bench.json(&["list", "--json"]);
    let names: Vec<_> =
        list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["workload", "sleep"]);
    assert_eq!(list[0]["why_ended"], "target_replaced");
}

#[test]
fn a_recorder_that_is_killed_loses_no_sample_it_has_shown() {
    let bench = Bench::new();
    let workload = Workload::start();
    let recorder = Recorder::start(&bench, &workload);
    recorder.wait_for_samples(5);
    let before = bench.json(&["info", "--json"])["samples"].as_u64().unwrap();
    signal(recorder.pid(), libc::SIGKILL);
    recorder.finish();
    let info = bench.json(&["info", "--json"]);
    assert!(info["samples"].as_u64().unwrap() >= before);
    let resident = bench.json(&["export", "--json"])["total"]["resident_bytes"].as_u64().unwrap();
    assert_eq!(resident, smaps_sum(workload.pid(), "Rss"));
    // The next recorder takes the file over and says what happened to the last.
    bench.run(&["record", &workload.pid_text(), "--samples", "1"]);
    let list = bench.json(&["list", "--json"]);
    assert_eq!(list[0]["why_ended"], "recorder_lost");
    assert_eq!(list[1]["why_ended"], "finished");
}

#[test]
fn ticks_that_pass_while_the_recorder_is_stopped_are_recorded_as_missed() {
    let bench = Bench::new();
    let workload = Workload::start();
    let begun = Instant::now();
    let recorder = Recorder::start(&bench, &workload);
    signal(recorder.pid(), libc::SIGSTOP);
    thread::sleep(Duration::from_millis(600));
    signal(recorder.pid(), libc::SIGCONT);
    recorder.wait_for_samples(2);
    recorder.interrupt();
    let ticks = ticks(&bench);
    // 12 intervals have passed; the tick that is due when it goes on is taken late. The tests of
    // the schedule hold the exact numbers: here a loaded machine may miss more.
    assert!(ticks.missed >= 10, "{ticks:?}");
    let most = begun.elapsed().as_millis() as u64 / 50 + 1;
    assert!(ticks.taken + ticks.missed <= most, "{ticks:?} of {most}");
}

#[test]
fn it_stops_after_the_samples_or_the_time_asked_for() {
    let bench = Bench::new();
    let workload = Workload::start();
    bench.run(&["record", &workload.pid_text(), "--every", "50ms", "--samples", "3"]);
    assert_eq!(ticks(&bench).taken, 3);
    bench.run(&["record", &workload.pid_text(), "--every", "100ms", "--for", "450ms"]);
    let ticks = ticks(&bench);
    // at 0, 100, 200, 300 and 400 ms, unless the machine was late for some
    assert!(ticks.taken <= 5 && ticks.taken + ticks.missed >= 5, "{ticks:?}");
}

#[test]
fn types_of_ones_own_are_recorded() {
    let bench = Bench::new();
    fs::write(bench.path("model.bin"), vec![7; 2 << 20]).unwrap();
    fs::write(
        bench.path("types.toml"),
        "[[type]]\nname = \"Weights\"\nobject = \"*/model.bin\"\nprotection = \"r--\"\n",
    )
    .unwrap();
    let mut workload = Workload::start();
    workload.order(&format!("map {}", bench.path("model.bin").display()));
    let pid = workload.pid_text();
    let record = ["record", &pid, "--samples", "2", "--every", "50ms", "--types", "types.toml"];
    bench.run(&record);
    let map = bench.json(&["map", "--json", "--at", "end"]);
    let weights = map["regions"].as_array().unwrap().iter().find(|row| row["type"] == "Weights");
    assert_eq!(weights.unwrap()["virtual_bytes"], 2 * MIB);
    let failed = bench.run(&["record", &pid, "--types", "missing.toml"]);
    assert_eq!(failed.status, Some(2));
    assert_eq!(bench.json(&["list", "--json"]).as_array().unwrap().len(), 1);
}

/// A workload at rest stays where it is; its summary says so before its figures.
#[test]
fn the_summary_states_the_finding() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let arguments = ["record", &workload.pid_text(), "--samples", "3", "--every", "50ms"];
    let said = bench.run(&arguments).error;
    let finding = said.lines().position(|line| line.starts_with("workload stayed at "));
    let figures = said.lines().position(|line| line.starts_with("resident "));
    assert!(finding.is_some() && finding < figures, "{said}");
}

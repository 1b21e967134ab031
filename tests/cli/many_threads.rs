//! A process of a thousand threads: stopped, killed over and recorded, it goes on.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::harness::{Bench, skipped};
use crate::heap::{Program, is_traced, runs_on, stopping};
use crate::heap_saved::{Recorder, until};

const MIB: i64 = 1 << 20;

/// Builds and starts the program with a thousand threads; `None` without a compiler.
fn program(bench: &Bench) -> Option<Program> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks/threads.c");
    let path = bench.path("threads");
    let mut gcc = Command::new("gcc");
    let built = gcc.args(["-O1", "-w", "-pthread", "-o"]).args([&path, &source]).output();
    if !built.is_ok_and(|built| built.status.success()) {
        skipped("gcc does not build threads.c");
        return None;
    }
    Some(Program::run(Command::new(path).arg("1000")))
}

/// The kernel resumes all threads when vmrec is killed in the middle of the stop.
#[test]
fn a_vmrec_that_is_killed_leaves_none_of_a_thousand_threads_stopped() {
    let bench = Bench::new();
    let Some(mut program) = program(&bench) else { return };
    let (mut killed, mut tries) = (0_u64, 0);
    while killed < 20 && tries < 400 {
        tries += 1;
        let Some(mut vmrec) = stopping(&bench, program.pid(), &[]) else { continue };
        // While threads are being stopped, and while the heap is read.
        sleep(Duration::from_micros(tries * 1237 % 20_000));
        let in_the_stop = is_traced(program.pid());
        vmrec.kill().unwrap();
        vmrec.wait().unwrap();
        killed += u64::from(in_the_stop);
        runs_on(program.pid());
        // All of them do.
        program.order("");
    }
    assert_eq!(killed, 20, "of {tries} tries");
    let document = bench.json(&["heap", "--json", &program.pid_text()]);
    assert_eq!(
        (&document["threads"], &document["problems"]),
        (&1001.into(), &serde_json::json!([]))
    );
    runs_on(program.pid());
    program.order("");
}

#[test]
fn the_stacks_of_a_thousand_threads_are_recorded() {
    let bench = Bench::new();
    let Some(mut program) = program(&bench) else { return };
    let pid = program.pid_text();
    let trial = ["record", "--stacks", "--samples", "1", "-q", "--db", "trial.db", &pid];
    let tried = bench.run(&trial);
    if tried.status != Some(0) {
        return skipped(&tried.error);
    }
    let recorder = Recorder::start(&bench, &pid, &["--stacks", "--stack-period", "1"]);
    program.order("");
    let diff = || {
        let document = bench.run(&["diff", "--by", "stack", "--json"]).output;
        serde_json::from_str::<serde_json::Value>(&document).unwrap_or_default()
    };
    let of = |document: &serde_json::Value, function: &str| -> i64 {
        let has = |row: &&serde_json::Value| {
            let frames = row["frames"].as_array().unwrap();
            frames.iter().any(|frame| frame["function"] == function)
        };
        let rows = document["stacks"].as_array().unwrap().iter().filter(has);
        rows.map(|row| row["delta_bytes"].as_i64().unwrap()).sum()
    };
    let known = [("touch_own", 1000 * 64 * 1024), ("touch_much", 64 * MIB)];
    // Page faults of a busy machine are read a while after the sample that has their pages.
    until("samples of the growth", || {
        let document = diff();
        document["delta_bytes"].as_i64().is_some_and(|delta| delta > 126 * MIB) && {
            let lost = document["sampling"][1]["lost_faults"].as_i64().unwrap() * 4096;
            known.iter().all(|(function, bytes)| of(&document, function) + lost >= *bytes)
        }
    });
    runs_on(program.pid());
    recorder.stop();
    let document = diff();
    for (function, bytes) in known {
        let found = of(&document, function);
        assert!(found <= bytes, "{function}: {found}");
    }
    // The first ones find an empty buffer, however busy the machine is.
    assert!(of(&document, "touch_own") > 0, "{document}");
    program.order("");
}

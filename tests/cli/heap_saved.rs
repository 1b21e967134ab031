//! Reports on heaps that a recording keeps: which class grew, and a leak in one page with its stacks.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Bench, signal, skipped};
use crate::heap::{Program, runs_on};

/// How long a condition is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A recorder that ends with the test.
pub(crate) struct Recorder(Option<Child>);

impl Recorder {
    /// Starts a recorder of a process, and waits for its first sample.
    pub(crate) fn start(bench: &Bench, pid: &str, options: &[&str]) -> Self {
        let words = [&["record", "--every", "100ms", "--read-remote-files", pid], options].concat();
        let mut command = bench.command(&words);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut recorder = Self(Some(child));
        until("the first sample", || {
            let child = recorder.0.as_mut().unwrap();
            assert!(child.try_wait().unwrap().is_none(), "{:?}", recorder.0.take());
            bench.run(&["info"]).status == Some(0)
        });
        recorder
    }

    /// Ends the recording, and returns what the recorder said.
    pub(crate) fn stop(mut self) -> String {
        let child = self.0.take().unwrap();
        signal(child.id(), libc::SIGINT);
        String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub(crate) fn until(what: &str, mut is_met: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_met() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        sleep(Duration::from_millis(20));
    }
}

/// Returns the number of reports that the file keeps.
fn reports(bench: &Bench) -> usize {
    let rows = bench.json(&["sql", "--json", "SELECT id FROM heap_report"]);
    rows.as_array().unwrap().len()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

/// Returns the change of the blocks and bytes of a class, and checks that all sums are those of the rows.
fn change(document: &Value, class: &str) -> (i64, i64) {
    let rows = document["classes"].as_array().unwrap();
    for key in ["blocks_delta", "bytes_delta"] {
        let sum: i64 = rows.iter().map(|row| number(&row[key])).sum();
        assert_eq!(sum, number(&document["in_use"][key]), "{key}: {document}");
    }
    let parts = [&document["in_use"], &document["not_in_blocks"]];
    let sum: i64 = parts.iter().map(|part| number(&part["bytes_delta"])).sum();
    assert_eq!(sum, number(&document["from_system"]["bytes_delta"]), "{document}");
    let row = rows.iter().find(|row| row["class"] == class).unwrap();
    (number(&row["blocks_delta"]), number(&row["bytes_delta"]))
}

#[test]
fn the_difference_of_two_reports_names_the_class_that_grew() {
    let bench = Bench::new();
    let Some(mut service) = Program::start(&bench, "service.cpp", &["-s"], &[]) else { return };
    let pid = service.pid_text();
    service.order("keep 100");
    let said = bench.run(&["heap", "--save", &pid]);
    assert_eq!(said.status, Some(4), "{said:?}");
    assert!(said.error.contains(&format!("is of service.cpp.out (pid {pid})")), "{said:?}");
    assert!(said.error.contains("hint: record it first, such as by `vmrec record"), "{said:?}");

    let recorder = Recorder::start(&bench, &pid, &["-q"]);
    let none = bench.run(&["diff", "--by", "class"]);
    assert_eq!(none.status, Some(4), "{none:?}");
    assert!(none.error.contains("recording 1 has no report on the heap of"), "{none:?}");
    let saved = bench.run(&["heap", "--save", &pid]);
    assert_eq!((saved.status, &*saved.error), (Some(0), "saved with recording 1\n"));
    let one = bench.run(&["diff", "--by", "class"]);
    assert!(one.error.contains("one report on the heap: nothing can be compared"), "{one:?}");
    service.order("keep 250");
    service.order("drop 50");
    bench.out(&["heap", "--save", &pid]);
    recorder.stop();

    let document = bench.json(&["diff", "--by", "class", "--json"]);
    assert_eq!(change(&document, "shop::Session"), (200, 200 * 2032), "{document}");
    assert_eq!(change(&document, "shop::Order"), (200, 200 * 96));
    assert_eq!(document["classes"][0]["class"], "shop::Session", "{document}");
    let page = bench.out(&["diff", "--by", "class"]);
    assert!(page.contains("\nshop::Session  "), "{page}");
    assert!(page.contains("\nnot in blocks in use ") && page.contains("\nfrom the system "));
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert_eq!(bench.run(&["diff", "--by", "class", "--csv"]).status, Some(2));
    assert_eq!(bench.run(&["diff", "--by", "class", "--type", "malloc"]).status, Some(2));

    // They go with their recording, and stay in a copy and in a repaired file.
    bench.out(&["backup", "copy.db"]);
    bench.run(&["repair", "copy.db", "-o", "mended.db"]);
    for file in ["copy.db", "mended.db"] {
        let other = bench.json(&["diff", "--by", "class", "--json", "--db", file]);
        assert_eq!(other, document, "{file}");
        assert_eq!(bench.run(&["info", "--verify", "--db", file]).status, Some(0), "{file}");
    }
    bench.out(&["delete", "1"]);
    assert_eq!((reports(&bench), bench.run(&["info", "--verify"]).status), (0, Some(0)));
}

#[test]
fn marks_and_triggers_have_the_heap_looked_at() {
    let bench = Bench::new();
    let Some(mut service) = Program::start(&bench, "service.cpp", &[], &[]) else { return };
    let (pid, when) = (service.pid_text(), "private > 8M");
    let options = ["--when", "private  > 8M", "--heap-on", when, "--heap-on", "calm"];
    let recorder = Recorder::start(&bench, &pid, &options);
    service.order("keep 10");
    bench.out(&["mark", "other"]);
    bench.out(&["mark", "calm"]);
    until("a report by a mark", || reports(&bench) == 1);
    service.order("keep 5000");
    until("a report by a trigger", || reports(&bench) == 2);
    runs_on(service.pid());
    let said = recorder.stop();
    assert!(said.contains("\nheap     2 reports saved\n"), "{said}");
    let document = bench.json(&["diff", "--by", "class", "--json", "@calm", &format!("@{when}")]);
    let (blocks, bytes) = change(&document, "shop::Session");
    // It may be looked at in the middle of an order.
    assert!(blocks > 1000 && bytes == blocks * 2032, "{document}");
    assert!(service.pid() > 0 && bench.run(&["info", "--verify"]).status == Some(0));
}

#[test]
fn a_process_that_ends_meanwhile_costs_no_sample() {
    let bench = Bench::new();
    let Some(service) = Program::start(&bench, "service.cpp", &[], &[]) else { return };
    let recorder = Recorder::start(&bench, &service.pid_text(), &["--heap-on", "end"]);
    bench.out(&["mark", "end"]);
    drop(service);
    let mut recorder = recorder;
    let output = recorder.0.take().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("the target exited: recorded "), "{said}");
    assert!(said.contains("\nheap     "), "{said}");
}

/// A leak is named by its stack, by its class and block by block, and one page has all three.
#[test]
fn a_planted_leak_is_named_by_stack_class_and_block_in_one_page() {
    let bench = Bench::new();
    let Some(mut service) = Program::start(&bench, "service.cpp", &[], &[]) else { return };
    let pid = service.pid_text();
    let trial = ["record", "--stacks", "--samples", "1", "-q", "--db", "trial.db", &pid];
    let tried = bench.run(&trial);
    if tried.status != Some(0) {
        return skipped(&tried.error);
    }
    service.order("keep 200");
    let recorder = Recorder::start(&bench, &pid, &["--stacks", "--stack-period", "7"]);
    bench.out(&["heap", "--save", &pid]);
    service.order("forget 8000");
    service.order("keep 100");
    bench.out(&["heap", "--save", &pid]);
    bench.out(&["leaks", "--save", &pid]);
    let grown = || {
        let document = bench.run(&["diff", "--by", "stack", "--json"]).output;
        let document: Value = serde_json::from_str(&document).unwrap_or_default();
        document["delta_bytes"].as_i64().is_some_and(|delta| delta > 14 << 20) && {
            let lost = number(&document["sampling"][1]["lost_faults"]) * 4096;
            number(&document["stacks"][0]["delta_bytes"]) + lost > 10 << 20
        }
    };
    until("a sample of the growth", grown);
    recorder.stop();

    // By stack.
    let document = bench.json(&["diff", "--by", "stack", "--json"]);
    let first = &document["stacks"][0];
    let frames = first["frames"].as_array().unwrap();
    assert!(frames.iter().any(|frame| frame["name"] == "forget_session()"), "{document:#}");
    // A busy machine loses some page faults, and counts them.
    let lost = number(&document["sampling"][1]["lost_faults"]) * 4096;
    assert!(number(&first["delta_bytes"]) + lost > 10 << 20, "{document:#}");
    // By class.
    let classes = bench.json(&["diff", "--by", "class", "--json"]);
    assert_eq!(change(&classes, "shop::Session"), (8100, 8100 * 2032), "{classes:#}");
    // By block.
    let leaks = bench.json(&["leaks", "--json", &pid]);
    assert_eq!((&leaks["direct_blocks"], &leaks["leaked_blocks"]), (&8000.into(), &16000.into()));
    assert_eq!(leaks["groups"][0]["class"], "shop::Session");
    // And all in a page.
    bench.out(&["report", "-o", "page.html"]);
    let page = std::fs::read_to_string(bench.path("page.html")).unwrap();
    let section = page.split_once("<section id=\"heap\"").unwrap().1;
    let section = section.split_once("</section>").unwrap().0;
    for part in [
        "shop::Session",
        "+8,100",
        "not in blocks in use",
        "16,000 blocks, ",
        "no pointer in the process led to them",
        leaks["groups"][0]["sample"].as_str().unwrap(),
    ] {
        assert!(section.contains(part), "{part}: {section}");
    }
    assert!(page.contains("<section id=\"code\"") && page.contains("<title>forget_session()"));
}

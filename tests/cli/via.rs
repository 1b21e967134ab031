//! `record --via`: another program reads the process, and its page becomes samples.

use std::fs;

use insta::assert_snapshot;

use crate::harness::{Bench, Workload, write_script};

/// A page that somebody pasted, of process 66814.
const PAGE: &str = include_str!("../../sampler/fixtures/pasted/vmmap-14.0-arm64-demo.txt");

/// Writes a program that does as `script` says, with a page of vmmap beside it.
fn program(bench: &Bench, script: &str) -> String {
    fs::write(bench.path("page.txt"), PAGE).unwrap();
    let path = bench.path("reader");
    write_script(&path, &format!("#!/bin/sh\ncd \"$(dirname \"$0\")\" || exit 9\n{script}\n"));
    path.display().to_string()
}

#[test]
fn its_page_becomes_samples() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let reader = program(&bench, "echo \"$*\" > arguments\nsed \"s/66814/$4/\" page.txt");
    let pid = workload.pid_text();
    let said = bench.run(&["record", &pid, "--via", &reader, "--samples", "1"]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    assert!(said.error.contains("suspends it meanwhile"), "{}", said.error);
    assert!(said.error.contains("every 5.0s"), "{}", said.error);
    let arguments = fs::read_to_string(bench.path("arguments")).unwrap();
    assert_eq!(arguments.trim(), format!("-w -interleaved -noCoalesce {pid}"));
    let query = "SELECT type, virtual_bytes, dirty_bytes, rule FROM region_at('end') \
                 WHERE start = 0x10530c000";
    assert_snapshot!(bench.out(&["sql", query]), @"
    type             virtual_bytes  dirty_bytes  rule
    ===============  =============  ===========  ======
    MALLOC metadata          16384        16384  pasted
    ");
    let query = "SELECT footprint_bytes FROM samples()";
    assert_snapshot!(bench.out(&["sql", query]), @"
    footprint_bytes
    ===============
            1213440
    ");
}

#[test]
fn a_page_of_another_process_is_none() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let reader = program(&bench, "cat page.txt");
    let said = bench.run(&["record", &workload.pid_text(), "--via", &reader, "--samples", "1"]);
    assert_eq!(said.status, Some(3), "{}", said.error);
    assert!(said.error.contains("page of another process"), "{}", said.error);
}

#[test]
fn its_message_is_passed_on() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let reader = program(&bench, "printf 'vmmap: no access \\033[2J\\n' >&2\nexit 1");
    let said = bench.run(&["record", &workload.pid_text(), "--via", &reader, "--samples", "1"]);
    assert_eq!(said.status, Some(3), "{}", said.error);
    assert!(said.error.contains(r"vmmap: no access \x1b[2J"), "{}", said.error);
    let missing = bench.path("nothing").display().to_string();
    let said = bench.run(&["record", &workload.pid_text(), "--via", &missing]);
    assert!(said.error.contains("cannot be run"), "{}", said.error);
    let said = bench.run(&["record", "--tree", &workload.pid_text(), "--via", &missing]);
    assert_eq!(said.status, Some(2), "{}", said.error);
}

/// The second sample fails: what was recorded stays, and the gap is marked.
#[test]
fn a_later_failure_is_a_sample_without_regions() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let reader = program(
        &bench,
        "[ -e once ] && { echo busy >&2; exit 1; }\n: > once\nsed \"s/66814/$4/\" page.txt",
    );
    let said = bench.run(&["record", &workload.pid_text(), "--via", &reader, "--samples", "2"]);
    assert_eq!(said.status, Some(0), "{}", said.error);
    let query = "SELECT state, reason FROM samples() WHERE state <> 'missed'";
    assert_snapshot!(bench.out(&["sql", query]), @"
    state     reason
    ========  ==================
    complete  -
    totals    vmmap failed: busy
    ");
}

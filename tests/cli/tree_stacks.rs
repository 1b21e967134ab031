//! `vmrec record --tree --stacks`: the page faults of each process of a session are its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Bench, skipped};
use crate::heap_saved::until;

const MIB: i64 = 1 << 20;

/// Returns the change that stacks with a function show, and the processes that have them.
fn change(document: &Value, function: &str) -> (i64, Vec<String>) {
    let (mut bytes, mut processes) = (0, Vec::new());
    for row in document["stacks"].as_array().unwrap() {
        let frames = row["frames"].as_array().unwrap();
        if frames.iter().any(|frame| frame["function"] == function) {
            bytes += row["delta_bytes"].as_i64().unwrap();
            let process = frames.last().unwrap()["name"].as_str().unwrap().to_owned();
            if !processes.contains(&process) {
                processes.push(process);
            }
        }
    }
    (bytes, processes)
}

fn grows(launched: bool) {
    let bench = Bench::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks/tree.c");
    let program = bench.path("tree");
    let built = Command::new("gcc").args(["-O1", "-w", "-o"]).args([&program, &source]).output();
    if !built.is_ok_and(|built| built.status.success()) {
        return skipped("gcc does not build tree.c");
    }
    let path = program.display().to_string();
    let options = ["record", "--tree", "--stacks", "--stack-period", "7", "--every", "100ms"];
    let options = [&options[..], &["-q", "--read-remote-files"]].concat();
    let piped = |command: &mut Command| {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let (mut target, mut vmrec) = if launched {
        let mut vmrec = piped(&mut bench.command(&[&options[..], &["--", &path]].concat()));
        ((vmrec.stdin.take(), vmrec.stdout.take(), None), vmrec)
    } else {
        let mut child = piped(&mut Command::new(&program));
        let pid = child.id().to_string();
        let vmrec = piped(&mut bench.command(&[&options[..], &[&pid]].concat()));
        ((child.stdin.take(), child.stdout.take(), Some(child)), vmrec)
    };
    let mut lines = BufReader::new(target.1.take().unwrap()).lines();
    if let Some(Ok(line)) = lines.next() {
        assert_eq!(line, "ready");
    }
    let mut refused = None;
    until("three recordings", || {
        if vmrec.try_wait().unwrap().is_some() {
            let mut said = String::new();
            BufReader::new(vmrec.stderr.take().unwrap()).read_line(&mut said).unwrap();
            refused = Some(said);
            return true;
        }
        let rows = bench.run(&["sql", "--json", "SELECT recording FROM stack_live GROUP BY 1"]);
        let rows: Value = serde_json::from_str(&rows.output).unwrap_or_default();
        rows.as_array().is_some_and(|rows| rows.len() >= 3)
    });
    if let Some(said) = refused {
        drop(target.2.take().map(|mut child| child.kill()));
        assert!(said.contains("cannot record the stacks of "), "{said}");
        return skipped(&said);
    }
    let mut input = target.0.take().unwrap();
    input.write_all(b"\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "grown");
    let diff = || {
        let said = bench.run(&["diff", "-s", "1", "--by", "stack", "--json"]);
        serde_json::from_str::<Value>(&said.output).unwrap_or_default()
    };
    let known = [("parent_grows", 8), ("forked_grows", 16), ("program_grows", 32)];
    let lost = |document: &Value| document["sampling"][1]["lost_faults"].as_i64().unwrap() * 4096;
    let mut document = Value::Null;
    // Page faults of a busy machine are read a while after the sample that has their pages.
    until("samples of the growth", || {
        document = diff();
        let is_known = |(function, mib): &(&str, i64)| {
            let error = (change(&document, function).0 - mib * MIB).abs();
            error <= mib * MIB / 50 + 2 * 7 * 4096 + lost(&document)
        };
        document["delta_bytes"].as_i64().is_some_and(|delta| delta > 55 * MIB)
            && known.iter().all(is_known)
    });
    let sums = [&document["few_samples"]["delta_bytes"], &document["unattributed_bytes"]];
    let rows = document["stacks"].as_array().unwrap().iter();
    let stacks: i64 = rows.map(|row| row["delta_bytes"].as_i64().unwrap()).sum();
    let rest: i64 = sums.iter().map(|sum| sum.as_i64().unwrap()).sum();
    assert_eq!(stacks + rest, document["delta_bytes"].as_i64().unwrap(), "{document:#}");
    let lost = lost(&document);
    let mut seen = Vec::new();
    for (function, _) in known {
        let (_, processes) = change(&document, function);
        assert_eq!(processes.len(), 1, "{function}: {processes:?}");
        assert!(processes[0].starts_with("tree (pid "), "{function}: {processes:?}");
        assert!(!seen.contains(&processes[0]), "{function}: {processes:?}");
        seen.extend(processes);
    }
    // Each recording has its own, too.
    let alone = bench.json(&["diff", "-r", "1", "--by", "stack", "--json"]);
    assert_eq!(change(&alone, "program_grows").0, 0, "{alone:#}");
    assert!(change(&alone, "parent_grows").0 > 4 * MIB - lost, "{alone:#}");
    let page = bench.out(&["diff", "-s", "1", "--by", "stack"]);
    let name = format!("{}: touch < program_grows < ", seen[2]);
    assert!(page.contains(&name) && page.contains("session 1, --tree "), "{page}");
    let all = bench.out(&["diff", "-s", "1", "--by", "stack", "--all"]);
    assert!(all.contains(&name), "{all}");
    let said = bench.run(&["flame", "-s", "1", "-o", "tree.svg"]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let svg = std::fs::read_to_string(bench.path("tree.svg")).unwrap();
    for name in seen.iter().map(String::as_str).chain(["program_grows", "session 1: resident +"]) {
        assert!(svg.contains(name), "{name}: {svg}");
    }
    let chart = bench.out(&["chart", "-s", "1", "--by", "stack", "-o", "-"]);
    for area in ["touch ← program_grows: ", "touch ← forked_grows: ", "unattributed: "] {
        assert!(chart.contains(area), "{area}: {chart}");
    }
    let folded = bench.out(&["export", "-s", "1", "--folded"]);
    let value = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap();
    assert!(folded.lines().map(value).sum::<i64>() > 55 * MIB, "{folded}");
    assert!(folded.lines().any(|line| line.starts_with(&format!("{};", seen[1]))), "{folded}");
    bench.out(&["export", "-s", "1", "--speedscope", "-o", "tree.json"]);
    bench.out(&["export", "-s", "1", "--pprof", "-o", "tree.pb.gz"]);
    drop(input);
    let _ = vmrec.wait();
    if let Some(mut child) = target.2.take() {
        child.wait().unwrap();
    }
    assert!(bench.run(&["info", "--verify"]).error.is_empty());
}

#[test]
fn the_processes_of_a_command_have_stacks_of_their_own() {
    grows(true);
}

#[test]
fn those_that_run_already_have_them_too() {
    grows(false);
}

#[test]
fn a_session_without_stacks_has_none_to_compare() {
    let bench = Bench::new();
    bench.run(&["record", "--tree", "--every", "50ms", "--", "sleep", "0.3"]);
    for words in [
        &["diff", "-s", "1", "--by", "stack"][..],
        &["flame", "-s", "1", "-o", "a.svg"],
        &["chart", "-s", "1", "--by", "stack", "-o", "a.svg"],
    ] {
        let said = bench.run(words);
        assert_eq!(said.status, Some(4), "{said:?}");
        assert!(said.error.contains("session 1 has no stacks\nhint: record them: "), "{said:?}");
    }
    assert_eq!(bench.run(&["diff", "-s", "1", "--type", "malloc"]).status, Some(2));
    assert_eq!(bench.run(&["record", "--stacks", "--host", "--samples", "1"]).status, Some(2));
}

//! `vmrec record --tree --stacks`: the page faults of each process of a session are its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Bench, signal, skipped};
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
}

/// Builds a program of `tests/stacks` under a name of its own.
fn built(bench: &Bench, source: &str, name: &str) -> Option<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks").join(source);
    let program = bench.path(name);
    let mut gcc = Command::new("gcc");
    let built = gcc.args(["-O1", "-w", "-pthread", "-o"]).args([&program, &source]).output();
    if built.is_ok_and(|built| built.status.success()) {
        return Some(program.display().to_string());
    }
    skipped("gcc does not build it");
    None
}

/// A program that grows when a line comes.
struct Grower(std::process::Child, BufReader<std::process::ChildStdout>);

impl Grower {
    fn start(program: &str) -> Self {
        let mut command = Command::new(program);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut grower = Self(child, lines);
        grower.expect("ready\n");
        grower
    }

    fn expect(&mut self, line: &str) {
        let mut read = String::new();
        self.1.read_line(&mut read).unwrap();
        assert_eq!(read, line);
    }

    fn grow(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        self.expect("grown\n");
    }
}

impl Drop for Grower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns how many events of performance a process has open.
fn events(pid: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = files.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("perf_event")).count()
}

fn follows(options: &[&str], name: &str) {
    let bench = Bench::new();
    let Some(program) = built(&bench, "grow.c", name) else { return };
    let always = ["record", "--stacks", "--stack-period", "61", "--every", "200ms", "-q"];
    let mut command = bench.command(&[&always[..], &["--read-remote-files"], options].concat());
    let mut vmrec = command.stderr(Stdio::piped()).spawn().unwrap();
    let recordings = || {
        // Others of the host may be another test's.
        let sql = format!(
            "SELECT s.recording FROM stack_live s JOIN recording r ON r.id = s.recording \
                   WHERE r.short_name = '{name}' GROUP BY 1"
        );
        let rows = bench.run(&["sql", "--json", &sql]);
        let rows: Value = serde_json::from_str(&rows.output).unwrap_or_default();
        rows.as_array().map_or(0, Vec::len)
    };
    let mut growers = Vec::new();
    for count in 1..=2 {
        growers.push(Grower::start(&program));
        let mut ended = false;
        until("a recording with stacks", || {
            ended = vmrec.try_wait().unwrap().is_some();
            ended || recordings() == count
        });
        if ended {
            let mut said = String::new();
            BufReader::new(vmrec.stderr.take().unwrap()).read_line(&mut said).unwrap();
            assert!(said.contains("cannot record the stacks of "), "{said}");
            return skipped(&said);
        }
        growers.last_mut().unwrap().grow();
    }
    // 96 MiB each, less what a busy host made vmrec lose.
    until("the growth of both", || {
        let said = bench.run(&["diff", "-s", "1", "--by", "stack", "--json"]);
        let document: Value = serde_json::from_str(&said.output).unwrap_or_default();
        let Some(lost) = document["sampling"][1]["lost_faults"].as_i64() else { return false };
        let (bytes, of) = change(&document, "path_a");
        let of = of.iter().filter(|process| process.starts_with(name)).count();
        of == 2 && bytes + lost * 4096 > 180 * MIB
    });
    let before = events(vmrec.id());
    drop(growers);
    if !options.contains(&"--host") {
        until("events that are closed", || events(vmrec.id()) < before);
    }
    signal(vmrec.id(), libc::SIGINT);
    vmrec.wait().unwrap();
    assert!(bench.run(&["info", "--verify"]).error.is_empty());
}

#[test]
fn those_that_come_later_by_a_name_have_stacks_and_give_their_events_back() {
    follows(&["--follow", "vmrecfollows"], "vmrecfollows");
}

#[test]
fn the_processes_of_a_host_have_stacks_too() {
    follows(&["--host"], "vmrechosts");
}

#[test]
fn a_process_that_has_too_many_threads_has_no_stacks_and_is_named() {
    let bench = Bench::new();
    let (Some(few), Some(many)) =
        (built(&bench, "grow.c", "vmrecfew"), built(&bench, "wait.c", "vmrecmany"))
    else {
        return;
    };
    let _few = Grower::start(&few);
    let _many = Grower::start(&many);
    // Of 80 files 40 may be events.
    let vmrec = env!("CARGO_BIN_EXE_vmrec");
    let line = format!(
        "ulimit -n 80; exec {vmrec} record --stacks --follow vmrecfew vmrecmany --samples 3 --every 100ms"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]).env("VMREC_DB", bench.path("test.db"));
    let said = command.stdin(Stdio::null()).output().unwrap();
    let error = String::from_utf8_lossy(&said.stderr);
    if error.contains("cannot record the stacks of ") {
        return skipped(&error);
    }
    let named = "1 process had no stacks: not permitted, or too many threads: vmrecmany";
    assert!(error.contains(named), "{error}");
    let diff = bench.run(&["diff", "-s", "1", "--by", "stack"]);
    assert!(diff.error.contains("not in it, without stacks: vmrecmany (pid "), "{diff:?}");
}

//! `vmrec heap`: against malloc's own sums, and never at the cost of the process.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Bench, Workload, signal, skipped};

/// A program built and started by a test, which has printed its first line.
pub(crate) struct Program {
    child: Child,
    pub(crate) line: String,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// Builds `tests/heap/SOURCE` and starts it; `None` without a compiler.
    pub(crate) fn start(
        bench: &Bench,
        source: &str,
        options: &[&str],
        arguments: &[&str],
    ) -> Option<Self> {
        let compiler = match source {
            "musl.c" => "musl-gcc",
            _ if source.ends_with(".cpp") => "g++",
            _ => "gcc",
        };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/heap").join(source);
        let program = bench.path(&format!("{source}.out"));
        let built = Command::new(compiler)
            .args(["-O1", "-w", "-pthread", "-o"])
            .args([&program, &path])
            .args(options)
            .output();
        if !built.is_ok_and(|built| built.status.success()) {
            skipped(&format!("{compiler} does not build {source} {}", options.join(" ")));
            return None;
        }
        let mut command = Command::new(program);
        Some(Self::run(command.args(arguments)))
    }

    /// Starts a program, and waits for its first line.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        Self { input: child.stdin.take(), child, line, output }
    }

    /// Sends a line and waits until it is done.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.input.as_mut().unwrap(), "{order}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n", "{order}");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn pid_text(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a line of /proc/PID/status.
fn status(pid: u32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

pub(crate) fn is_traced(pid: u32) -> bool {
    status(pid, "TracerPid").is_some_and(|tracer| tracer != "0")
}

/// Waits until all threads of a process run on, without a tracer.
pub(crate) fn runs_on(pid: u32) {
    let begun = Instant::now();
    loop {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let stopped = tasks.flatten().any(|task| {
            let text = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            text.contains("\nState:\tt") || text.contains("\nState:\tT")
        });
        if !stopped && !is_traced(pid) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", status(pid, "State"));
        sleep(Duration::from_millis(1));
    }
}

/// Starts vmrec and waits until it has begun to stop the process; `None` if it was too quick.
pub(crate) fn stopping(bench: &Bench, pid: u32, options: &[&str]) -> Option<Child> {
    let pid_text = pid.to_string();
    let mut command = bench.command(&[&["heap", &pid_text], options].concat());
    let mut vmrec = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while vmrec.try_wait().unwrap().is_none() {
        if is_traced(pid) {
            return Some(vmrec);
        }
    }
    None
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn sums_equal_mallocs_own(options: &[&str]) {
    let bench = Bench::new();
    let Some(program) = Program::start(&bench, "blocks.c", options, &[]) else { return };
    let document = bench.json(&["heap", "--json", &program.pid_text()]);
    let malloc = &document["malloc"];
    let free = [&malloc["fast"]["bytes"], &malloc["free"]["bytes"], &malloc["top_bytes"]];
    let shown = [
        number(&malloc["arena_bytes"]),
        number(&malloc["mapped"]["blocks"]),
        number(&malloc["mapped"]["bytes"]),
        number(&malloc["malloc_stats_in_use_bytes"]),
        free.into_iter().map(number).sum(),
        number(&malloc["fast"]["bytes"]),
    ];
    let own: Vec<u64> = program.line.split_whitespace().map(|sum| sum.parse().unwrap()).collect();
    assert_eq!(shown, *own, "arena, hblks, hblkhd, uordblks, fordblks, fsmblks: {document}");
    assert_eq!(document["problems"], Value::Array(vec![]));
    assert_eq!((number(&document["arenas"]), number(&document["threads"])), (5, 5));
    for groups in ["classes", "sizes"] {
        let bytes = document[groups].as_array().unwrap().iter().map(|it| number(&it["bytes"]));
        assert_eq!(bytes.sum::<u64>(), number(&document["in_use"]["bytes"]), "{groups}");
    }
}

#[test]
fn sums_equal_those_of_malloc_to_the_byte() {
    sums_equal_mallocs_own(&[]);
}

#[test]
fn a_static_program_has_the_same_heap() {
    sums_equal_mallocs_own(&["-static"]);
}

#[test]
fn objects_are_counted_by_class_also_when_stripped() {
    let bench = Bench::new();
    let Some(program) = Program::start(&bench, "objects.cpp", &["-s"], &[]) else { return };
    let document = bench.json(&["heap", "--json", &program.pid_text()]);
    let classes = document["classes"].as_array().unwrap();
    for (class, blocks) in [
        ("shop::Book", 1000),
        ("shop::Item", 200),
        ("shop::Shelf<long>", 30),
        ("(anonymous namespace)::Hidden", 7),
    ] {
        let found = classes.iter().find(|it| it["class"] == class);
        assert_eq!(found.map(|it| number(&it["blocks"])), Some(blocks), "{class}: {document}");
    }
    let page = bench.out(&["heap", &program.pid_text()]);
    assert!(page.lines().any(|line| line.starts_with("shop::Book ")), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    for by in ["size", "region"] {
        assert!(
            bench.out(&["heap", "--by", by, &program.pid_text()]).contains("\nfrom the system")
        );
    }
}

#[test]
fn a_corrupted_heap_is_reported_and_the_rest_shown() {
    let bench = Bench::new();
    let Some(program) = Program::start(&bench, "blocks.c", &[], &["corrupt"]) else { return };
    let said = bench.run(&["heap", &program.pid_text()]);
    assert_eq!(said.status, Some(0));
    assert!(said.error.contains("note: the chain of chunks breaks at 0x"), "{}", said.error);
    assert!(said.output.contains("\nnot walked "), "{}", said.output);
}

#[test]
fn a_thousand_threads_stop_and_run_on() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("threads 1000");
    let document = bench.json(&["heap", "--json", &workload.pid_text()]);
    assert_eq!(number(&document["threads"]), 1001);
    assert!(number(&document["in_use"]["blocks"]) > 1000);
    runs_on(workload.pid());
    workload.order("heap 65536");
}

/// The kernel resumes the process when vmrec is killed in the middle of the stop.
#[test]
fn a_killed_vmrec_leaves_no_process_stopped() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("threads 20");
    workload.order("heap 67108864");
    let (mut killed, mut tries) = (0, 0);
    while killed < 100 && tries < 1000 {
        tries += 1;
        let Some(mut vmrec) = stopping(&bench, workload.pid(), &[]) else { continue };
        // At any moment of the stop.
        sleep(Duration::from_micros(tries * 397 % 8000));
        let in_the_stop = is_traced(workload.pid());
        vmrec.kill().unwrap();
        let ended = vmrec.wait().unwrap();
        killed += u32::from(in_the_stop && ended.signal() == Some(libc::SIGKILL));
        runs_on(workload.pid());
        workload.order("heap 65536");
    }
    assert_eq!(killed, 100, "of {tries} tries");
}

/// A vmrec that is stopped itself is killed by its watchdog.
#[test]
fn a_stopped_vmrec_leaves_no_process_stopped() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("heap 67108864");
    for _ in 0..50 {
        let Some(mut vmrec) = stopping(&bench, workload.pid(), &["--max-stop", "500ms"]) else {
            continue;
        };
        signal(vmrec.id(), libc::SIGSTOP);
        if is_traced(workload.pid()) {
            let ended = vmrec.wait().unwrap();
            assert_eq!(ended.signal(), Some(libc::SIGKILL));
            runs_on(workload.pid());
            workload.order("heap 65536");
            return;
        }
        let _ = vmrec.kill();
        let _ = vmrec.wait();
    }
    panic!("vmrec was never stopped within the stop");
}

#[test]
fn a_process_killed_in_the_stop_is_said_to_have_exited() {
    let bench = Bench::new();
    for delay_us in [0, 500, 2000] {
        let mut workload = Workload::start();
        workload.order("heap 67108864");
        let pid = workload.pid_text();
        let mut command = bench.command(&["heap", &pid]).stderr(Stdio::piped()).spawn().unwrap();
        // A short stop may pass unseen.
        while !is_traced(workload.pid()) && command.try_wait().unwrap().is_none() {}
        sleep(Duration::from_micros(delay_us));
        signal(workload.pid(), libc::SIGKILL);
        let output = command.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        // It may have been read by then.
        let exited = error.contains(&format!("pid {pid} has exited"));
        assert!(exited && output.status.code() == Some(3) || error.is_empty(), "{error}");
    }
}

#[test]
fn a_stop_that_would_be_too_long_is_given_up() {
    let (bench, mut workload) = (Bench::new(), Workload::start());
    workload.order("heap 268435456");
    let said = bench.run(&["heap", "--max-stop", "1ms", &workload.pid_text()]);
    assert_eq!(said.status, Some(3), "{}", said.error);
    assert!(said.error.contains("would have been stopped for more than 1ms; it runs on"));
    assert!(said.error.contains("hint: allow more: --max-stop"), "{}", said.error);
    runs_on(workload.pid());
}

#[test]
fn each_refusal_has_its_remedy() {
    let (bench, workload) = (Bench::new(), Workload::start());
    let own = bench.run(&["heap", "4000000"]);
    assert_eq!(own.status, Some(3));
    // Another tracer holds it.
    let Some(vmrec) = (0..50).find_map(|_| stopping(&bench, workload.pid(), &[])) else {
        return skipped("vmrec was never seen within the stop");
    };
    signal(vmrec.id(), libc::SIGSTOP);
    if is_traced(workload.pid()) {
        let said = bench.run(&["heap", &workload.pid_text()]);
        assert!(
            said.error.contains(&format!("vmrec (pid {}) traces it", vmrec.id())),
            "{}",
            said.error
        );
        assert!(said.error.contains("hint: only one can trace a process"), "{}", said.error);
    }
    let mut vmrec = vmrec;
    vmrec.kill().unwrap();
    vmrec.wait().unwrap();
    runs_on(workload.pid());
    let mut command = bench.command(&["heap", &workload.pid_text()]);
    let Ok(output) = command.uid(65534).output() else {
        return skipped("vmrec cannot be run as another user: needs root, and a path open to all");
    };
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{error}");
    assert!(error.contains("it belongs to user 0") && error.contains("cap_sys_ptrace"), "{error}");
}

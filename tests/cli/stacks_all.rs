//! `vmrec record --stacks=all`: mapped bytes by the functions that mapped them, exactly.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Bench, signal, skipped};
use crate::heap_saved::until;
use crate::rights::{as_nobody, shared};

const MIB: i64 = 1 << 20;

/// Builds the program that maps; `None` without a compiler.
fn built(bench: &Bench) -> Option<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks/maps.c");
    let program = bench.path("maps");
    let built = Command::new("gcc").args(["-O1", "-w", "-o"]).args([&program, &source]).output();
    if !built.is_ok_and(|built| built.status.success()) {
        skipped("gcc does not build maps.c");
        return None;
    }
    Some(program.display().to_string())
}

/// The target, and the recorder of it.
struct Running {
    bench: Bench,
    target: Option<Child>,
    vmrec: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Begins; `None` if that is not permitted here.
    fn begin(launched: bool) -> Option<Self> {
        let bench = Bench::new();
        let program = built(&bench)?;
        let options = ["record", "--stacks=all", "--every", "100ms", "--read-remote-files", "-q"];
        let piped = |command: &mut Command| {
            let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
            command.stderr(Stdio::piped()).spawn().unwrap()
        };
        let (mut target, mut vmrec);
        if launched {
            vmrec = piped(&mut bench.command(&[&options[..], &["--", &program]].concat()));
            target = None;
        } else {
            let child = piped(&mut Command::new(&program));
            vmrec = piped(&mut bench.command(&[&options[..], &[&child.id().to_string()]].concat()));
            target = Some(child);
        }
        let begun = Instant::now();
        while bench.run(&["diff", "--by", "stack"]).status != Some(0) {
            if let Some(status) = vmrec.try_wait().unwrap() {
                let mut said = String::new();
                BufReader::new(vmrec.stderr.take().unwrap()).read_line(&mut said).unwrap();
                drop(target.take().map(|mut child| child.kill()));
                assert_eq!(status.code(), Some(3), "{said}");
                assert!(said.contains("cannot record the stacks of "), "{said}");
                skipped(&said);
                return None;
            }
            assert!(begun.elapsed() < Duration::from_secs(120));
        }
        let of = target.as_mut().unwrap_or(&mut vmrec);
        let (input, lines) = (of.stdin.take().unwrap(), of.stdout.take().unwrap());
        let mut running =
            Self { bench, target, vmrec, input, lines: BufReader::new(lines).lines() };
        assert_eq!(running.line(), "ready");
        Some(running)
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Orders the next step, and waits until its end.
    fn step(&mut self, done: &str) {
        self.input.write_all(b"\n").unwrap();
        assert_eq!(self.line(), done);
    }

    /// Compares the first sample with the last, by one metric.
    fn diff(&self, metric: &str) -> Value {
        let shown = self.bench.run(&["diff", "--by", "stack", "--metric", metric, "--json"]);
        serde_json::from_str(&shown.output).unwrap_or_default()
    }

    /// Waits until rows of a metric are those of functions.
    fn until(&self, metric: &str, expected: &[(&str, i64)]) -> Value {
        let mut last = Value::Null;
        let description = format!("{metric}: {expected:?}");
        until(&description, || {
            last = self.diff(metric);
            let is_met = |(function, bytes): &(&str, i64)| change(&last, function).0 == *bytes;
            last.is_object() && expected.iter().all(is_met)
        });
        sums_up(&last);
        last
    }

    fn end(mut self) {
        drop(self.input);
        if let Some(mut target) = self.target.take() {
            signal(target.id(), 9);
            target.wait().unwrap();
        }
        self.vmrec.wait().unwrap();
        assert!(self.bench.run(&["info", "--verify"]).error.is_empty());
    }
}

/// Returns the change of a function, and how many mappings or calls are behind it.
fn change(document: &Value, function: &str) -> (i64, u64) {
    let has = |row: &&Value| {
        row["frames"].as_array().unwrap().iter().any(|frame| frame["function"] == function)
    };
    let rows = document["stacks"].as_array().into_iter().flatten().filter(has);
    rows.fold((0, 0), |(bytes, count), row| {
        let counts = [0, 1].map(|at| row["samples"][at].as_u64().unwrap());
        (bytes + row["delta_bytes"].as_i64().unwrap(), count + counts[1].saturating_sub(counts[0]))
    })
}

/// Checks that all rows are exact and sum to the change.
fn sums_up(document: &Value) {
    let rows = document["stacks"].as_array().unwrap().iter();
    let sum: i64 = rows.clone().map(|row| row["delta_bytes"].as_i64().unwrap()).sum();
    let rest = document["unattributed_bytes"].as_i64().unwrap();
    assert_eq!(sum + rest, document["delta_bytes"].as_i64().unwrap(), "{document:#}");
    assert!(rows.clone().all(|row| row["standard_error_bytes"] == 0), "{document:#}");
    assert_eq!(document["few_samples"]["stacks"], 0, "{document:#}");
}

fn maps(launched: bool) {
    let Some(mut running) = Running::begin(launched) else { return };
    running.step("taken");
    let page = 4096;
    let taken = [
        ("take_a", 96 * MIB),
        ("take_b", 41 * MIB + page),
        ("grow", 16 * MIB),
        ("take_break", 4 * MIB),
    ];
    let all = running.until("mapped", &taken);
    let whole = running.bench.json(&["diff", "--json"])["total"]["virtual_bytes"]["delta"].clone();
    assert_eq!(all["delta_bytes"], whole, "{all:#}");
    assert_eq!(change(&all, "take_b"), (41 * MIB + page, 2), "{all:#}");
    running.until("births", &taken);
    let none = running.until("deaths", &[("main", 0)]);
    assert_eq!(none["delta_bytes"], 0, "{none:#}");

    // What begins and ends between two samples is in none of them.
    running.step("passed");
    let born = running.until("births", &[("passing", 500 * MIB), ("take_a", 96 * MIB)]);
    assert_eq!(change(&born, "passing"), (500 * MIB, 100), "{born:#}");
    let died = running.until("deaths", &[("passing", 500 * MIB), ("drop_half", 48 * MIB)]);
    assert_eq!(change(&died, "passing").1 + change(&died, "drop_half").1, 101, "{died:#}");
    // What is left counts for who mapped it, not for who unmapped the rest.
    let left = [("take_a", 48 * MIB), ("passing", 0), ("drop_half", 0), ("grow", 16 * MIB)];
    running.until("mapped", &left);

    running.step("forgotten");
    let released = running.until("released", &[("forget", 16 * MIB)]);
    assert_eq!(change(&released, "forget").1, 1, "{released:#}");
    running.until("mapped", &[&left[..], &[("forget", 0), ("fails", 0)]].concat());
    exports(&running.bench);
    running.end();
}

/// Checks that what other programs read is of the metric, and sums to the same.
fn exports(bench: &Bench) {
    let last = bench.json(&["diff", "--by", "stack", "--json"])["to"]["sample"].to_string();
    let to = format!("#{last}");
    let metric = ["--metric", "mapped"];
    let diff =
        bench.json(&[&["diff", "--by", "stack", "--json", "start", &to], &metric[..]].concat());
    let total = diff["delta_bytes"].as_i64().unwrap();
    let folded = bench.out(&[&["export", "--folded", "--to", &to], &metric[..]].concat());
    let value = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<i64>().unwrap();
    assert_eq!(folded.lines().map(value).sum::<i64>(), total, "{folded}");
    assert!(folded.lines().any(|line| line.contains(";main;take_a;")), "{folded}");
    let speedscope = bench.out(&[&["export", "--speedscope", "--to", &to], &metric[..]].concat());
    assert!(speedscope.contains("\"mapped bytes, maps"), "{speedscope}");
    let svg = bench.out(&[&["flame", "start", &to, "-o", "-"], &metric[..]].concat());
    assert!(svg.contains("<title>take_a: +48.0M (exact)"), "{svg}");
    let table = bench.out(&[&["diff", "--by", "stack", "start", &to], &metric[..]].concat());
    let parts = ["\nmapped +", ", by the stacks that mapped it\n", "\n MAPPED  MAPPINGS  STACK,"];
    assert!(parts.iter().all(|part| table.contains(part)) && !table.contains("ERROR"), "{table}");
    assert!(table.contains("+48.0M         1  room < take_a < main < "), "{table}");
    let map = bench.out(&["map", "--by", "stack", "--at", &to, "--metric", "mapped"]);
    assert!(map.contains("48.0M         1  room < take_a < main < "), "{map}");
    let deaths = bench.out(&["diff", "--by", "stack", "start", &to, "--metric", "deaths"]);
    assert!(deaths.contains("\nunmapped 548.0M, by the stacks that unmapped it\n"), "{deaths}");
    assert!(!deaths.contains("unattributed"), "{deaths}");
    bench.out(&[&["export", "--pprof", "--to", &to, "-o", "p.pb.gz"], &metric[..]].concat());
    assert!(std::fs::read(bench.path("p.pb.gz")).unwrap().len() > 100);
}

#[test]
fn a_running_program_maps_by_known_functions_to_the_byte() {
    maps(false);
}

#[test]
fn a_launched_program_does_so_too() {
    maps(true);
}

#[test]
fn without_calls_there_are_no_mappings_by_stack_and_metrics_are_distinguished() {
    let bench = crate::harness::recorded(2);
    let said = bench.run(&["diff", "--metric", "mapped"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    assert!(
        said.error.contains("`mapped` is a metric of stacks\nhint: add --by stack "),
        "{said:?}"
    );
    let said = bench.run(&["diff", "--by", "stack", "--metric", "private"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    assert!(said.error.contains("stacks have no metric `private"), "{said:?}");
    let said = bench.run(&["export", "--metric", "mapped"]);
    assert_eq!(said.status, Some(2), "{said:?}");
    let said = bench.run(&["map", "--metric", "mapped"]);
    assert_eq!(said.status, Some(2), "{said:?}");
}

#[test]
fn a_right_that_is_missing_is_named_with_its_remedy_and_nothing_is_recorded() {
    let Some((bench, vmrec)) = shared() else { return };
    let record = |capabilities: Option<&str>, stacks: &str| {
        let db = bench.path("rights.db").display().to_string();
        let words = [&vmrec, "record", stacks, "--samples", "1", "--db", &db, "--", "true"];
        let output = as_nobody(capabilities, &words).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, error) = record(Some("+perfmon"), "--stacks=all");
    if cfg!(not(target_arch = "x86_64")) {
        assert!(status == Some(3) && error.contains("only known on x86-64"), "{error}");
        return;
    }
    if status == Some(0) {
        return skipped("everybody may read tracefs here");
    }
    assert_eq!(status, Some(3), "{error}");
    if error.contains("tracefs is not mounted") {
        assert!(error.contains("hint: sudo mount -t tracefs"), "{error}");
        return skipped("tracefs is not mounted here");
    }
    assert!(error.contains("system calls: /sys/kernel/tracing may not be read"), "{error}");
    assert!(error.contains("let your group read it"), "{error}");
    assert!(!bench.path("rights.db").exists(), "{error}");
    let level = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap();
    if level.trim().parse::<i64>().unwrap() < 2 {
        return skipped("tracepoints need no right here");
    }
    let (status, error) = record(Some("+dac_read_search"), "--stacks=all");
    assert_eq!(status, Some(3), "{error}");
    let missing = "CAP_PERFMON is missing (kernel.perf_event_paranoid is ";
    let refused = error.contains(missing) || error.contains("which permits it to no user");
    assert!(refused && error.contains("cap_perfmon"), "{error}");
    let (status, error) = record(Some("+dac_read_search,+perfmon"), "--stacks=all");
    assert_eq!(status, Some(0), "{error}");
}

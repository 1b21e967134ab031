//! The cost of leaving a process alone, beside its goals: samples that read no region again, a
//! recorder of an idle process, and how long a large process waits for its own mappings meanwhile.
//!
//! `cargo bench --bench governor_cost` takes three minutes and 8 GiB of memory (less is skipped);
//! `VMREC_BENCH_SECONDS` shortens each measurement (default: 15). The victim maps and unmaps a page
//! all the time and measures how long each takes, first alone, then while `vmrec record` reads it.

#![allow(
    unsafe_code,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics if it cannot measure"
)]

mod cpu;
mod target;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use vmrec_sampler::{Consistency, Limits, Sampler, Sharers};

use cpu::{Of, spent_ns};
use target::{map, read_plainly, start_self, start_sleep, unmap};

const ROUNDS: usize = 200;
/// A wait that is too long.
const LATE_NS: u64 = 5_000_000;
/// How long a recorder has for its first sample, which finds out what all regions are.
const SETTLES: Duration = Duration::from_secs(3);

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--be") {
        return be(arguments.get(at + 1).map_or("", |kind| kind));
    }
    let seconds = env::var("VMREC_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let measured = Duration::from_secs(seconds.unwrap_or(15));
    println!("{:<44} {:>12} {:>12} {:>12}", "", "alone", "figure", "goal");
    unchanged();
    idle(measured);
    cheap(measured);
    for kind in ["large", "vmas"] {
        disturbed(kind, measured);
    }
}

fn row(name: &str, alone: &str, figure: &str, goal: &str) {
    println!("{name:<44} {alone:>12} {figure:>12} {goal:>12}");
}

/// Compares a sample that reads no region again with a plain read of smaps.
fn unchanged() {
    let mut child = start_sleep().expect("sleep");
    let mut sampler = Sampler::attach(child.id()).expect("our own child");
    sampler.set_skips_unchanged(true);
    sampler.sample().expect("a sample");
    let (mut plain, mut samples) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Caches are those of a recorder that has slept.
        thread::sleep(Duration::from_millis(5));
        let before = spent_ns(Of::Thread);
        let snapshot = sampler.sample().expect("a sample");
        let between = spent_ns(Of::Thread);
        read_plainly(child.id());
        plain.push(spent_ns(Of::Thread) - between);
        if snapshot.consistency == Consistency::Unchanged {
            samples.push(between - before);
        }
    }
    end(&mut child);
    let [plain, sample] = [plain, samples].map(|mut all: Vec<u64>| {
        all.sort_unstable();
        all.get(all.len() / 2).map_or(f64::NAN, |ns| *ns as f64)
    });
    let ratio = format!("{:.2}", sample / plain);
    let read = format!("{:.0} us", plain / 1e3);
    row("unchanged sample of sleep / read of smaps", &read, &ratio, "0.15");
}

/// Measures a recorder of an idle process.
fn idle(measured: Duration) {
    let mut child = start_sleep().expect("sleep");
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = record(child.id(), "50ms", &folder);
    thread::sleep(SETTLES);
    let before = cpu::of_process_ns(recorder.id());
    thread::sleep(measured);
    let spent = cpu::of_process_ns(recorder.id()) - before;
    let percent = spent as f64 / measured.as_nanos() as f64 * 100.0;
    row("recorder of sleep at 50 ms, of one CPU", "", &format!("{percent:.2} %"), "0.10 %");
    end(&mut recorder);
    end(&mut child);
}

/// Compares samples that count pages, the first and those that follow every two seconds, with a plain
/// read of smaps.
fn cheap(measured: Duration) {
    let Some((mut child, _answers)) = start_self("large") else {
        return println!("cheap: skipped, not enough memory");
    };
    let mut sampler = Sampler::attach(child.id()).expect("our own child");
    let max_stall = Duration::from_millis(5);
    sampler.set_limits(Some(Limits { max_stall, max_overhead: 0.01 }), &Sharers::default());
    let spent = |work: &mut dyn FnMut()| {
        let before = spent_ns(Of::Thread);
        work();
        spent_ns(Of::Thread) - before
    };
    let plain = spent(&mut || _ = read_plainly(child.id())) as f64;
    let mut costs = Vec::new();
    let begun = Instant::now();
    while costs.len() < 2 || begun.elapsed() < measured {
        costs.push(spent(&mut || _ = sampler.sample().expect("a sample")) as f64);
        thread::sleep(Duration::from_secs(2));
    }
    end(&mut child);
    let first = costs.remove(0);
    costs.sort_by(f64::total_cmp);
    let read = format!("{:.0} ms", plain / 1e6);
    for (name, cost, goal) in [("first", first, ""), ("next", costs[costs.len() / 2], "0.20")] {
        let name = format!("8 GiB: {name} cheap sample / read of smaps");
        row(&name, &read, &format!("{:.2}", cost / plain), goal);
    }
}

/// Measures how a process that maps all the time fares while it is recorded.
fn disturbed(kind: &str, measured: Duration) {
    let Some(mut victim) = Victim::start(kind) else {
        return println!("{kind}: skipped, not enough memory");
    };
    let alone = victim.map_for(measured);
    let folder = tempfile::tempdir().expect("a folder");
    let mut recorder = record(victim.child.id(), "2s", &folder);
    let with = victim.map_for(measured);
    end(&mut recorder);
    end(&mut victim.child);
    let ms = |run: &Run| format!("{:.1} ms", run.longest_ns as f64 / 1e6);
    let name = if kind == "large" { "8 GiB in one VMA" } else { "60,000 VMAs" };
    if kind != "large" {
        let fall = 100.0 - with.count as f64 / alone.count as f64 * 100.0;
        let rate = format!("{:.0} /s", alone.count as f64 / measured.as_secs_f64());
        row(&format!("{name}: fall of the rate to map"), &rate, &format!("{fall:.1} %"), "10 %");
    }
    row(&format!("{name}: longest wait to map"), &ms(&alone), &ms(&with), "5.0 ms");
    // On a machine that is not idle there are some of both.
    let [alone, with] = [alone, with].map(|run| run.late.to_string());
    row(&format!("{name}: waits beyond 5 ms"), &alone, &with, "as alone");
}

fn record(pid: u32, every: &str, folder: &tempfile::TempDir) -> Child {
    let db = folder.path().join("bench.db").display().to_string();
    Command::new(env!("CARGO_BIN_EXE_vmrec"))
        .args(["record", &pid.to_string(), "--quiet", "--every", every, "--db", &db])
        .stderr(Stdio::null())
        .spawn()
        .expect("vmrec")
}

fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

/// A process that maps and unmaps a page all the time when it is asked to.
struct Victim {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// How often it did, how many took too long, and the longest time that one took.
struct Run {
    count: u64,
    late: u64,
    longest_ns: u64,
}

impl Victim {
    fn start(kind: &str) -> Option<Self> {
        let (mut child, answers) = start_self(kind)?;
        let orders = child.stdin.take()?;
        Some(Self { child, orders, answers })
    }

    fn map_for(&mut self, time: Duration) -> Run {
        writeln!(self.orders, "{}", time.as_millis()).expect("the victim");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("its answer");
        let mut numbers = line.split_whitespace().map(|word| word.parse().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        Run { count: next(), late: next(), longest_ns: next() }
    }
}

/// Is the victim: lays out memory, says so, and maps for as many milliseconds as each line says.
fn be(kind: &str) {
    target::lay_out(kind);
    println!("ready");
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let time = Duration::from_millis(line.parse().expect("milliseconds"));
        let (begun, mut run) = (Instant::now(), Run { count: 0, late: 0, longest_ns: 0 });
        while begun.elapsed() < time {
            let before = Instant::now();
            unmap(map(4096, libc::PROT_READ, 0), 4096);
            let took = u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX);
            run.longest_ns = run.longest_ns.max(took);
            run.late += u64::from(took > LATE_NS);
            run.count += 1;
        }
        println!("{} {} {}", run.count, run.late, run.longest_ns);
    }
}

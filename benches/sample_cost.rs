//! The cost of one sample, against the minimum for any reader of smaps: a
//! plain read of /proc/PID/smaps through a 64 KiB buffer without parsing.
//!
//! `cargo bench --bench sample_cost` prints, for each target, processor time a
//! sample and the ratio to the plain read beside its goal, then the same for
//! pmap -XX and psutil's memory_maps where they are installed. Rounds are
//! interleaved, figures are medians. Memory needed: 8 GiB (skipped with less).

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics if it cannot measure"
)]

mod cpu;
mod target;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use vmrec_sampler::Sampler;
use vmrec_store::{SessionStart, Writer};

use cpu::{Of, spent_ns};
use target::{read_plainly, start_self, start_sleep};

const ROUNDS: usize = 15;

/// A process to sample, with the goals for the ratios to the plain read of a sample and, if there is
/// one, of a stored sample.
struct Target {
    name: &'static str,
    goal: f64,
    stored_goal: Option<f64>,
    start: fn() -> Option<Child>,
}

const TARGETS: [Target; 4] = [
    Target { name: "sleep", goal: 1.20, stored_goal: Some(2.0), start: start_sleep },
    Target { name: "60,000 VMAs", goal: 1.10, stored_goal: None, start: || alone("vmas") },
    Target { name: "8 GiB in one VMA", goal: 0.55, stored_goal: None, start: || alone("large") },
    Target { name: "Chromium browser", goal: 1.10, stored_goal: None, start: start_chromium },
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(kind) =
        arguments.iter().position(|a| a == "--be").and_then(|at| arguments.get(at + 1))
    {
        return be(kind);
    }
    println!("processor time a sample, median of {ROUNDS} interleaved rounds\n");
    println!(
        "{:<18} {:>8} {:>12} {:>12} {:>7} {:>7} {:>14} {:>7} {:>7}",
        "target", "VMAs", "plain read", "sample", "ratio", "goal", "+store", "ratio", "goal"
    );
    for target in TARGETS {
        let Some(mut child) = (target.start)() else {
            println!("{:<18} skipped: not enough memory, or not installed", target.name);
            continue;
        };
        measure(&target, child.id());
        peers(child.id());
        child.kill().ok();
        child.wait().ok();
    }
}

fn measure(target: &Target, pid: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut sampler = Sampler::attach(pid).expect("our own child");
    let mut writer = Writer::open(&folder.path().join("bench.db")).expect("a new file");
    let host = vmrec_sampler::host();
    let (process, now) = (sampler.process(), vmrec_sampler::now());
    let boot_id = &process.id.boot_id;
    let start = SessionStart { targets: "bench", host: &host, boot_id, interval_ns: 1 };
    let session = writer.begin_session(&start, now).expect("a session");
    let id = writer.begin(session, process, None, now).expect("a recording");
    let (mut plain, mut sample, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    let mut regions = 0;
    for round in 0..=ROUNDS {
        let read_ns = thread_ns(|| _ = read_plainly(pid));
        let mut snapshot = None;
        let sample_ns = thread_ns(|| snapshot = sampler.sample().ok());
        let snapshot = snapshot.expect("a sample");
        regions = snapshot.regions.len();
        let store_ns = thread_ns(|| _ = writer.append(id, snapshot).expect("a stored sample"));
        // The first round warms caches and classifies everything once.
        if round > 0 {
            plain.push(read_ns);
            sample.push(sample_ns);
            stored.push(sample_ns + store_ns);
        }
    }
    let (plain, sample, stored) = (median(plain), median(sample), median(stored));
    println!(
        "{:<18} {regions:>8} {:>9.0} us {:>9.0} us {:>7.2} {:>7.2} {:>11.0} us {:>7.2} {:>7}",
        target.name,
        plain / 1e3,
        sample / 1e3,
        sample / plain,
        target.goal,
        stored / 1e3,
        stored / plain,
        target.stored_goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.2}"))
    );
}

/// Prints what other tools need for the same, their own process start included for pmap.
fn peers(pid: u32) {
    let script = format!(
        "import psutil, time; p = psutil.Process({pid}); t = []\n\
         for _ in range(4):\n s = time.thread_time(); p.memory_maps(grouped=False); t.append(time.thread_time() - s)\n\
         print(sorted(t[1:])[1] * 1e6)"
    );
    let psutil = Command::new("python3").args(["-c", &script]).stderr(Stdio::null()).output();
    match psutil {
        Ok(output) if output.status.success() => {
            let us: f64 =
                String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(f64::NAN);
            println!("{:>18} {us:>31.0} us", "psutil");
        }
        _ => println!("{:>18} not installed", "psutil"),
    }
    let before = spent_ns(Of::Children);
    let pid = pid.to_string();
    match Command::new("pmap").args(["-XX", &pid]).stdout(Stdio::null()).status() {
        Ok(status) if status.success() => {
            println!(
                "{:>18} {:>31.0} us",
                "pmap -XX",
                (spent_ns(Of::Children) - before) as f64 / 1e3
            );
        }
        _ => println!("{:>18} not installed", "pmap -XX"),
    }
}

fn median(mut values: Vec<u64>) -> f64 {
    values.sort_unstable();
    values[values.len() / 2] as f64
}

fn thread_ns(work: impl FnOnce()) -> u64 {
    let before = spent_ns(Of::Thread);
    work();
    spent_ns(Of::Thread) - before
}

/// Starts this program as a target that waits.
fn alone(kind: &str) -> Option<Child> {
    start_self(kind).map(|(child, _)| child)
}

fn start_chromium() -> Option<Child> {
    let program = ["/usr/bin/chromium", "/usr/bin/google-chrome"]
        .into_iter()
        .find(|p| Path::new(p).exists())?;
    let profile = std::env::temp_dir().join(format!("vmrec-bench-{}", std::process::id()));
    let child = Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--remote-debugging-port=0",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    thread::sleep(Duration::from_secs(5));
    Some(child)
}

/// Is the target: lays out memory, says so and waits to be killed.
fn be(kind: &str) {
    target::lay_out(kind);
    println!("ready");
    loop {
        thread::park();
    }
}

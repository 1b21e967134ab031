//! The cost of recording a family of processes beside its goals: 200 processes at 2 s, idle and
//! churning, by the `vmrec record --tree` that users run.
//!
//! `cargo bench --bench family_cost` takes two minutes; `VMREC_BENCH_SECONDS` shortens both
//! measurements (default: 40 each). Processor time is the recorder's, from its second tick on,
//! and includes storing each tick durably. The cost of one process is compared with a plain read
//! of its smaps through a 64 KiB buffer without parsing.

#![allow(
    unsafe_code,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics if it cannot measure"
)]

mod cpu;

use std::fs::{self, File};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use cpu::{Of, spent_ns};

/// Time between samples.
const EVERY: Duration = Duration::from_secs(2);
/// How long the recorder has for its first ticks, which attach to all processes.
const SETTLES: Duration = Duration::from_secs(6);
const ROUNDS: usize = 50;

/// A family, with the goal for the recorder's part of one processor.
struct Family {
    name: &'static str,
    script: &'static str,
    goal_percent: f64,
}

const FAMILIES: [Family; 2] = [
    Family {
        name: "200 idle",
        script: "i=0; while [ $i -lt 199 ]; do sleep 600 & i=$((i + 1)); done; wait",
        goal_percent: 1.0,
    },
    // 100 shells, each with one child, a new one every 3 to 7 seconds: 20 a second.
    Family {
        name: "200 churning",
        script: "i=0; while [ $i -lt 100 ]; do \
                 (while :; do sleep $((3 + i % 5)); done) & i=$((i + 1)); done; wait",
        goal_percent: 5.0,
    },
];

const GOAL_MIB: f64 = 40.0;
/// Of a process recorded with 199 others, against a plain read of its smaps.
const GOAL_RATIO: f64 = 1.5;

fn main() {
    let seconds = env::var("VMREC_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    let measured = Duration::from_secs(seconds.unwrap_or(40));
    println!(
        "{:<14} {:>9} {:>7} {:>7} {:>10} {:>7} {:>12} {:>7} {:>7}",
        "family", "one CPU", "goal", "memory", "goal", "a tick", "/smaps read", "goal", "file"
    );
    for family in FAMILIES {
        measure(&family, measured);
    }
}

fn measure(family: &Family, measured: Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("family.db");
    let mut root = Command::new("sh").args(["-c", family.script]).spawn().expect("a shell");
    thread::sleep(Duration::from_secs(2));
    let mut recorder = Command::new(env!("CARGO_BIN_EXE_vmrec"))
        .args(["record", "--tree", "--quiet", "--every", "2s"])
        .args([root.id().to_string(), "--db".to_owned(), db.display().to_string()])
        .stderr(Stdio::null())
        .spawn()
        .expect("vmrec");
    thread::sleep(SETTLES);
    let before = cpu_ticks(&recorder);
    thread::sleep(measured);
    let ticks = cpu_ticks(&recorder) - before;
    let peak = peak_mib(&recorder);
    let seconds = ticks as f64 / ticks_per_second();
    let percent = seconds / measured.as_secs_f64() * 100.0;
    let samples = measured.as_secs_f64() / EVERY.as_secs_f64();
    let tick_ms = seconds / samples * 1e3;
    let ratio = tick_ms * 1e6 / 200.0 / plain_read_ns(root.id());
    let file = fs::metadata(&db).map_or(0, |file| file.len());
    println!(
        "{:<14} {percent:>8.2}% {:>6.1}% {peak:>5.1}M {GOAL_MIB:>9.1}M {tick_ms:>5.1}ms {ratio:>12.2} \
         {GOAL_RATIO:>7.2} {:>6.1}M",
        family.name,
        family.goal_percent,
        file as f64 / f64::from(1 << 20)
    );
    end(&mut recorder);
    kill_children(root.id());
    end(&mut root);
}

fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

/// Ends the processes of a family, those that begin meanwhile included.
fn kill_children(root: u32) {
    let pids = |of: u32| -> Vec<u32> {
        let text = fs::read_to_string(format!("/proc/{of}/task/{of}/children"));
        text.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    };
    for child in pids(root) {
        let grandchildren = pids(child);
        for pid in std::iter::once(child).chain(grandchildren) {
            let pid = i32::try_from(pid).expect("a pid");
            // SAFETY: kill accesses no memory of this process.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
    }
}

fn plain_read_ns(pid: u32) -> f64 {
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let before = spent_ns(Of::Thread);
            let mut file = File::open(format!("/proc/{pid}/smaps")).expect("smaps of our child");
            let mut buffer = vec![0; 64 << 10];
            while let Ok(1..) = file.read(&mut buffer) {}
            spent_ns(Of::Thread) - before
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2] as f64
}

/// Returns the user and system time of a child, in clock ticks.
fn cpu_ticks(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("our child");
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let field = |number: usize| fields[number - 3].parse::<u64>().expect("a number");
    field(14) + field(15)
}

fn ticks_per_second() -> f64 {
    // SAFETY: sysconf accesses no memory of this process.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) as f64 }
}

fn peak_mib(child: &Child) -> f64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("our child");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib / 1024.0
}

//! What it takes to read a long recording: processor time, which other work on
//! the machine leaves alone, with the wall clock's median beside it.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vmrec_report::diff;
use vmrec_sampler::Snapshot;
use vmrec_store::Store;

use crate::cpu::{Of, spent_ns};
use crate::row;

const READS: usize = 300;
const SNAPSHOT_P99_MS: f64 = 5.0;
const DIFF_P99_MS: f64 = 8.0;
const CHART_MS: f64 = 150.0;
const ROLLUPS_MS: f64 = 10.0;
const CHART_RUNS: usize = 10;
/// After so long no further run of a chart begins.
const CHART_PATIENCE: Duration = Duration::from_secs(60);

/// The machine's speed, which may change between runs: times of different runs compare by it.
fn fixed_work() {
    let mut runs = [0.0; 9];
    for took in &mut runs {
        *took = timed(|| {
            let mut random = Random(0x9E37_79B9_7F4A_7C15);
            black_box((0..20_000_000).fold(0_u64, |sum, _| sum ^ random.up_to(u64::MAX - 1)));
        })
        .cpu_ms;
    }
    runs.sort_by(f64::total_cmp);
    row("20 million steps of xorshift, median", runs[runs.len() / 2], None, "ms");
}

/// Prints the figures of the recording `db`; charts go to the folder `scratch`.
pub(crate) fn measure(db: &Path, scratch: &Path) {
    let store = Store::open(db).expect("a recording");
    let id = store.newest().expect("a readable file").expect("a recording in it");
    let samples = store.samples(id).expect("its samples").len() as u64;
    drop(store);
    fixed_work();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let snapshot = |store: &Store, number| -> Snapshot {
        store.snapshot(id, number).expect("a sample that can be read")
    };
    spread("snapshot", SNAPSHOT_P99_MS, || {
        let number = random.up_to(samples);
        timed(|| {
            let store = Store::open(db).expect("a recording");
            black_box(snapshot(&store, number));
        })
    });
    spread("diff", DIFF_P99_MS, || {
        let (one, other) = (random.up_to(samples), random.up_to(samples));
        timed(|| {
            let store = Store::open(db).expect("a recording");
            let (before, after) =
                (snapshot(&store, one.min(other)), snapshot(&store, one.max(other)));
            black_box(diff(&before, &after));
        })
    });
    let svg = scratch.join("chart.svg");
    chart("chart of everything", CHART_MS, db, &svg, &[]);
    chart("chart --rollups", ROLLUPS_MS, db, &svg, &["--rollups"]);
    fixed_work();
}

/// What one piece of work took, in milliseconds.
struct Took {
    cpu_ms: f64,
    wall_ms: f64,
}

fn timed(work: impl FnOnce()) -> Took {
    let (cpu_ns, begun) = (spent_ns(Of::Process), Instant::now());
    work();
    let wall_ms = begun.elapsed().as_secs_f64() * 1e3;
    Took { cpu_ms: (spent_ns(Of::Process) - cpu_ns) as f64 / 1e6, wall_ms }
}

fn spread(what: &str, goal: f64, mut one: impl FnMut() -> Took) {
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for _ in 0..READS {
        let took = one();
        cpu.push(took.cpu_ms);
        wall.push(took.wall_ms);
    }
    cpu.sort_by(f64::total_cmp);
    wall.sort_by(f64::total_cmp);
    row(&format!("{what}, 99 of 100"), cpu[READS * 99 / 100], Some(goal), "ms");
    row(&format!("{what}, median"), cpu[READS / 2], None, "ms");
    row(&format!("{what}, median by the clock"), wall[READS / 2], None, "ms");
}

/// Prints what `vmrec chart` takes as a whole process, its start included.
fn chart(what: &str, goal: f64, db: &Path, svg: &Path, options: &[&str]) {
    let begun = Instant::now();
    let mut runs = Vec::new();
    while runs.len() < CHART_RUNS && (runs.is_empty() || begun.elapsed() < CHART_PATIENCE) {
        let before = spent_ns(Of::Children);
        let status = Command::new(env!("CARGO_BIN_EXE_vmrec"))
            .args(["chart", "--db"])
            .arg(db)
            .arg("-o")
            .arg(svg)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("vmrec runs");
        if !status.success() {
            println!("{what:<36} {:>12} {goal:>9.2} ms", "n/a");
            return;
        }
        runs.push((spent_ns(Of::Children) - before) as f64 / 1e6);
    }
    runs.sort_by(f64::total_cmp);
    row(&format!("{what}, median of {}", runs.len()), runs[runs.len() / 2], Some(goal), "ms");
    row(&format!("{what}, best"), runs[0], None, "ms");
}

/// The same numbers every time (xorshift64).
struct Random(u64);

impl Random {
    /// Returns a number from 1 to `most`.
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most + 1
    }
}

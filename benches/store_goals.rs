//! The store's figures beside their goals, on real traces: bytes a sample, the
//! time to read snapshots and diffs, charts, and what recording takes.
//!
//! `cargo bench --bench store_goals` replays each trace once, and the largest
//! for 7 days in which no address repeats, into temporary files, with
//! `examples/replay.rs` as a process of its own. Traces are the two kept with the
//! tests, or all in the folder `VMREC_TRACES`; `VMREC_BENCH_DAYS` shortens the
//! days, and `VMREC_BENCH_ZSTD=1` compresses the traces' text as well, which takes
//! minutes. `VMREC_BENCH_FILE` names a file that such a replay left: how it is read is
//! measured, and no more. Goals missed are printed; it fails only if a sample does
//! not come back exactly.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics if it cannot measure"
)]

#[path = "store_goals/bytes.rs"]
mod bytes;
mod cpu;
#[path = "store_goals/exact.rs"]
mod exact;
#[path = "store_goals/reading.rs"]
mod reading;
#[path = "store_goals/recorder.rs"]
mod recorder;
#[path = "../tests/trace/trace.rs"]
mod trace;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use trace::Trace;

/// Bytes a sample may take in the second half of a single pass, where memory is as new as in life.
const BYTES_A_SAMPLE: [(&str, f64); 5] =
    [("renderer", 150.0), ("browser", 30.0), ("idle", 8.0), ("node", 180.0), ("jvm", 10.0)];
/// Megabytes the reference recording may take in 7 days in which no address repeats.
const WEEK_MB: f64 = 55.0;
/// Where the addresses of that week are chosen from.
const SEED: &str = "7";
const STORE_CPU_MS: f64 = 0.4;
const CHUNK_MS: f64 = 5.0;
const PEAK_MIB: f64 = 12.0;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// The figures of one replay, as its last lines print them.
struct Replayed {
    file_bytes: f64,
    bytes_per_sample: f64,
    store_cpu_us: f64,
    chunk_build_ms: f64,
    peak_rss_bytes: f64,
}

fn main() -> ExitCode {
    let folder = env::var_os("VMREC_TRACES").map_or_else(|| "tests/trace".into(), PathBuf::from);
    let days: f64 = env::var("VMREC_BENCH_DAYS")
        .map_or(7.0, |days| days.parse().expect("VMREC_BENCH_DAYS is a number of days"));
    let traces = traces(&folder);
    let reference = reference(&traces);
    let replay = built_replay();
    let scratch = tempfile::tempdir().expect("a folder");
    println!("{:<36} {:>12} {:>12}", "", "measured", "goal");
    if let Some(db) = env::var_os("VMREC_BENCH_FILE") {
        reading::measure(Path::new(&db), scratch.path());
        return ExitCode::SUCCESS;
    }

    let file = |trace: &Path, kind: &str| scratch.path().join(format!("{}-{kind}.db", name(trace)));
    println!("second half of a single pass:");
    for trace in &traces {
        second_half(&replay, trace, &file(trace, "half"), &file(trace, "once"));
    }
    let db = file(&reference, "days");
    let figures = replayed(&replay, &reference, &db, Passes::Days(days));
    println!("\n{days} days of {}, where no address repeats:", name(&reference));
    for (table, bytes) in bytes::by_table(&db) {
        println!("    {table:<32} {:>9.2} MB", bytes as f64 / 1e6);
    }
    row("bytes a sample", figures.bytes_per_sample, None, "B");
    row("file", figures.file_bytes / 1e6, Some(WEEK_MB * days / 7.0), "MB");
    row("store, processor time a sample", figures.store_cpu_us / 1e3, Some(STORE_CPU_MS), "ms");
    row("building a chunk, processor time", figures.chunk_build_ms, Some(CHUNK_MS), "ms");
    let peak = recorder::peak_rss_bytes(&scratch.path().join("recorder.db")) as f64;
    row("peak memory of `vmrec record`", peak / MEBIBYTE, Some(PEAK_MIB), "MiB");
    row("peak memory of the replay", figures.peak_rss_bytes / MEBIBYTE, None, "MiB");
    reading::measure(&db, scratch.path());

    println!();
    let mut differing = 0;
    for trace in &traces {
        let db = file(trace, "once");
        let found = exact::compare(trace, &db);
        println!(
            "{:<36} {:>5} compared {:>7} differ  {}",
            format!("samples exact, {}", name(trace)),
            found.compared,
            found.differing,
            if found.differing == 0 { "ok" } else { "MISSED" }
        );
        differing += found.differing;
    }
    if differing == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a figure that should be no larger than its goal.
fn row(what: &str, measured: f64, goal: Option<f64>, unit: &str) {
    let value = |value: f64| format!("{value:.2} {unit}");
    let (goal, verdict) = match goal {
        Some(goal) => (value(goal), if measured <= goal { "ok" } else { "MISSED" }),
        None => ("-".to_owned(), ""),
    };
    println!("{what:<36} {:>12} {goal:>12}  {verdict}", value(measured));
}

fn traces(folder: &Path) -> Vec<PathBuf> {
    let mut traces: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of traces")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.to_string_lossy().ends_with(".smaps.zst"))
        .collect();
    assert!(!traces.is_empty(), "no *.smaps.zst in {}", folder.display());
    traces.sort();
    traces
}

/// Returns the trace that goals of speed and memory are for: the renderer, of 1,000 regions, or else the largest.
fn reference(traces: &[PathBuf]) -> PathBuf {
    let bytes = |trace: &&PathBuf| fs::metadata(trace).map_or(0, |metadata| metadata.len());
    let renderer = traces.iter().find(|trace| name(trace) == "renderer");
    renderer.or_else(|| traces.iter().max_by_key(bytes)).cloned().expect("there is one")
}

fn name(trace: &Path) -> String {
    let file = trace.file_name().unwrap_or_default().to_string_lossy();
    file.trim_end_matches(".smaps.zst").to_owned()
}

/// Returns the example's program, rebuilt if the code has changed since: an old one would give old figures.
fn built_replay() -> PathBuf {
    if let Some(cargo) = env::var_os("CARGO") {
        let arguments = ["build", "--release", "--locked", "--quiet", "--example", "replay"];
        let built = Command::new(cargo).args(arguments).status().expect("cargo runs");
        assert!(built.success(), "the example `replay` does not build");
    }
    Path::new(env!("CARGO_BIN_EXE_vmrec")).with_file_name("examples").join("replay")
}

/// How much of a trace is replayed.
#[derive(Clone, Copy)]
enum Passes {
    /// The first half of its samples.
    Half(usize),
    Once,
    /// So many days, with anonymous memory elsewhere in each pass.
    Days(f64),
}

/// Prints what a sample of the second half takes, and leaves a single pass in `once`.
fn second_half(replay: &Path, trace: &Path, half: &Path, once: &Path) {
    let frames = Trace::open(trace).expect("a trace").frames.len();
    replayed(replay, trace, half, Passes::Half(frames / 2));
    replayed(replay, trace, once, Passes::Once);
    let samples = (frames - frames / 2) as f64;
    let each = |of: fn(&Path) -> u64| (of(once) as f64 - of(half) as f64) / samples;
    let goal = BYTES_A_SAMPLE.iter().find(|(of, _)| *of == name(trace)).map(|(_, goal)| *goal);
    row(&format!("bytes a sample, {}", name(trace)), each(bytes::used), goal, "B");
    row("  in whole pages of the file", each(bytes::of_file), None, "B");
    if env::var_os("VMREC_BENCH_ZSTD").is_some() {
        row("  its text under zstd -19 --long", bytes::compressed_text(trace), None, "B");
    }
}

/// Replays `trace` into `db`.
fn replayed(replay: &Path, trace: &Path, db: &Path, passes: Passes) -> Replayed {
    let mut command = Command::new(replay);
    command.arg(trace).arg("--db").arg(db);
    match passes {
        Passes::Once => {}
        Passes::Half(samples) => {
            command.arg("--for").arg(format!("{}s", 2 * samples));
        }
        Passes::Days(days) => {
            let seconds = (days * 86_400.0).round();
            command.args(["--shift", SEED, "--for", &format!("{seconds}s")]);
        }
    }
    let output = command.output().expect("replay runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = String::from_utf8_lossy(&output.stdout);
    let figure = |key: &str| -> f64 {
        let mut words = line.split_whitespace().filter_map(|word| word.split_once('='));
        let (_, value) = words.find(|(name, _)| *name == key).expect("a figure of replay");
        value.parse().expect("a number")
    };
    Replayed {
        file_bytes: figure("file_bytes"),
        bytes_per_sample: figure("bytes_per_sample"),
        store_cpu_us: figure("store_cpu_us_per_sample"),
        chunk_build_ms: figure("chunk_build_cpu_ms"),
        peak_rss_bytes: figure("peak_rss_bytes"),
    }
}

//! An hour of processes that start and die under `vmrec record --tree`: whether the recorder's memory,
//! open files and processor time stay where they are.
//!
//! `cargo run --release --example soak` takes an hour, `--minutes N` so many. Each figure has its
//! Theil–Sen slope and the interval of it, over all but the first quarter, beside a verdict. It is
//! *flat* if the line falls, if the interval holds 0, or if it rises by less than 3 % of the median
//! over the whole time. The exit status is 1 if one is not. What is recorded is pruned meanwhile, so
//! that the size of the file is among them: samples are kept for a sixth of the time.

#![allow(clippy::print_stdout, reason = "it prints its figures")]

#[path = "soak/churn.rs"]
mod churn;
#[path = "../benches/cpu.rs"]
mod cpu;

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use vmrec_report::{Slope, units};

/// Record processes that start and die, and see whether the recorder's cost stays flat
#[derive(Debug, Parser)]
#[command(name = "soak", max_term_width = 80)]
struct Arguments {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60.0)]
    minutes: f64,

    /// Processes that start in a second; each lives for 50ms to 5s
    #[arg(long, value_name = "N", default_value_t = 20)]
    rate: u32,

    /// Record all processes of the machine, in place of those that it starts
    #[arg(long)]
    host: bool,

    /// The vmrec to run [default: the one of this profile, built first]
    #[arg(long, value_name = "PROGRAM")]
    vmrec: Option<PathBuf>,

    /// The process that starts them
    #[arg(long, hide = true)]
    churn: bool,
}

/// Time between samples.
const EVERY: &str = "1s";
/// How often a flat line is allowed to rise over the whole time.
const TOLERANCE: f64 = 0.03;
/// A count of files or threads may move by one.
const ONE: f64 = 1.0;
/// The number of measurements, but no more than one a second.
const MEASUREMENTS: f64 = 720.0;

/// A figure of the recorder over time.
struct Figure {
    name: &'static str,
    unit: Unit,
    /// Milliseconds since the start, and the value.
    points: Vec<(u64, u64)>,
}

#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Count,
    Nanoseconds,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.churn {
        churn::run(arguments.rate);
    }
    let vmrec = arguments.vmrec.map_or_else(vmrec, Ok)?;
    let folder = tempfile::tempdir()?;
    let db = folder.path().join("soak.db");
    let whole = Duration::from_secs_f64(arguments.minutes * 60.0);
    let mut churner = Command::new(std::env::current_exe()?)
        .args(["--churn", "--rate", &arguments.rate.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let keep = format!("{}ms", (whole / 6).as_millis());
    let mut record = Command::new(&vmrec);
    record.args(["record", "--every", EVERY, "--keep", &keep, "--db"]).arg(&db);
    match arguments.host {
        true => record.arg("--host"),
        false => record.args(["--tree", &churner.id().to_string()]),
    };
    let mut recorder = record.stderr(File::create(folder.path().join("said"))?).spawn()?;
    let figures = measured(&mut recorder, &churner, &db, whole);
    // SIGINT may be ignored, as behind `&`. The recorder first: its last tick sees processes that live.
    let ended = Command::new("kill").args(["-TERM", &recorder.id().to_string()]).status();
    let status = recorder.wait()?;
    drop(churner.stdin.take());
    let mut started = String::new();
    BufReader::new(churner.stdout.take().context("its output")?).read_line(&mut started)?;
    churner.wait()?;
    let figures = figures?;
    ended?;
    if !status.success() {
        bail!("the recorder ended with {status}");
    }
    let said = fs::read_to_string(folder.path().join("said"))?;
    said.lines().filter(|line| line.contains("recorded ")).for_each(|line| println!("{line}"));
    println!("{} processes were started", started.trim());
    let verified = Command::new(&vmrec).args(["info", "--verify", "--db"]).arg(&db).output()?;
    println!("file {}", if verified.status.success() { "verified" } else { "DAMAGED" });
    println!();
    let flat: Vec<bool> = shown(&figures, whole)?;
    let good = verified.status.success() && flat.iter().all(|flat| *flat);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the program of the same profile as this one, and returns its path.
fn vmrec() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("a folder above")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--locked", "--bin", "vmrec", "--manifest-path"]);
    build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    if folder.ends_with("release") {
        build.arg("--release");
    }
    if !build.status()?.success() {
        bail!("vmrec does not build");
    }
    Ok(folder.join("vmrec"))
}

/// Measures the recorder until the time is over.
fn measured(
    recorder: &mut Child,
    churner: &Child,
    db: &Path,
    whole: Duration,
) -> anyhow::Result<[Figure; 5]> {
    let figure = |name, unit| Figure { name, unit, points: Vec::new() };
    let mut figures = [
        figure("memory", Unit::Bytes),
        figure("open files", Unit::Count),
        figure("threads", Unit::Count),
        figure("CPU a sample", Unit::Nanoseconds),
        figure("file", Unit::Bytes),
    ];
    let step = Duration::from_secs_f64((whole.as_secs_f64() / MEASUREMENTS).max(1.0));
    let (begun, pid) = (Instant::now(), recorder.id());
    let own = PathBuf::from(format!("/proc/{pid}"));
    let mut before = cpu::of_process_ns(pid);
    for turn in 1.. {
        thread::sleep((step * turn).saturating_sub(begun.elapsed()));
        if recorder.try_wait()?.is_some() {
            bail!("the recorder ended early");
        }
        let now = cpu::of_process_ns(pid);
        let samples = living(churner.id()) as f64 * step.as_secs_f64();
        let values = [
            field(&own, "RssAnon:")? * 1024,
            fs::read_dir(own.join("fd"))?.count() as u64,
            field(&own, "Threads:")?,
            ((now - before) as f64 / samples.max(1.0)) as u64,
            bytes(db),
        ];
        before = now;
        let at = u64::try_from(begun.elapsed().as_millis())?;
        for (figure, value) in figures.iter_mut().zip(values) {
            figure.points.push((at, value));
        }
        if begun.elapsed() >= whole {
            break;
        }
    }
    Ok(figures)
}

/// Prints a row for each figure, and returns which are flat.
fn shown(figures: &[Figure], whole: Duration) -> anyhow::Result<Vec<bool>> {
    println!(
        "{:<13} {:>9} {:>9} {:>9} {:>11}  {:<25} ",
        "figure", "median", "min", "max", "an hour", "interval of 95 %"
    );
    let row = |figure: &Figure| {
        let points = &figure.points[figure.points.len() / 4..];
        let slope = Slope::of(points).context("too short a time to say anything")?;
        let mut values: Vec<u64> = points.iter().map(|(_, value)| *value).collect();
        values.sort_unstable();
        let median = values[values.len() / 2];
        let hour = |slope: f64| slope * 3_600_000.0;
        let rise = slope.median * whole.as_secs_f64() * 1000.0;
        let allowed = match figure.unit {
            Unit::Count => ONE,
            Unit::Bytes | Unit::Nanoseconds => median as f64 * TOLERANCE,
        };
        let flat = slope.low <= 0.0 || rise < allowed;
        let of = |value: u64| figure.unit.plain(value as f64);
        println!(
            "{:<13} {:>9} {:>9} {:>9} {:>11}  {:<25} {}",
            figure.name,
            of(median),
            of(values[0]),
            of(values[values.len() - 1]),
            figure.unit.signed(hour(slope.median)),
            format!(
                "{} to {}",
                figure.unit.signed(hour(slope.low)),
                figure.unit.signed(hour(slope.high))
            ),
            if flat { "flat" } else { "NOT FLAT" }
        );
        Ok(flat)
    };
    figures.iter().map(row).collect()
}

impl Unit {
    fn plain(self, value: f64) -> String {
        match self {
            Self::Bytes => units::size(value as u64),
            Self::Count => format!("{value:.0}"),
            Self::Nanoseconds => units::duration(value as u64),
        }
    }

    fn signed(self, value: f64) -> String {
        match self {
            Self::Bytes => units::signed_size(value as i128),
            Self::Count => format!("{value:+.1}"),
            Self::Nanoseconds => {
                let sign = if value < 0.0 { '-' } else { '+' };
                format!("{sign}{}", units::duration(value.abs() as u64))
            }
        }
    }
}

/// Returns a number of a process's status.
fn field(process: &Path, name: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(process.join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a field")?;
    Ok(line.split_whitespace().next().context("a value")?.parse()?)
}

/// Returns how many processes the churner and its children are.
fn living(churner: u32) -> usize {
    let children = fs::read_to_string(format!("/proc/{churner}/task/{churner}/children"));
    children.map_or(1, |children| 1 + children.split_whitespace().count())
}

/// Returns the bytes of a file and its log.
fn bytes(db: &Path) -> u64 {
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    size(db) + size(&PathBuf::from(format!("{}-wal", db.display())))
}

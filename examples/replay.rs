//! Feeds a trace of smaps through vmrec's parser and store at full speed: the
//! reference workload of the store, days of recording in minutes.
//!
//! `cargo run --release --example replay -- TRACE.smaps.zst --db OUT.db --for 7d`
//! goes through the trace forth and back, so that neighbours stay neighbours,
//! and ends with one line of figures, after one about chunks. With `--shift SEED`
//! anonymous memory lies elsewhere in each pass, as nothing repeats in a real week.
//! `tests/trace/trace.rs` says what a trace is.
//!
//! The store's processor time is what the main thread spends in calls of the
//! store, plus all that other threads spend, as only the store may start any.
//! Unpacking, decoding and parsing are left out. Peak memory is that of the
//! whole process after unpacking, parsing included, as in a recorder.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints its figures and errors")]

#[path = "../benches/cpu.rs"]
mod cpu;
#[path = "replay/shift.rs"]
mod shift;
#[path = "../tests/trace/trace.rs"]
mod trace;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use vmrec_sampler::parse_status;
use vmrec_store::{SessionStart, Store, WhyEnded, Writer};

use cpu::{Of, spent_ns};
use shift::Shift;
use trace::{Reader, Trace, at, host, process};

/// Feed a trace of /proc/PID/smaps through vmrec's parser and store
#[derive(Debug, Parser)]
#[command(name = "replay", max_term_width = 80)]
struct Arguments {
    /// Trace to read
    #[arg(value_name = "TRACE.smaps.zst")]
    trace: PathBuf,

    /// New file to record to
    #[arg(long, value_name = "FILE")]
    db: PathBuf,

    /// Go through the trace forth and back for this time, such as 7d [default: once]
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,

    /// Move anonymous regions by another number of pages in each pass, chosen from this seed
    #[arg(long, value_name = "SEED")]
    shift: Option<u64>,

    /// Time between samples
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    every: Duration,

    /// Append a line with its number to this file as soon as a sample is stored
    #[arg(long, value_name = "FILE")]
    acks: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("replay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let db = &arguments.db;
    if fs::symlink_metadata(db).is_ok() {
        bail!("{} is there already\nhint: remove it, or name a new file", db.display());
    }
    let trace = Trace::open(&arguments.trace)
        .map_err(|error| hint(error, "name a trace such as tests/trace/jvm.smaps.zst"))?;
    let mut acks = arguments.acks.as_deref().map(open_acks).transpose()?;
    forget_peak()?;

    let every_ns = u64::try_from(arguments.every.as_nanos()).unwrap_or(u64::MAX);
    let samples = match arguments.duration {
        Some(duration) => duration.as_nanos().div_ceil(arguments.every.as_nanos()),
        None => trace.frames.len() as u128,
    };
    let begun_ns = trace.frames[0].unix_ms.saturating_mul(1_000_000);
    let taken = |sample: u128| {
        let after = u64::try_from(sample).unwrap_or(u64::MAX).saturating_mul(every_ns);
        at(begun_ns.saturating_add(after))
    };

    let mut meter = Meter::start();
    let mut writer = meter.store(|| Writer::open(db))?;
    let (process, host) = (process(), host());
    let start = SessionStart {
        targets: "replay",
        host: &host,
        boot_id: &process.id.boot_id,
        interval_ns: every_ns,
    };
    let session = meter.store(|| writer.begin_session(&start, taken(0)))?;
    let id = meter.store(|| writer.begin(session, &process, None, taken(0)))?;
    let mut reader = Reader::default();
    let mut shift = arguments.shift.map(Shift::new);
    for sample in 0..samples {
        let frame = &trace.frames[forth_and_back(sample, trace.frames.len())];
        let mut snapshot = reader.snapshot(&trace, frame, taken(sample))?;
        if let Some(shift) = &mut shift {
            shift.apply(sample / trace.frames.len() as u128, &mut snapshot.regions);
        }
        let number = meter.store(|| writer.append(id, snapshot))?;
        if let Some(acks) = &mut acks {
            acks.write_all(format!("{number}\n").as_bytes())
                .with_context(|| format!("sample {number} is stored but not acknowledged"))?;
        }
    }
    meter.store(|| writer.end(id, taken(samples.saturating_sub(1)), &WhyEnded::Finished))?;
    meter.store(|| writer.close())?;
    let (store_ns, chunks_ns) = meter.stop();
    let peak_rss_bytes = peak_rss_bytes()?;
    let file_bytes = Store::open(db)?.file_bytes();
    let each = |total: u64| total as f64 / samples as f64;
    let chunks = chunks(db)?;
    let chunk_ms = chunks_ns as f64 / 1e6 / f64::from(chunks.max(1));
    println!("chunks={chunks} chunk_build_cpu_ms={chunk_ms:.2}");
    println!(
        "samples={samples} file_bytes={file_bytes} bytes_per_sample={:.2} \
         store_cpu_us_per_sample={:.1} peak_rss_bytes={peak_rss_bytes}",
        each(file_bytes),
        each(store_ns) / 1e3,
    );
    Ok(())
}

/// Returns how many chunks a file has.
fn chunks(db: &Path) -> anyhow::Result<u32> {
    let file = rusqlite::Connection::open(db)?;
    Ok(file.query_row("SELECT count(*) FROM chunk", [], |row| row.get(0))?)
}

/// Returns which of `frames` frames comes at `step`: 0, 1, 2, 1, 0, 1 … of three.
fn forth_and_back(step: u128, frames: usize) -> usize {
    let last = frames - 1;
    if last == 0 {
        return 0;
    }
    let place = (step % (2 * last as u128)) as usize;
    if place <= last { place } else { 2 * last - place }
}

/// Measures the processor time of the store.
struct Meter {
    process_ns: u64,
    thread_ns: u64,
    calls_ns: u64,
}

impl Meter {
    fn start() -> Self {
        Self { process_ns: spent_ns(Of::Process), thread_ns: spent_ns(Of::Thread), calls_ns: 0 }
    }

    fn store<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let before = spent_ns(Of::Thread);
        let returned = call();
        self.calls_ns += spent_ns(Of::Thread) - before;
        returned
    }

    /// Returns the processor time of the store, and how much of it threads took that make chunks.
    fn stop(self) -> (u64, u64) {
        let all_ns = spent_ns(Of::Process) - self.process_ns;
        let main_ns = spent_ns(Of::Thread) - self.thread_ns;
        let chunks_ns = all_ns.saturating_sub(main_ns);
        (self.calls_ns + chunks_ns, chunks_ns)
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a time span\nhint: write it like 2s, 90m or 1d12h".to_owned();
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let span = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let duration = Duration::try_from(span).map_err(|_| wrong())?;
    if duration.is_zero() { Err("no time at all".to_owned()) } else { Ok(duration) }
}

fn open_acks(path: &Path) -> anyhow::Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
        .map_err(|error| hint(error, "name a file where you may write, in a folder that exists"))
}

/// Adds to an error what to do next.
fn hint(error: anyhow::Error, what: &str) -> anyhow::Error {
    anyhow::anyhow!("{error:#}\nhint: {what}")
}

/// Sets the peak back to what is resident now: unpacking took more than a recorder ever does.
fn forget_peak() -> anyhow::Result<()> {
    fs::write("/proc/self/clear_refs", "5")
        .context("peak_rss_bytes cannot be separated from unpacking the trace")
}

fn peak_rss_bytes() -> anyhow::Result<u64> {
    let status = fs::read("/proc/self/status").context("cannot read /proc/self/status")?;
    parse_status(&status).peak_resident_bytes.context("/proc/self/status has no VmHWM")
}

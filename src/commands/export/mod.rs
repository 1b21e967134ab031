//! `vmrec export`: a snapshot with every region, or a series over time, as JSON or CSV.

#[cfg(feature = "parquet")]
pub(crate) mod parquet;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use vmrec_report::{Metric, Series, csv, json};
use vmrec_sampler::Naming;
use vmrec_store::Recording;
#[cfg(feature = "parquet")]
use vmrec_store::Store;

use crate::args::{RecordingArgs, SpanArgs, SumBy};
use crate::failure::Failure;
#[cfg(feature = "parquet")]
use crate::file;
use crate::output;
use crate::recording::Opened;

/// Write a snapshot or a series over time for other programs
///
/// Without --series, JSON and CSV are of the snapshot at --at, region by region; a trace is of
/// the whole recording, by type.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Time of the snapshot
    #[arg(
        long,
        value_name = "TIME",
        default_value = "end",
        allow_hyphen_values = true,
        conflicts_with = "series"
    )]
    at: String,

    /// Sums over time instead of one snapshot, by family or type
    #[arg(long, value_enum, value_name = "BY")]
    series: Option<SumBy>,

    #[command(flatten)]
    span: SpanArgs,

    #[command(flatten)]
    format: Format,

    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// One of the formats must be asked for.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Format {
    /// Write JSON
    #[arg(long)]
    json: bool,

    /// Write CSV
    #[arg(long)]
    csv: bool,

    /// Write a trace for Perfetto (ui.perfetto.dev): a counter for each type and metric, marks
    #[arg(long)]
    perfetto: bool,

    /// Write every sample that this folder of Parquet files lacks, of all recordings unless -r
    #[arg(long, value_name = "DIR")]
    parquet: Option<PathBuf>,
}

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> Result<ExitCode, Failure> {
    if let Some(folder) = &args.format.parquet {
        return to_parquet(args, folder);
    }
    let opened = Opened::open(&args.recording)?;
    if args.format.perfetto {
        return perfetto(args, &opened);
    }
    let text = match args.series {
        None => snapshot(args, &opened)?,
        Some(by) => series(args, &opened, by)?,
    };
    match &args.output {
        Some(path) => output::replace_file(path, text.as_bytes())?,
        None => output::print(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "parquet"))]
fn to_parquet(_: &ExportArgs, _: &Path) -> Result<ExitCode, Failure> {
    Err(Failure::usage("this vmrec was built without Parquet")
        .hint("build it with it: cargo install --path . --features parquet"))
}

#[cfg(feature = "parquet")]
fn to_parquet(args: &ExportArgs, folder: &Path) -> Result<ExitCode, Failure> {
    let line = if args.recording.recording.is_some() {
        let opened = Opened::open(&args.recording)?;
        parquet::write(&opened.store, &[opened.recording.id], folder)?
    } else {
        let store = Store::open(&file::path(&args.recording.file)?)?;
        let recordings = store.recordings()?;
        let ids: Vec<_> = recordings.iter().map(|summary| summary.recording.id).collect();
        parquet::write(&store, &ids, folder)?
    };
    output::print(&line)?;
    Ok(ExitCode::SUCCESS)
}

fn perfetto(args: &ExportArgs, opened: &Opened) -> Result<ExitCode, Failure> {
    let by = args.series.unwrap_or(SumBy::Type);
    let series = opened.series(&Metric::USUAL, by.into(), &args.span)?;
    let naming = Naming::of(&opened.recording.host);
    let mut trace = Vec::new();
    vmrec_report::perfetto(&mut trace, &opened.recording, &series, &opened.marks, naming)
        .map_err(output::unwritable)?;
    match &args.output {
        Some(path) => output::replace_file(path, &trace)?,
        None if io::stdout().is_terminal() => {
            return Err(Failure::usage("a trace is no text: it is not written to a terminal")
                .hint("name a file with -o FILE, and open it at ui.perfetto.dev"));
        }
        None => output::print_bytes(&trace)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn snapshot(args: &ExportArgs, opened: &Opened) -> Result<String, Failure> {
    let at = opened.resolve(&args.at)?;
    let snapshot = opened.snapshot(&at)?;
    if args.format.json {
        let Recording { process, host, .. } = &opened.recording;
        output::json(&json::SnapshotDocument::new(process, host, &snapshot))
    } else {
        output::csv(|out| csv::snapshot(out, &snapshot, Naming::of(&opened.recording.host)))
    }
}

fn series(args: &ExportArgs, opened: &Opened, by: SumBy) -> Result<String, Failure> {
    let series = opened.series(&Metric::ALL, by.into(), &args.span)?;
    let naming = Naming::of(&opened.recording.host);
    if args.format.json {
        output::json(&rows(&series, naming).collect::<Vec<_>>())
    } else {
        output::csv(|out| csv::series(out, rows(&series, naming)))
    }
}

/// Returns every value of every series: of a moment, each metric of each key.
fn rows(series: &[Series], naming: Naming) -> impl Iterator<Item = json::SeriesRow<'_>> {
    series.iter().flat_map(move |one| {
        one.ticks.iter().enumerate().flat_map(move |(at, tick)| {
            one.keys.iter().map(move |key| {
                let value = key.values.get(at);
                let names = (&*key.key.name, key.key.label(one.by, naming));
                json::SeriesRow::new(tick.taken.utc_ns, names, one.metric.column(), value)
            })
        })
    })
}

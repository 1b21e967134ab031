//! `vmrec export`: a snapshot with every region, or a series over time, as JSON or CSV.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use vmrec_report::{Metric, Series, csv, json};
use vmrec_sampler::Naming;
use vmrec_store::Recording;

use crate::args::{RecordingArgs, SpanArgs, SumBy};
use crate::failure::Failure;
use crate::output;
use crate::recording::Opened;

/// Write a snapshot or a series over time as JSON or CSV
///
/// Without --series it is the snapshot at --at, region by region.
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

/// One of the two formats must be asked for.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Format {
    /// Write JSON
    #[arg(long)]
    json: bool,

    /// Write CSV
    #[arg(long)]
    csv: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let opened = Opened::open(&args.recording)?;
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

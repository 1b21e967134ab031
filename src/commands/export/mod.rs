//! `vmrec export`: a snapshot with every region, or a series over time, as JSON or CSV.

pub(crate) mod args;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
mod session;
mod stacks;
pub(crate) mod written;

use std::path::Path;
use std::process::ExitCode;

use vmrec_report::{Metric, TornValues, csv, json};
use vmrec_sampler::Naming;
use vmrec_store::Recording;

use crate::args::SumBy;
use crate::commands::export::args::ExportArgs;
use crate::commands::export::written::{perfetto, rows, write};
use crate::failure::Failure;
#[cfg(feature = "parquet")]
use crate::file;
use crate::output;
use crate::recording::Opened;
#[cfg(feature = "parquet")]
use crate::session::OpenedSession;

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> Result<ExitCode, Failure> {
    if let Some(folder) = &args.format.parquet {
        return to_parquet(args, folder);
    }
    if args.session.session.is_some() {
        return match args.format.is_stacks() {
            true => stacks::of_session(args),
            false => session::run(args),
        };
    }
    let opened = Opened::open(&args.recording)?;
    if args.format.perfetto {
        return perfetto(args, std::slice::from_ref(&opened));
    }
    if args.format.is_stacks() {
        return stacks::run(args, &opened);
    }
    let text = match args.series {
        None => snapshot(args, &opened)?,
        Some(by) => series(args, &opened, by)?,
    };
    write(args, &text)
}

#[cfg(not(feature = "parquet"))]
fn to_parquet(_: &ExportArgs, _: &Path) -> Result<ExitCode, Failure> {
    Err(Failure::usage("this vmrec was built without Parquet")
        .hint("build it with it: cargo install --path . --features parquet"))
}

#[cfg(feature = "parquet")]
fn to_parquet(args: &ExportArgs, folder: &Path) -> Result<ExitCode, Failure> {
    let line = if args.session.session.is_some() {
        let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
        parquet::write(&opened.store, &opened.recordings()?, folder)?
    } else if args.recording.recording.is_some() {
        let opened = Opened::open(&args.recording)?;
        parquet::write(&opened.store, &[opened.recording.id], folder)?
    } else {
        let mut lines = String::new();
        for file in file::all(&file::path(&args.recording.file)?)? {
            let recordings = file.content.recordings()?;
            let ids: Vec<_> = recordings.iter().map(|summary| summary.recording.id).collect();
            lines += &parquet::write(&file.content, &ids, folder)?;
        }
        lines
    };
    output::print(&line)?;
    Ok(ExitCode::SUCCESS)
}

fn snapshot(args: &ExportArgs, opened: &Opened) -> Result<String, Failure> {
    let at = opened.resolve(&args.at)?;
    let snapshot = opened.snapshot(&at)?;
    if args.format.is_json() {
        let Recording { process, host, .. } = &opened.recording;
        output::json(&json::SnapshotDocument::new(process, host, &snapshot))
    } else {
        output::csv(|out| csv::snapshot(out, &snapshot, Naming::of(&opened.recording.host)))
    }
}

fn series(args: &ExportArgs, opened: &Opened, by: SumBy) -> Result<String, Failure> {
    let series = opened.sums(&Metric::ALL, by.into(), &args.span, TornValues::Kept)?;
    let naming = Naming::of(&opened.recording.host);
    if args.format.is_json() {
        output::json(&rows(&series, naming).collect::<Vec<_>>())
    } else {
        output::csv(|out| csv::series(out, rows(&series, naming)))
    }
}

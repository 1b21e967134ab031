//! The recordings of a session for other programs: each value with its recording and process.

use std::process::ExitCode;

use vmrec_report::{Metric, Series, TornValues, csv, json};
use vmrec_sampler::{Naming, Snapshot};

use crate::args::{SpanArgs, SumBy};
use crate::commands::export::args::ExportArgs;
use crate::commands::export::written::{perfetto, rows, write};
use crate::failure::{Failure, Status};
use crate::output;
use crate::recording::Opened;
use crate::session::OpenedSession;

/// Writes what is asked for.
pub(crate) fn run(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
    opened.must_have_samples()?;
    if args.format.perfetto {
        whole(&args.span)?;
        return perfetto(args, &with_samples(&opened)?);
    }
    let text = match args.series {
        None => snapshots(args, &opened)?,
        Some(by) => series(args, &opened, by)?,
    };
    write(args, &text)
}

/// Each recording has times of its own, so that all of it is exported.
fn whole(span: &SpanArgs) -> Result<(), Failure> {
    if span.from == "start" && span.to == "end" {
        return Ok(());
    }
    Err(Failure::usage(
        "a session is exported as a whole, since its recordings have times of their own",
    )
    .hint("leave --from and --to out, or export one recording with --recording N"))
}

fn with_samples(opened: &OpenedSession) -> Result<Vec<Opened>, Failure> {
    let mut all = opened.each()?;
    all.retain(|one| one.extent.is_some());
    Ok(all)
}

/// Writes every sample of every recording, summed by family or type.
fn series(args: &ExportArgs, opened: &OpenedSession, by: SumBy) -> Result<String, Failure> {
    whole(&args.span)?;
    let naming = Naming::of(&opened.session.host);
    let recordings = with_samples(opened)?;
    let mut all: Vec<(&Opened, Vec<Series>)> = Vec::with_capacity(recordings.len());
    for one in &recordings {
        all.push((one, one.sums(&Metric::ALL, by.into(), &args.span, TornValues::Kept)?));
    }
    let rows = all.iter().flat_map(|(one, series)| {
        rows(series, naming).map(|row| json::SessionSeriesRow {
            recording: one.recording.id.0,
            pid: one.recording.process.id.known_pid(),
            process: one.recording.process.name(),
            row,
        })
    });
    match args.format.is_json() {
        true => output::json(&rows.collect::<Vec<_>>()),
        false => output::csv(|out| csv::session_series(out, rows)),
    }
}

/// Writes every region of every process at a moment.
fn snapshots(args: &ExportArgs, opened: &OpenedSession) -> Result<String, Failure> {
    let at = opened.resolve(&args.at)?;
    let mut all: Vec<(Opened, Snapshot)> = Vec::new();
    for (recording, number) in opened.samples_at(&at)? {
        let one = Opened::at(&opened.path, recording)?;
        let snapshot = one.store.snapshot(recording, number).map_err(Failure::from)?;
        all.push((one, snapshot));
    }
    if all.is_empty() {
        let none = anyhow::anyhow!("no process of the session is there at `{}`", args.at);
        return Err(Failure::new(Status::Recording, none));
    }
    if args.format.is_json() {
        let mut documents = Vec::with_capacity(all.len());
        for (one, snapshot) in &all {
            let Opened { recording, .. } = one;
            documents.push(json::SnapshotDocument::new(
                &recording.process,
                &recording.host,
                snapshot,
            ));
        }
        return output::json(&documents);
    }
    let rows =
        all.iter().map(|(one, snapshot)| (one.recording.id.0, &one.recording.process, snapshot));
    output::csv(|out| csv::session_snapshot(out, rows, Naming::of(&opened.session.host)))
}

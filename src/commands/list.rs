//! `vmrec list`: the recordings of a file, or its sessions.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use vmrec_report::{Listed, ListedSession, csv, json, list_table, session_list_table};
use vmrec_store::{RecordingSummary, Store};

use crate::args::{FileArgs, FormatArgs};
use crate::failure::{Failure, Status};
use crate::{file, output, zone};

/// List the recordings of a file
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// List the recordings of this session only: of one run of `vmrec record`
    #[arg(long, short, value_name = "N")]
    session: Option<i64>,

    /// List sessions instead of recordings
    #[arg(long, conflicts_with = "session")]
    sessions: bool,

    #[command(flatten)]
    format: FormatArgs,

    #[command(flatten)]
    file: FileArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ListArgs) -> Result<ExitCode, Failure> {
    let path = file::path(&args.file)?;
    let store = Store::open(&path)?;
    if args.sessions {
        list_sessions(args, &store)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut recordings = store.recordings()?;
    if let Some(number) = args.session {
        recordings.retain(|summary| summary.recording.session.0 == number);
        if recordings.is_empty() {
            let db = file::db_option(&path);
            let missing = anyhow::anyhow!("there is no session {number} in {}", path.display());
            return Err(Failure::new(Status::Recording, missing)
                .hint(format!("`vmrec list{db} --sessions` shows the sessions of the file")));
        }
    }
    let held = store.being_recorded();
    let rows: Vec<Listed<'_>> = recordings
        .iter()
        .map(|summary| Listed {
            recording: &summary.recording,
            samples: summary.samples,
            last: summary.last,
            running: held && summary.recording.ended.is_none(),
        })
        .collect();
    if args.format.json {
        output::print_json(&rows.iter().map(json::ListRow::new).collect::<Vec<_>>())?;
    } else if args.format.csv {
        output::print(&output::csv(|out| csv::list(out, &rows))?)?;
    } else if rows.is_empty() {
        output::note(&format!("{} holds no recording yet", path.display()));
        output::note("hint: record something first: `vmrec record TARGET`");
    } else {
        output::print(&list_table(&rows, &zone::local(), output::width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list_sessions(args: &ListArgs, store: &Store) -> Result<(), Failure> {
    let (sessions, recordings) = (store.sessions()?, store.recordings()?);
    let held = store.being_recorded();
    let rows: Vec<ListedSession<'_>> = sessions
        .iter()
        .map(|session| {
            let of_it = || recordings.iter().filter(|one| one.recording.session == session.id);
            let process = |one: &RecordingSummary| {
                let id = &one.recording.process.id;
                let lost = id.known_pid().is_none().then_some(one.recording.id);
                (id.pid, id.start_ticks, lost)
            };
            let end = |one: &RecordingSummary| one.recording.ended.or(one.last);
            let end = of_it().filter_map(end).map(|at| at.monotonic_ns).max();
            let begun = session.begun.monotonic_ns;
            ListedSession {
                session,
                processes: of_it().map(process).collect::<BTreeSet<_>>().len() as u64,
                recordings: of_it().count() as u64,
                length_ns: end.map_or(0, |end| end.saturating_sub(begun)),
                running: held && of_it().any(|one| one.recording.ended.is_none()),
            }
        })
        .collect();
    if args.format.json {
        output::print_json(&rows.iter().map(json::SessionRow::new).collect::<Vec<_>>())
    } else if args.format.csv {
        output::print(&output::csv(|out| csv::session_list(out, &rows))?)
    } else {
        output::print(&session_list_table(&rows, &zone::local(), output::width()))
    }
}

//! `vmrec list`: the recordings of a file, or its sessions.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use vmrec_report::{Listed, ListedSession, csv, json, list_table, session_list_table};
use vmrec_sampler::sort_by_key;
use vmrec_store::{RecordingSummary, Session, Store};

use crate::args::{FileArgs, FileNumber, FormatArgs};
use crate::failure::{Failure, Status};
use crate::file::Numbered;
use crate::{file, output, zone};

/// List the recordings of a file
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// List the recordings of this session only: of one run of `vmrec record`
    #[arg(long, short, value_name = "N")]
    session: Option<FileNumber>,

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
    let files = file::all(&path)?;
    if args.sessions {
        list_sessions(args, &files)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut all: Vec<(&Numbered<Store>, RecordingSummary)> = Vec::new();
    for file in &files {
        let mut recordings = file.content.recordings()?;
        if let Some(session) = args.session {
            let number = session.number;
            recordings
                .retain(|one| file.number == session.file && one.recording.session.0 == number);
        }
        all.extend(recordings.into_iter().map(|summary| (file, summary)));
    }
    if let (Some(number), true) = (args.session, all.is_empty()) {
        let db = file::db_option(&path);
        let missing = anyhow::anyhow!("there is no session {number} in {}", path.display());
        return Err(Failure::new(Status::Recording, missing)
            .hint(format!("`vmrec list{db} --sessions` shows the sessions of the file")));
    }
    if files.len() > 1 {
        sort_by_key(&mut all, |(file, one)| (one.recording.begun.utc_ns, file.number));
    }
    let rows: Vec<Listed<'_>> = all
        .iter()
        .map(|(file, summary)| {
            let running = summary.recording.ended.is_none() && file.content.being_recorded();
            Listed::of(summary, running, file.beside())
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
        output::print(&list_table(&rows, &zone::local(), output::width(), output::color()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list_sessions(args: &ListArgs, files: &[Numbered<Store>]) -> Result<(), Failure> {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        all.push((file, file.content.sessions()?, file.content.recordings()?));
    }
    let mut rows: Vec<ListedSession<'_>> = Vec::new();
    for (file, sessions, recordings) in &all {
        let held = file.content.being_recorded();
        rows.extend(listed_sessions(sessions, recordings, held, file.beside()));
    }
    if files.len() > 1 {
        sort_by_key(&mut rows, |row| (row.session.begun.utc_ns, row.file));
    }
    if args.format.json {
        output::print_json(&rows.iter().map(json::SessionRow::new).collect::<Vec<_>>())
    } else if args.format.csv {
        output::print(&output::csv(|out| csv::session_list(out, &rows))?)
    } else {
        output::print(&session_list_table(&rows, &zone::local(), output::width(), output::color()))
    }
}

/// Returns the sessions of a file as a list shows them; `held` says whether it is recorded to now.
pub(crate) fn listed_sessions<'a>(
    sessions: &'a [Session],
    recordings: &'a [RecordingSummary],
    held: bool,
    file: Option<u32>,
) -> impl Iterator<Item = ListedSession<'a>> {
    sessions.iter().map(move |session| {
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
            file,
        }
    })
}

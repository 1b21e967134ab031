//! `vmrec status`: the recorders that run now.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use vmrec_report::units::{counted, duration, size};
use vmrec_report::{ListedSession, json, session_list_table};
use vmrec_store::Session;

use crate::args::FileArgs;
use crate::commands::list::listed_sessions;
use crate::failure::Failure;
use crate::recorders::Recorder;
use crate::{file, output, recorders, recording, zone};

/// Show the recorders that run now; exits with 1 if there is none
///
/// Those that write to the file, or beside it, are found by their locks: with
/// --detach, by systemd or on another terminal.
#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    file: FileArgs,
}

/// A recorder in JSON.
#[derive(Serialize)]
struct Row<'a> {
    file: String,
    file_bytes: u64,
    recorder_pid: Option<u32>,
    /// When the newest sample was taken; null before the first.
    last_sample_utc_ns: Option<i64>,
    samples: u64,
    missed_ticks: u64,
    sessions: Vec<json::SessionRow<'a>>,
}

/// Runs the command.
pub(crate) fn run(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let path = file::path(&args.file)?;
    let all = recorders::running(&path)?;
    let mut read: Vec<(&Recorder, Vec<Session>)> = Vec::with_capacity(all.len());
    for recorder in &all {
        read.push((recorder, recorder.file.content.sessions()?));
    }
    if args.json {
        let rows: Vec<Row<'_>> = read.iter().map(|(one, sessions)| row(one, sessions)).collect();
        output::print_json(&rows)?;
    } else if read.is_empty() {
        output::note(&format!("no recorder writes to {}", path.display()));
        output::note("hint: start one with `vmrec record TARGET --detach`");
    } else {
        output::print(&read.iter().map(|(one, sessions)| text(one, sessions)).collect::<String>())?;
    }
    Ok(if read.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn row<'a>(recorder: &'a Recorder, sessions: &'a [Session]) -> Row<'a> {
    let Recorder { file, pid, .. } = recorder;
    Row {
        file: file.path.display().to_string(),
        file_bytes: file.content.file_bytes(),
        recorder_pid: *pid,
        last_sample_utc_ns: recorder.last_utc_ns(),
        samples: recorder.samples(),
        missed_ticks: recorder.missed_ticks(),
        sessions: running(recorder, sessions).iter().map(json::SessionRow::new).collect(),
    }
}

fn text(recorder: &Recorder, sessions: &[Session]) -> String {
    let Recorder { file, pid, .. } = recorder;
    let process =
        pid.map_or_else(|| "an unknown process".to_owned(), |pid| format!("process {pid}"));
    let last = match recorder.last_utc_ns() {
        Some(utc_ns) => {
            let ago = recording::now_utc_ns().saturating_sub(utc_ns);
            format!("the last sample {} ago", duration(u64::try_from(ago).unwrap_or(0)))
        }
        None => "no sample yet".to_owned(),
    };
    let missed = match recorder.missed_ticks() {
        0 => String::new(),
        missed => format!(", {missed} missed"),
    };
    let heading = format!(
        "{process} records to {} ({})\n{}{missed}, {last}\n",
        file.path.display(),
        size(file.content.file_bytes()),
        counted(recorder.samples(), "sample", "samples"),
    );
    let heading: String =
        heading.lines().map(|line| format!("{}\n", vmrec_report::escape::terminal(line))).collect();
    let rows = running(recorder, sessions);
    heading + &session_list_table(&rows, &zone::local(), output::width(), output::color())
}

/// Returns the session that is being recorded.
fn running<'a>(recorder: &'a Recorder, sessions: &'a [Session]) -> Vec<ListedSession<'a>> {
    let beside = recorder.file.beside();
    let all = listed_sessions(sessions, &recorder.recordings, true, beside);
    all.filter(|session| session.running).collect()
}

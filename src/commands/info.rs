//! `vmrec info`: all that is known of one recording.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use vmrec_report::{Overview, escape, info_text, json, session_text, units};
use vmrec_sampler::{Quantity, Region};
use vmrec_store::{Error, RecordingId, Sample, Store};

use crate::args::{RecordingArgs, SessionArgs};
use crate::failure::Failure;
use crate::recording::Opened;
use crate::session::OpenedSession;
use crate::{file, output, progress, zone};

/// Show a recording or session: process, host, samples, cost, marks
#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    session: SessionArgs,

    #[command(flatten)]
    recording: RecordingArgs,

    /// Check the whole file instead: every row, every checksum, every sample's regions
    #[arg(long, conflicts_with_all = ["recording", "session"])]
    verify: bool,
}

#[derive(Serialize)]
struct VerifyDocument {
    file: String,
    recordings: Option<u64>,
    samples: Option<u64>,
    problems: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &InfoArgs) -> Result<ExitCode, Failure> {
    if args.verify {
        return verify(args);
    }
    if args.session.session.is_some() {
        return session(args);
    }
    let opened = Opened::open(&args.recording)?;
    // The cost of the most expensive sample needs all of them.
    let samples = opened.store.samples(opened.recording.id)?;
    let taken = || samples.iter().filter(|sample| sample.is_taken());
    let overview = Overview {
        recording: &opened.recording,
        samples: &samples,
        marks: &opened.marks,
        running: opened.running,
        private_at_ends: [taken().next(), taken().next_back()]
            .map(|sample| private_bytes(&opened.store, opened.recording.id, sample?)),
    };
    if args.json {
        output::print_json(&json::InfoDocument::new(&overview))?;
    } else {
        output::print(&info_text(&overview, &zone::local(), output::width(), output::color()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the sum of the private bytes of a cheap sample's regions, if all are known.
fn private_bytes(store: &Store, recording: RecordingId, sample: &Sample) -> Option<u64> {
    if !sample.state.is_cheap() {
        return None;
    }
    let snapshot = store.snapshot(recording, sample.number).ok()?;
    let of = |region: &Region| region.quantities.get(Quantity::Private);
    snapshot.regions.iter().map(of).sum()
}

/// Shows a session with its recordings.
fn session(args: &InfoArgs) -> Result<ExitCode, Failure> {
    let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
    let summaries = opened.summaries()?;
    let overview = opened.overview(&summaries)?;
    if args.json {
        output::print_json(&json::SessionInfoDocument::new(&overview))?;
    } else {
        output::print(&session_text(&overview, &zone::local(), output::width(), output::color()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the file and says what is wrong with it.
fn verify(args: &InfoArgs) -> Result<ExitCode, Failure> {
    let path = file::path(&args.recording.file)?;
    let store = Store::open(&path)?;
    let problems = progress::shown("checking", || store.verify())?;
    let counts = match store.counts() {
        Err(Error::Damaged { .. }) if !problems.is_empty() => None,
        counts => Some(counts?),
    };
    if args.json {
        output::print_json(&VerifyDocument {
            file: path.display().to_string(),
            recordings: counts.map(|counts| counts.recordings),
            samples: counts.map(|counts| counts.samples),
            problems: problems.clone(),
        })?;
    } else if let (Some(counts), true) = (&counts, problems.is_empty()) {
        output::print(&format!("no problem found in {}\n", output::counted(counts)))?;
    } else {
        let lines = problems.iter().map(|problem| format!("{}\n", escape::terminal(problem)));
        output::print(&lines.collect::<String>())?;
    }
    if problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let what = units::counted(problems.len() as u64, "problem", "problems");
    Err(Error::Damaged { path, what }.into())
}

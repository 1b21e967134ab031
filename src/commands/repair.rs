//! `vmrec repair`: what can be read of a damaged file, in a new one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use vmrec_report::{escape, units};
use vmrec_store::{Error, RecoveredRecording, Repaired};

use crate::failure::Failure;
use crate::{output, progress};

/// Save what can be read of a damaged file into a new one
///
/// The damaged file is not changed. A sample that cannot be rebuilt becomes a missed one, which
/// charts draw as a gap. The exit status is 1 if anything was lost.
#[derive(Args, Debug)]
pub(crate) struct RepairArgs {
    /// The damaged file
    file: PathBuf,

    /// The file to make
    #[arg(long, short, value_name = "NEW")]
    output: PathBuf,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct RepairDocument {
    file: String,
    lost_something: bool,
    recordings: Vec<RecordingDocument>,
    kinds_lost: u64,
    damaged_rows: BTreeMap<&'static str, u64>,
    damaged_pages: BTreeMap<&'static str, u64>,
    tables_lost: bool,
    log_problems: Vec<String>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct RecordingDocument {
    recording: i64,
    recovered: bool,
    samples: u64,
    samples_lost: u64,
    why_lost: BTreeMap<&'static str, u64>,
    marks: u64,
    evidence: u64,
}

/// Runs the command.
pub(crate) fn run(args: &RepairArgs) -> Result<ExitCode, Failure> {
    let work = || vmrec_store::repair(&args.file, &args.output);
    let repaired = progress::shown("repairing", work).map_err(failure)?;
    let file = args.output.display().to_string();
    if args.json {
        output::print_json(&document(file, &repaired))?;
    } else {
        output::print(&text(&repaired))?;
        output::note(&format!("what could be read of {} is in {file}", args.file.display()));
    }
    Ok(if repaired.lost_something() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Says what to do about a file that cannot be repaired.
fn failure(error: Error) -> Failure {
    let hint = match &error {
        Error::NotARecording { .. } => {
            "name a file that `vmrec record` made; this one was left as it is"
        }
        Error::Missing { .. } => "name the damaged file",
        Error::Exists { .. } => "name a new file with -o; this one was left as it is",
        Error::SameFile { .. } => "name a new file with -o: the damaged one is not changed",
        Error::Busy { .. } => "end that recorder first",
        _ => return error.into(),
    };
    Failure::from(error).hint(hint)
}

fn document(file: String, repaired: &Repaired) -> RepairDocument {
    let recording = |mended: &RecoveredRecording| RecordingDocument {
        recording: mended.id.0,
        recovered: mended.is_placeholder,
        samples: mended.kept,
        samples_lost: mended.lost,
        why_lost: mended.why.clone(),
        marks: mended.marks,
        evidence: mended.evidence,
    };
    RepairDocument {
        file,
        lost_something: repaired.lost_something(),
        recordings: repaired.recordings.iter().map(recording).collect(),
        kinds_lost: repaired.kinds_lost,
        damaged_rows: repaired.damaged_rows.clone(),
        damaged_pages: repaired.damaged_pages.clone(),
        tables_lost: repaired.tables_lost,
        log_problems: repaired.log_problems.clone(),
        problems: repaired.problems.clone(),
    }
}

fn text(repaired: &Repaired) -> String {
    let mut text = String::new();
    if repaired.recordings.is_empty() {
        text += "no recording could be read\n";
    }
    // Writing to a String cannot fail.
    for mended in &repaired.recordings {
        let _ = writeln!(
            text,
            "recording {}: {} kept, {} lost; {}, {} of evidence kept",
            mended.id.0,
            units::counted(mended.kept, "sample", "samples"),
            mended.lost,
            units::counted(mended.marks, "mark", "marks"),
            units::counted(mended.evidence, "piece", "pieces"),
        );
        if mended.is_placeholder {
            text += "  its own row is lost: it is named `recovered`, without process and host\n";
        }
        if mended.session_lost && !mended.is_placeholder {
            text += "  the row of its session is lost: host, interval and boot are unknown\n";
        }
        for (why, samples) in &mended.why {
            let _ = writeln!(text, "  {samples} lost: {why}");
        }
    }
    if repaired.kinds_lost > 0 {
        let kinds = match repaired.kinds_lost {
            1 => "1 kind of region that samples had is lost".to_owned(),
            many => format!("{many} kinds of regions that samples had are lost"),
        };
        let _ = writeln!(text, "{kinds}");
    }
    for (table, rows) in &repaired.damaged_rows {
        let _ = writeln!(text, "{table}: {}", units::counted(*rows, "damaged row", "damaged rows"));
    }
    for (table, pages) in &repaired.damaged_pages {
        let _ = writeln!(
            text,
            "{table}: {}",
            units::counted(*pages, "damaged or missing page", "damaged or missing pages")
        );
    }
    if repaired.tables_lost {
        text += "the list of tables is damaged: more may be lost than is known\n";
    }
    for problem in &repaired.log_problems {
        let _ = writeln!(text, "{}", escape::terminal(problem));
    }
    for problem in &repaired.problems {
        let _ = writeln!(text, "still wrong: {}", escape::terminal(problem));
    }
    if !repaired.lost_something() {
        text += "nothing was lost\n";
    }
    text
}

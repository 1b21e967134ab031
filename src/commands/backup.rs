//! `vmrec backup`: a copy of the file, also while it is recorded to.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use vmrec_report::units;
use vmrec_store::Store;

use crate::args::FileArgs;
use crate::failure::Failure;
use crate::{file, output, progress};

/// Copy all recordings to another file, also while recording
///
/// The copy is of one moment and takes its name when it is complete; the recorder goes on meanwhile.
#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// The file to copy to
    #[arg(value_name = "FILE")]
    to: PathBuf,

    /// Replace FILE if there is one
    #[arg(long)]
    force: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    file: FileArgs,
}

#[derive(Serialize)]
struct BackupDocument {
    file: String,
    bytes: u64,
    recordings: u64,
    samples: u64,
    problems: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &BackupArgs) -> Result<ExitCode, Failure> {
    let store = Store::open(&file::path(&args.file)?)?;
    let copied = progress::shown("copying", || store.backup(&args.to, args.force))?;
    let file = args.to.display().to_string();
    if args.json {
        output::print_json(&BackupDocument {
            file,
            bytes: copied.bytes,
            recordings: copied.counts.recordings,
            samples: copied.counts.samples,
            problems: copied.problems.clone(),
        })?;
    } else {
        output::note(&format!(
            "copied {} of {} to {file}",
            output::counted(&copied.counts),
            units::size(copied.bytes)
        ));
    }
    if copied.problems.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    copied.problems.iter().for_each(|problem| output::note(&format!("wrong: {problem}")));
    output::note(
        "hint: keep the file that was copied; `vmrec repair` saves what can be read of it",
    );
    Ok(ExitCode::from(1))
}

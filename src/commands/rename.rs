//! `vmrec rename`: names a recording.

use std::process::ExitCode;

use clap::Args;

use crate::args::{Choice, FileArgs, RecordingArgs};
use crate::failure::Failure;
use crate::output;
use crate::recording::Opened;

/// Name a recording, also while it is made
#[derive(Args, Debug)]
pub(crate) struct RenameArgs {
    /// Number or name of the recording
    #[arg(value_name = "N|NAME")]
    recording: Choice,

    /// Its new name; an empty one takes the name away
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    file: FileArgs,
}

/// Runs the command.
pub(crate) fn run(args: &RenameArgs) -> Result<ExitCode, Failure> {
    let recording = Some(args.recording.clone());
    let opened = Opened::open(&RecordingArgs { file: args.file.clone(), recording })?;
    let name = Some(args.name.trim()).filter(|name| !name.is_empty());
    vmrec_store::rename(&opened.path, opened.recording.id, name)?;
    let number = opened.recording.id.0;
    output::note(&match name {
        Some(name) => format!("recording {number} is called `{name}` now"),
        None => format!("recording {number} has no name now"),
    });
    Ok(ExitCode::SUCCESS)
}

//! `vmrec delete`: deletes whole recordings.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use vmrec_report::units;
use vmrec_sampler::Timestamp;
use vmrec_store::{RecordingId, Retention, Store, Writer};

use crate::args::{Choice, FileArgs, RecordingArgs};
use crate::failure::Failure;
use crate::recording::Opened;
use crate::{file, output};

/// Delete recordings with all their samples and marks
#[derive(Args, Debug)]
pub(crate) struct DeleteArgs {
    /// Numbers or names of the recordings
    #[arg(value_name = "N|NAME", required = true)]
    recording: Vec<Choice>,

    #[command(flatten)]
    file: FileArgs,
}

/// Runs the command.
pub(crate) fn run(args: &DeleteArgs) -> Result<ExitCode, Failure> {
    let mut ids: Vec<RecordingId> = Vec::new();
    for choice in &args.recording {
        let recording = Some(choice.clone());
        ids.push(Opened::open(&RecordingArgs { file: args.file.clone(), recording })?.recording.id);
    }
    let path = file::path(&args.file)?;
    let before = Store::open(&path)?.file_bytes();
    let mut writer = Writer::open(&path)?;
    // Every sample is older than nothing, by a clock that all others are behind.
    let all = Retention { older_than: Some(Duration::ZERO), ..Retention::default() };
    let now = Timestamp { utc_ns: i64::MAX, ..vmrec_sampler::now() };
    let deleted = writer.prune(&all, Some(&ids), now)?;
    writer.close()?;
    let after = Store::open(&path)?.file_bytes();
    output::note(&format!(
        "deleted {} with {}: {} before, {} now",
        units::counted(deleted.recordings, "recording", "recordings"),
        units::counted(deleted.samples, "sample", "samples"),
        units::size(before),
        units::size(after)
    ));
    Ok(ExitCode::SUCCESS)
}

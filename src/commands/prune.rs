//! `vmrec prune`: deletes old samples.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use vmrec_report::units::size;
use vmrec_store::{Error as StoreError, Pruned, RecordingId, Retention, Store, Writer};

use crate::args::{FileArgs, RetentionArgs};
use crate::failure::Failure;
use crate::failure::hints::PRUNE_WHILE_RECORDING;
use crate::parse::parse_duration;
use crate::{file, output, progress};

/// Delete old samples, or keep one a minute of them
///
/// Deletes whole chunks of up to 900 samples, once every sample in one is old
/// enough; for --max-size one after the other, until the file is small enough.
/// A file of several recordings needs -r N or --all. Without an age or a size
/// it only tidies up after recorders that were killed.
#[derive(Args, Debug)]
pub(crate) struct PruneArgs {
    /// Delete samples older than this, such as 30d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    older_than: Option<Duration>,

    #[command(flatten)]
    retention: RetentionArgs,

    /// Number of a recording to prune, as `vmrec list` shows it; repeat it for more
    #[arg(long = "recording", short, value_name = "N", conflicts_with = "all")]
    recordings: Vec<i64>,

    /// Prune all recordings of the file
    #[arg(long)]
    all: bool,

    /// Show exactly what would go and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    file: FileArgs,
}

/// The output of `prune --json`.
#[derive(Serialize)]
struct PruneDocument {
    dry_run: bool,
    samples: u64,
    recordings: u64,
    kinds: u64,
    bytes_before: u64,
    bytes_after: u64,
}

/// Runs the command.
pub(crate) fn run(args: &PruneArgs) -> Result<ExitCode, Failure> {
    let policy = args.retention.policy(args.older_than)?;
    if args.dry_run && policy.is_none() {
        return Err(Failure::usage("nothing is said to go")
            .hint("say what, such as --older-than 30d, --thin-after 1d or --max-size 200M"));
    }
    let path = file::path(&args.file)?;
    // A missing file must not be created, and one without recordings not be written to.
    let store = Store::open(&path)?;
    let only = match &policy {
        Some(_) => chosen(args, &store, &path)?,
        None if args.recordings.is_empty() => None,
        None => {
            return Err(Failure::usage("--recording has no effect without an age or a size")
                .hint("add one, such as --older-than 30d, --thin-after 1d or --max-size 200M"));
        }
    };
    let now = vmrec_sampler::now();
    let pruned = if args.dry_run {
        progress::shown("pruning a copy", || {
            store.prune_preview(&policy.unwrap_or_default(), only.as_deref(), now)
        })?
    } else {
        let bytes_before = store.file_bytes();
        drop(store);
        let mut writer = Writer::open(&path).map_err(|error| match error {
            busy @ StoreError::Busy { .. } => Failure::from(busy).hint(PRUNE_WHILE_RECORDING),
            error => error.into(),
        })?;
        let pruned = match &policy {
            Some(policy) => {
                progress::shown("pruning", || writer.prune(policy, only.as_deref(), now))?
            }
            None => {
                writer.tidy()?;
                Pruned::default()
            }
        };
        writer.close()?;
        let bytes_after = Store::open(&path)?.file_bytes();
        Pruned { bytes_before, bytes_after, ..pruned }
    };
    if args.json {
        output::print_json(&PruneDocument {
            dry_run: args.dry_run,
            samples: pruned.samples,
            recordings: pruned.recordings,
            kinds: pruned.kinds,
            bytes_before: pruned.bytes_before,
            bytes_after: pruned.bytes_after,
        })?;
    } else {
        output::print(&summary(args.dry_run, policy.as_ref(), &pruned))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the recordings to prune, `None` for all: those named, or the only one of the file.
fn chosen(
    args: &PruneArgs,
    store: &Store,
    path: &Path,
) -> Result<Option<Vec<RecordingId>>, Failure> {
    if !args.recordings.is_empty() {
        let ids = args.recordings.iter().map(|number| RecordingId(*number));
        return Ok(Some(ids.collect()));
    }
    let recordings = store.recordings()?.len();
    if args.all || recordings <= 1 {
        return Ok(None);
    }
    Err(Failure::usage(format!("{} holds {recordings} recordings", path.display()))
        .hint("name those to prune with -r N, or prune all of them with --all"))
}

fn summary(dry_run: bool, policy: Option<&Retention>, pruned: &Pruned) -> String {
    let Pruned { samples, recordings, bytes_before, bytes_after, .. } = *pruned;
    let count = |count: u64, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    };
    let mut went = count(samples, "sample");
    if recordings > 0 {
        went += &format!(" and {}", count(recordings, "whole recording"));
    }
    if dry_run {
        let (before, after) = (size(bytes_before), size(bytes_after));
        return format!("{went} would go of {before}, {after} would be left\n");
    }
    let bytes = format!("{} before, {} now", size(bytes_before), size(bytes_after));
    match policy {
        None => format!("tidied up: {bytes}\n"),
        Some(_) => format!("{went} went: {bytes}\n"),
    }
}

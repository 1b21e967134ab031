//! `vmrec prune`: old samples make room.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use vmrec_report::units::size;
use vmrec_store::{Error as StoreError, Pruned, Retention, Store, Writer};

use crate::args::{FileArgs, RetentionArgs};
use crate::failure::{Failure, PRUNE_WHILE_RECORDING};
use crate::parse::parse_duration;
use crate::{file, output};

/// Delete old samples, or keep one a minute of them
///
/// Deletes whole chunks of about 300 samples, once every sample in one is old enough.
/// Without options it only tidies up after recorders that were killed.
#[derive(Args, Debug)]
pub(crate) struct PruneArgs {
    /// Delete samples older than this, such as 30d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    older_than: Option<Duration>,

    #[command(flatten)]
    retention: RetentionArgs,

    /// Show what would go and write nothing
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
    bytes_after: Option<u64>,
    too_large: bool,
}

/// Runs the command.
pub(crate) fn run(args: &PruneArgs) -> Result<ExitCode, Failure> {
    let policy = args.retention.policy(args.older_than)?;
    if args.dry_run && policy.is_none() {
        return Err(Failure::usage("nothing is said to go")
            .hint("say what, such as --older-than 30d, --thin-after 1d or --max-size 200M"));
    }
    let path = file::path(&args.file)?;
    // A file that is not there must not be made, and one of no recordings not be written to.
    let store = Store::open(&path)?;
    let now = vmrec_sampler::now();
    let pruned = if args.dry_run {
        store.prune_preview(&policy.unwrap_or_default(), now)?
    } else {
        let bytes_before = store.file_bytes();
        drop(store);
        let mut writer = Writer::open(&path).map_err(|error| match error {
            busy @ StoreError::Busy { .. } => Failure::from(busy).hint(PRUNE_WHILE_RECORDING),
            error => error.into(),
        })?;
        let pruned = match &policy {
            Some(policy) => writer.prune(policy, now)?,
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
            bytes_after: (!args.dry_run).then_some(pruned.bytes_after),
            too_large: pruned.too_large,
        })?;
    } else {
        output::print(&summary(args.dry_run, policy.as_ref(), &pruned))?;
    }
    if pruned.too_large {
        output::note("note: the file is larger than that still: nothing is left that may go");
    }
    Ok(ExitCode::SUCCESS)
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
        return format!("{went} would go of {}\n", size(bytes_before));
    }
    let bytes = format!("{} before, {} now", size(bytes_before), size(bytes_after));
    match policy {
        None => format!("tidied up: {bytes}\n"),
        Some(_) => format!("{went} went: {bytes}\n"),
    }
}

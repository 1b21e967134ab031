//! `vmrec strings`: equal texts in several blocks of a running process's heap.

use std::process::ExitCode;

use clap::Args;
use vmrec_report::{CopiesDocument, copies_text};
use vmrec_sampler::HeapRequest;

use crate::args::LiveArgs;
use crate::commands::heap::{MAX_ROWS, note_problems};
use crate::failure::Failure;
use crate::{live_heap, output};

/// Find texts that several blocks of a heap hold
///
/// The texts themselves are read only with --show, and never stored. The process is stopped
/// while its heap is read, some 0.3 s a GiB, and resumed in any case.
#[derive(Args, Debug)]
pub(crate) struct StringsArgs {
    #[command(flatten)]
    live: LiveArgs,

    /// Show the texts, which may be confidential
    #[arg(long)]
    show: bool,

    /// Show all rows, not the largest 40
    #[arg(long)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &StringsArgs) -> Result<ExitCode, Failure> {
    let (pid, request) = args.live.request()?;
    let max_rows = if args.all { usize::MAX } else { MAX_ROWS };
    let texts = Some(if args.show { max_rows } else { 0 });
    let found = live_heap::inspect(pid, &HeapRequest { texts, ..request })?;
    let copies = found.heap.copies.as_deref().unwrap_or_default();
    if args.json {
        output::print_json(&CopiesDocument::new(&found, copies))?;
    } else {
        output::print(&copies_text(&found, copies, max_rows, output::width()))?;
    }
    note_problems(&found.heap.problems);
    Ok(ExitCode::SUCCESS)
}

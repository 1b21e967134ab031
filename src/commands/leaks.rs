//! `vmrec leaks`: the blocks of a running process that nothing reaches any more.

use std::process::ExitCode;

use clap::Args;
use vmrec_report::{LeakSums, LeaksDocument, SavedLeaks, leaks_text, problem_text};
use vmrec_sampler::HeapRequest;
use vmrec_store::HeapReportKind;

use crate::args::{LiveArgs, SaveArgs};
use crate::commands::heap::{MAX_ROWS, note_problems};
use crate::failure::{Failure, Status};
use crate::{heap_reports, live_heap, output};

/// Find the blocks of a heap that nothing reaches any more
///
/// A block is leaked if no word in the process's memory or registers leads to it, directly or
/// through other blocks. The process is stopped for some 0.5 s a GiB, and resumed in any case.
/// docs/heap.md says exactly what is followed, and what may hide a leak or make a false one.
#[derive(Args, Debug)]
pub(crate) struct LeaksArgs {
    #[command(flatten)]
    live: LiveArgs,

    /// Exit with 1 if more blocks than this are leaked
    #[arg(long, value_name = "N")]
    at_most: Option<u64>,

    /// Show all rows, not the largest 40
    #[arg(long)]
    all: bool,

    /// Print JSON, with every leaked block
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    save: SaveArgs,
}

/// Runs the command.
pub(crate) fn run(args: &LeaksArgs) -> Result<ExitCode, Failure> {
    let (pid, request) = args.live.request()?;
    let found = live_heap::inspect(pid, &HeapRequest { leaks: true, ..request })?;
    let problems = &found.heap.problems;
    let blocking = problems.iter().find(|problem| problem.hides_blocks());
    if let Some(problem) = blocking {
        let name = found.process.name();
        return Err(Failure::new(
            Status::Target,
            anyhow::anyhow!("leaks of {name} cannot be derived: {}", problem_text(problem)),
        )
        .hint("`vmrec heap` shows the part that can be walked"));
    }
    let leaks = found.heap.leaks.as_deref().unwrap_or_default();
    if args.json {
        output::print_json(&LeaksDocument::new(&found, leaks))?;
    } else {
        let max_rows = if args.all { usize::MAX } else { MAX_ROWS };
        output::print(&leaks_text(&found, leaks, max_rows, output::width()))?;
    }
    note_problems(problems);
    let report = || SavedLeaks::new(&found, leaks);
    heap_reports::save(&args.save, &found, HeapReportKind::Leaks, report)?;
    let leaked = LeakSums::of(leaks).all().blocks;
    let exceeds = args.at_most.is_some_and(|at_most| leaked > at_most);
    Ok(if exceeds { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

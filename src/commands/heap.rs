//! `vmrec heap`: what is in the heap of a running process.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use vmrec_report::{HeapBy, HeapDocument, SavedHeap, heap_text, problem_text};
use vmrec_sampler::{HeapProblem, HeapRequest};
use vmrec_store::HeapReportKind;

use crate::args::{LiveArgs, SaveArgs};
use crate::failure::Failure;
use crate::process;
use crate::{heap_reports, live_heap, output};

/// Rows of a table unless all are asked for.
pub(crate) const MAX_ROWS: usize = 40;

/// Show the blocks of a process's heap by class, size or region
///
/// The process is stopped while its heap is read (some 0.3 s a GiB), and resumed in any case. It
/// needs neither symbols nor a restart. Heaps of glibc's and musl's malloc and zones of macOS can be
/// read; docs/heap.md says exactly what the figures mean.
#[derive(Args, Debug)]
pub(crate) struct HeapArgs {
    #[command(flatten)]
    live: LiveArgs,

    /// Group blocks by this
    #[arg(long, value_enum, default_value_t = By::Class)]
    by: By,

    /// Show all rows, not the largest 40
    #[arg(long)]
    all: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    save: SaveArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Class,
    Size,
    Region,
}

impl From<By> for HeapBy {
    fn from(by: By) -> Self {
        match by {
            By::Class => Self::Class,
            By::Size => Self::Size,
            By::Region => Self::Region,
        }
    }
}

impl LiveArgs {
    /// Returns the process that is meant, and how its heap is looked at.
    pub(crate) fn request(&self) -> Result<(u32, HeapRequest), Failure> {
        let pid = process::find(&self.target, self.pick)?;
        let max_stop = self.max_stop.unwrap_or(Duration::from_secs(10));
        Ok((pid, HeapRequest { max_stop, leaks: false, texts: None }))
    }
}

/// Runs the command.
pub(crate) fn run(args: &HeapArgs) -> Result<ExitCode, Failure> {
    let (pid, request) = args.live.request()?;
    let found = live_heap::inspect(pid, &request)?;
    if args.json {
        output::print_json(&HeapDocument::new(&found))?;
    } else {
        let max_rows = if args.all { usize::MAX } else { MAX_ROWS };
        output::print(&heap_text(&found, args.by.into(), max_rows, output::width()))?;
    }
    note_problems(&found.heap.problems);
    let report = || SavedHeap::new(&found);
    heap_reports::save(&args.save, &found, HeapReportKind::Heap, report)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the doubts about a heap to standard error.
pub(crate) fn note_problems(problems: &[HeapProblem]) {
    for problem in problems {
        output::note(&format!("note: {}", problem_text(problem)));
    }
}

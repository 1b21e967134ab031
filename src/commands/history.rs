//! `vmrec history`: the sampled blocks that held an address.

use std::process::ExitCode;

use clap::Args;
use vmrec_report::{BlockHistory, HistoryDocument, HistoryHead, Resolved};
use vmrec_sampler::Naming;

use crate::args::RecordingArgs;
use crate::failure::{Failure, Status};
use crate::parse::parse_address;
use crate::recording::Opened;
use crate::{output, zone};

/// How many blocks are shown.
const ROWS: usize = 10;

/// Show who allocated and freed the block at an address
///
/// Of a recording made with --allocs, which samples blocks. Exits with 1 if no sampled one held it.
#[derive(Args, Debug)]
pub(crate) struct HistoryArgs {
    /// Address in hexadecimal
    #[arg(value_parser = parse_address)]
    address: u64,

    /// The block that held it at this time, such as end, -10m, #12 or @mark [default: all]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,

    /// Show every block instead of the 10 newest
    #[arg(long)]
    all: bool,

    /// Print JSON, with every block
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// Runs the command.
pub(crate) fn run(args: &HistoryArgs) -> Result<ExitCode, Failure> {
    let opened = Opened::open(&args.recording)?;
    let at = args.at.as_deref().map(|at| opened.resolve(at)).transpose()?;
    let end = opened.resolve("end")?;
    let id = opened.recording.id;
    let mut history = BlockHistory::new(args.address, opened.store.stack_nodes(id)?);
    opened.store.for_each_live_stacks(id, [0, end.number], |number, live| {
        history.see(number, &live);
    })?;
    if !history.has_blocks() {
        return Err(without_blocks(id.0));
    }
    let region = at.as_ref().map(|at| region(&opened, at, args.address)).transpose()?.flatten();
    let blocks = history.blocks(at.as_ref());
    let time_zone = zone::local();
    let head = HistoryHead {
        recording: id,
        process: &opened.recording.process,
        at: at.as_ref(),
        region: region.as_deref(),
        clock: end.taken,
        time_zone: &time_zone,
    };
    if args.json {
        output::print_json(&HistoryDocument::new(&history, &head, &blocks))?;
    } else {
        let max = if args.all { usize::MAX } else { ROWS };
        output::print(&history.page(&head, &blocks, max))?;
    }
    Ok(if blocks.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Returns the region of a sample that holds an address, in words.
fn region(opened: &Opened, at: &Resolved, address: u64) -> Result<Option<String>, Failure> {
    let naming = Naming::of(&opened.recording.host);
    let regions = opened.snapshot(at)?.regions;
    let held = regions.iter().map(|region| &region.identity).find(|it| it.range.holds(address));
    Ok(held.map(|it| {
        let label = it.label.region_type.label(naming);
        format!("{label} {:#x}-{:#x}", it.range.start, it.range.end)
    }))
}

/// States that a recording has no blocks.
fn without_blocks(recording: i64) -> Failure {
    let why = format!("recording {recording} has no sampled blocks");
    Failure::new(Status::Recording, anyhow::anyhow!(why)).hint(
        "record them: vmrec record --allocs -- COMMAND; of page faults sums are kept, not addresses",
    )
}

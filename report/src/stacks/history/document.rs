//! The history of an address as JSON.

use serde::Serialize;

use crate::export::json::Moment;
use crate::stacks::document::Frame;
use crate::stacks::history::page::HistoryHead;
use crate::stacks::history::{BlockHistory, HeldBlock};

/// `history --json`.
#[derive(Serialize)]
pub struct HistoryDocument<'a> {
    recording: i64,
    address: String,
    sample: Option<u64>,
    region: Option<&'a str>,
    mean_bytes: Option<u64>,
    left_out_blocks: u64,
    blocks: Vec<Block<'a>>,
}

#[derive(Serialize)]
struct Block<'a> {
    address: String,
    bytes: u64,
    allocated: Change<'a>,
    freed: Option<Change<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    at: Option<Moment>,
    /// The sample that it was found with, if its time was lost.
    by_sample: Option<u64>,
    /// Innermost first.
    frames: Vec<Frame<'a>>,
}

impl<'a> HistoryDocument<'a> {
    /// Creates the document of blocks.
    pub fn new(history: &'a BlockHistory, head: &HistoryHead<'a>, blocks: &[HeldBlock]) -> Self {
        let frames = |stack: u32| -> Vec<Frame<'a>> {
            history.stack(stack).into_iter().map(Frame::new).collect()
        };
        let moment = |time_ns: u64| Moment::of(head.utc_ns(time_ns));
        let block = |block: &HeldBlock| Block {
            address: format!("{:#x}", block.begin.address),
            bytes: block.begin.bytes,
            allocated: Change {
                at: Some(moment(block.begin.time_ns)),
                by_sample: None,
                frames: frames(block.begin.stack),
            },
            freed: block.end.map(|held| Change {
                at: held.end.time_ns.map(moment),
                by_sample: held.end.time_ns.is_none().then_some(held.number),
                frames: frames(held.end.stack),
            }),
        };
        Self {
            recording: head.recording.0,
            address: format!("{:#x}", history.address),
            sample: head.at.map(|at| at.number),
            region: head.region,
            mean_bytes: history.counts.map(|counts| counts.mean_bytes),
            left_out_blocks: history.left_out,
            blocks: blocks.iter().map(block).collect(),
        }
    }
}

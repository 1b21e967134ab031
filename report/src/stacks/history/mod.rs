//! `vmrec history`: the sampled blocks that held an address, who allocated and who freed them.

pub(crate) mod document;
pub(crate) mod page;

use std::collections::BTreeMap;

use vmrec_sampler::{AllocCounts, BlockBegin, BlockEnd, StackFrame, StackNode};
use vmrec_store::LiveStacks;

use crate::stacks::Frames;
use crate::time::spec::Resolved;

/// A sampled block that held the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldBlock {
    /// Its begin.
    pub begin: BlockBegin,
    /// Its end, if it was freed.
    pub end: Option<HeldEnd>,
}

/// The end of such a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldEnd {
    /// The end.
    pub end: BlockEnd,
    /// The sample that it was reported with.
    pub number: u64,
}

/// All such blocks of a recording.
#[derive(Clone, Debug)]
pub struct BlockHistory {
    address: u64,
    frames: Frames,
    by_id: BTreeMap<u64, HeldBlock>,
    counts: Option<AllocCounts>,
    left_out: u64,
}

impl BlockHistory {
    /// Begins with no blocks; `nodes` are the stacks of the recording.
    pub fn new(address: u64, nodes: Vec<StackNode>) -> Self {
        let frames = Frames::new(nodes);
        Self { address, frames, by_id: BTreeMap::new(), counts: None, left_out: 0 }
    }

    /// Adds the blocks that came and went until a sample.
    pub fn see(&mut self, number: u64, live: &LiveStacks) {
        self.counts = live.counts.allocs.or(self.counts);
        self.left_out = self.left_out.saturating_add(live.blocks.left_out);
        for begin in live.blocks.begun.iter().filter(|begin| holds(begin, self.address)) {
            self.by_id.insert(begin.id, HeldBlock { begin: *begin, end: None });
        }
        for end in &live.blocks.ended {
            if let Some(block) = self.by_id.get_mut(&end.id) {
                block.end = Some(HeldEnd { end: *end, number });
            }
        }
    }

    /// Returns whether blocks were sampled at all.
    pub const fn has_blocks(&self) -> bool {
        self.counts.is_some()
    }

    /// Returns the blocks that held the address at a sample, or at any time; the newest first.
    pub fn blocks(&self, at: Option<&Resolved>) -> Vec<HeldBlock> {
        let held = |block: &&HeldBlock| at.is_none_or(|at| is_there(block, at));
        let mut found: Vec<HeldBlock> = self.by_id.values().filter(held).copied().collect();
        vmrec_sampler::sort_by_key(&mut found, |block| {
            std::cmp::Reverse((block.begin.time_ns, block.begin.id))
        });
        found
    }

    fn stack(&self, stack: u32) -> Vec<&StackFrame> {
        self.frames.of(stack)
    }
}

fn holds(begin: &BlockBegin, address: u64) -> bool {
    let offset = address.checked_sub(begin.address);
    offset.is_some_and(|offset| offset < begin.bytes.max(1))
}

fn is_there(block: &HeldBlock, at: &Resolved) -> bool {
    let has_ended = block.end.is_some_and(|HeldEnd { end, number }| match end.time_ns {
        Some(time_ns) => time_ns <= at.taken.monotonic_ns,
        None => number <= at.number,
    });
    block.begin.time_ns <= at.taken.monotonic_ns && !has_ended
}

#[cfg(test)]
mod tests;

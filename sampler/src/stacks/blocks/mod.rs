//! The sampled blocks of a process: those that are allocated, by stack and type of region, and all that
//! came and went.
//!
//! A block of *s* bytes is sampled with the chance p = 1 - exp(-s / mean), so it stands for s / p bytes,
//! and each that comes or goes adds s² (1 - p) / p² to the variance of a sum.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::region::Region;
use crate::stacks::metric::StackMetric;
use crate::stacks::model::{BlockBegin, BlockChanges, BlockEnd, LiveStack};
use crate::stacks::sums::{Sums, UNIT_BYTES, region_at};
use crate::stacks::types::Types;

/// The maximum number of blocks that a tick reports of those that came and went since the one before.
const MAX_BRIEF: usize = 1024;
/// The maximum number of events that wait for a tick. Only the newest may be later than it.
const MAX_WAITING: usize = 1 << 16;

/// Which blocks are still in the table of the process.
pub(crate) trait Table {
    /// Returns whether a block is in its slot.
    fn has(&self, slot: usize, address: u64, id: u64) -> bool;
}

/// A block of a known stack that was allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) begin: BlockBegin,
    pub(crate) slot: usize,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    begun: Begun,
    /// Its type, once a tick saw it.
    kind: Option<u16>,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Begin(Begun),
    End(BlockEnd),
}

impl Event {
    const fn time_ns(&self) -> u64 {
        match self {
            Self::Begin(begun) => begun.begin.time_ns,
            Self::End(end) => match end.time_ns {
                Some(time_ns) => time_ns,
                None => 0,
            },
        }
    }
}

/// What a tick adds.
#[derive(Debug)]
pub(crate) struct BlocksTick {
    /// The blocks that are allocated, by stack and type.
    pub(crate) live: Vec<LiveStack>,
    /// All that were allocated so far, by stack.
    pub(crate) allocated: Vec<LiveStack>,
    /// The blocks that came and went.
    pub(crate) changes: BlockChanges,
}

/// The sampled blocks of a process.
#[derive(Debug)]
pub(crate) struct Blocks {
    mean: u64,
    blocks: BTreeMap<u64, Block>,
    waiting: Vec<Event>,
    /// Those that came and went since the last tick, in the order of their ends.
    brief: Vec<(BlockBegin, BlockEnd)>,
    left_out: u64,
    /// The ends since then of blocks that a tick reported.
    ended: Vec<BlockEnd>,
    types: Types,
    sums: Sums,
    /// By stack; they have no type.
    allocated: Sums,
}

impl Blocks {
    /// Begins with no blocks, of which one in `mean` bytes is sampled.
    pub(crate) fn new(mean: u64) -> Self {
        let mut types = Types::default();
        // Of a block in no region that the tick knows.
        types.number("");
        Self {
            mean,
            blocks: BTreeMap::new(),
            waiting: Vec::new(),
            brief: Vec::new(),
            left_out: 0,
            ended: Vec::new(),
            types,
            sums: Sums::new(),
            allocated: Sums::new(),
        }
    }

    /// Adds a block.
    pub(crate) fn begin(&mut self, begun: Begun) {
        self.wait(Event::Begin(begun));
    }

    /// Adds the end of a block.
    pub(crate) fn end(&mut self, end: BlockEnd) {
        self.wait(Event::End(end));
    }

    fn wait(&mut self, event: Event) {
        self.waiting.push(event);
        if self.waiting.len() > MAX_WAITING {
            let later = self.waiting.split_off(MAX_WAITING / 2);
            std::mem::replace(&mut self.waiting, later).into_iter().for_each(|it| self.apply(it));
        }
    }

    /// Ends all blocks: the process has another address space.
    pub(crate) fn clear(&mut self) {
        std::mem::take(&mut self.waiting).into_iter().for_each(|event| self.apply(event));
        for (id, block) in std::mem::take(&mut self.blocks) {
            self.change(&block, false);
            self.ended(&block, BlockEnd { id, time_ns: None, stack: 0 });
        }
    }

    /// Returns the state at `time_ns`; `regions` are in the order of their addresses.
    pub(crate) fn tick(
        &mut self,
        time_ns: u64,
        regions: &[Region],
        table: Option<&impl Table>,
    ) -> BlocksTick {
        let (now, later): (Vec<_>, _) =
            std::mem::take(&mut self.waiting).into_iter().partition(|it| it.time_ns() <= time_ns);
        self.waiting = later;
        now.into_iter().for_each(|event| self.apply(event));
        if let Some(table) = table {
            self.end_unreported(table);
        }
        self.leave_out();
        let mut changes = BlockChanges {
            ended: std::mem::take(&mut self.ended),
            left_out: std::mem::take(&mut self.left_out),
            begun: Vec::new(),
        };
        for (begin, end) in std::mem::take(&mut self.brief) {
            changes.begun.push(begin);
            changes.ended.push(end);
        }
        changes.begun.append(&mut self.look(regions));
        let live = self.sums.iter().map(|((stack, kind), sum)| {
            sum.part(StackMetric::Live, *stack, self.types.name(*kind))
        });
        let allocated = self
            .allocated
            .iter()
            .map(|((stack, _), sum)| sum.part(StackMetric::Allocated, *stack, String::new()));
        BlocksTick { live: live.collect(), allocated: allocated.collect(), changes }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Begin(begun) => {
                let (bytes, variance) = self.estimate(begun.begin.bytes);
                let sum = self.allocated.entry((begun.begin.stack, 0)).or_default();
                sum.change(true, bytes, variance);
                // A number that comes twice is not the library's.
                if let Some(before) =
                    self.blocks.insert(begun.begin.id, Block { begun, kind: None })
                {
                    self.change(&before, false);
                }
            }
            Event::End(end) => {
                if let Some(block) = self.blocks.remove(&end.id) {
                    self.change(&block, false);
                    self.ended(&block, end);
                }
            }
        }
    }

    fn ended(&mut self, block: &Block, end: BlockEnd) {
        if block.kind.is_some() {
            return self.ended.push(end);
        }
        self.brief.push((block.begun.begin, end));
        if self.brief.len() >= MAX_BRIEF * 2 {
            self.leave_out();
        }
    }

    /// Keeps the newest of those that came and went.
    fn leave_out(&mut self) {
        let left_out = self.brief.len().saturating_sub(MAX_BRIEF);
        self.brief.drain(..left_out);
        self.left_out += left_out as u64;
    }

    /// Ends the blocks that are not in the table any more, though nothing said so: that was lost.
    fn end_unreported(&mut self, table: &impl Table) {
        let ends = self.waiting.iter().filter_map(|event| match event {
            Event::Begin(_) => None,
            Event::End(end) => Some(end.id),
        });
        let reported: HashSet<u64> = ends.collect();
        let is_gone = |(id, block): &(&u64, &Block)| {
            let Begun { begin, slot } = block.begun;
            !table.has(slot, begin.address, **id) && !reported.contains(id)
        };
        let gone: Vec<u64> = self.blocks.iter().filter(is_gone).map(|(id, _)| *id).collect();
        for id in gone {
            self.apply(Event::End(BlockEnd { id, time_ns: None, stack: 0 }));
        }
    }

    /// Finds the types of the regions of all blocks; returns those that are new.
    fn look(&mut self, regions: &[Region]) -> Vec<BlockBegin> {
        let mut blocks = std::mem::take(&mut self.blocks);
        let mut kinds: HashMap<usize, u16> = HashMap::new();
        let mut new = Vec::new();
        for block in blocks.values_mut() {
            if block.kind.is_none() {
                new.push(block.begun.begin);
            }
            let kind = region_at(regions, block.begun.begin.address).map_or(0, |index| {
                *kinds.entry(index).or_insert_with(|| {
                    let name = regions[index].identity.label.region_type.name();
                    self.types.number(name)
                })
            });
            if block.kind != Some(kind) {
                self.change(block, false);
                block.kind = Some(kind);
                self.change(block, true);
            }
        }
        self.blocks = blocks;
        new
    }

    /// Counts a block that a tick saw, as it comes or as it goes.
    fn change(&mut self, block: &Block, came: bool) {
        let Some(kind) = block.kind else { return };
        let BlockBegin { bytes, stack, .. } = block.begun.begin;
        let (bytes, variance) = self.estimate(bytes);
        self.sums.entry((stack, kind)).or_default().change(came, bytes, variance);
    }

    /// Returns the bytes that a sampled block of a size stands for, and their variance.
    fn estimate(&self, bytes: u64) -> (u64, f64) {
        let (size, mean) = (bytes as f64, self.mean as f64);
        let chance = -(-size / mean).exp_m1();
        if chance <= 0.0 {
            return (self.mean, 0.0);
        }
        let variance = (1.0 - chance) * (size / chance / UNIT_BYTES).powi(2);
        ((size / chance).round() as u64, variance)
    }
}

#[cfg(test)]
mod tests;

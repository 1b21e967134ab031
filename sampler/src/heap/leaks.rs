//! Blocks that nothing reaches any more.
//!
//! A word anywhere in the process's own memory that points anywhere into a block keeps it, and so
//! does a word in a block that is kept. The other blocks in use are leaked: `direct` are those that
//! not even another leaked block points to, and one of each circle; the others are held by them.

use crate::heap::block::{Block, Tally};
use crate::heap::block_set::BlockSet;
use crate::heap::edges::Edges;
use crate::heap::space::BlockIndex;
use crate::order::sort_by_key;

/// A leaked block that no other leaked block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The block.
    pub block: Block,
    /// The leaked blocks that only it leads to, or it first.
    pub held: Tally,
}

/// Which blocks are reached.
#[derive(Debug)]
pub(crate) struct Reach {
    index: BlockIndex,
    reached: BlockSet,
    /// Reached blocks whose own pointers are still to be followed.
    open: Vec<u32>,
    /// Chunks that are free though marked as in use: they neither hold nor leak.
    free: BlockSet,
}

impl Reach {
    pub(crate) fn new(index: BlockIndex, blocks: usize, free: BlockSet) -> Self {
        Self { index, reached: BlockSet::new(blocks), open: Vec::new(), free }
    }

    /// Takes the number of an address that the process itself holds.
    pub(crate) fn root(&mut self, number: u32) {
        if let Some(block) = self.index.block(number)
            && self.reached.insert(block)
        {
            self.open.push(block);
        }
    }

    /// Follows all pointers and returns the leaks among `blocks`, by ascending address.
    pub(crate) fn leaks(mut self, blocks: &[Block], edges: &Edges) -> Vec<Leak> {
        while let Some(block) = self.open.pop() {
            if self.free.contains(block) {
                continue;
            }
            for number in edges.of(block) {
                self.root(*number);
            }
        }
        let leaked: Vec<u32> = (0..blocks.len() as u32)
            .filter(|block| !self.reached.contains(*block) && !self.free.contains(*block))
            .collect();
        // Blocks that other leaked ones point to come after those: then one of each circle.
        let mut pointed_to = BlockSet::new(blocks.len());
        for block in &leaked {
            for other in edges.of(*block).iter().filter_map(|number| self.index.block(*number)) {
                if other != *block {
                    pointed_to.insert(other);
                }
            }
        }
        let (held, first): (Vec<u32>, Vec<u32>) =
            leaked.into_iter().partition(|block| pointed_to.contains(*block));
        let mut leaks: Vec<Leak> = Vec::new();
        for block in first.into_iter().chain(held) {
            if self.reached.insert(block) {
                let held = self.held_by(block, blocks, edges);
                leaks.extend(blocks.get(block as usize).map(|block| Leak { block: *block, held }));
            }
        }
        sort_by_key(&mut leaks, |leak| leak.block.address());
        leaks
    }

    /// Follows the pointers of a leaked block to those not yet reached, and sums them up.
    fn held_by(&mut self, block: u32, blocks: &[Block], edges: &Edges) -> Tally {
        let mut held = Tally::default();
        let mut open = vec![block];
        while let Some(block) = open.pop() {
            for number in edges.of(block) {
                let Some(other) = self.index.block(*number) else { continue };
                if !self.free.contains(other) && self.reached.insert(other) {
                    held.add(blocks.get(other as usize).map_or(0, |block| block.bytes()));
                    open.push(other);
                }
            }
        }
        held
    }
}

//! A set of blocks, one bit each.

/// A set of blocks.
#[derive(Clone, Debug)]
pub(crate) struct BlockSet {
    bits: Vec<u64>,
}

impl BlockSet {
    pub(crate) fn new(blocks: usize) -> Self {
        Self { bits: vec![0; blocks.div_ceil(64)] }
    }

    /// Adds a block; returns whether it was not in the set.
    pub(crate) fn insert(&mut self, block: u32) -> bool {
        let word = &mut self.bits[block as usize / 64];
        let bit = 1 << (block % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    pub(crate) fn contains(&self, block: u32) -> bool {
        self.bits[block as usize / 64] >> (block % 64) & 1 == 1
    }
}

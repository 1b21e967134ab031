//! The pointers that each block holds, 4 bytes each.

use std::sync::Arc;

use crate::heap::space::Space;

/// The maximum number of pointers to keep: they take a gigabyte.
const MAX_POINTERS: usize = 1 << 28;

/// For each block, the numbers of the addresses in malloc's memory that it holds.
#[derive(Debug)]
pub(crate) struct Edges {
    space: Arc<Space>,
    targets: Vec<u32>,
    /// By block: the index after its last target.
    ends: Vec<u32>,
    /// Whether there were more than the maximum.
    pub(crate) overflowed: bool,
}

impl Edges {
    pub(crate) fn new(space: Arc<Space>) -> Self {
        Self { space, targets: Vec::new(), ends: Vec::new(), overflowed: false }
    }

    /// Takes words of the current block.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        for word in bytes.as_chunks().0 {
            let Some(number) = self.space.number(u64::from_ne_bytes(*word)) else { continue };
            if self.targets.len() >= MAX_POINTERS {
                self.overflowed = true;
                return;
            }
            self.targets.push(number);
        }
    }

    /// Ends the current block.
    pub(crate) fn close(&mut self) {
        self.ends.push(self.targets.len() as u32);
    }

    /// Drops the current block's pointers.
    pub(crate) fn discard(&mut self) {
        self.targets.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    /// Returns the targets of a block.
    pub(crate) fn of(&self, block: u32) -> &[u32] {
        let block = block as usize;
        let start = block.checked_sub(1).and_then(|before| self.ends.get(before));
        let start = start.map_or(0, |end| *end as usize);
        let end = self.ends.get(block).map_or(start, |end| *end as usize);
        self.targets.get(start..end).unwrap_or(&[])
    }
}

//! A test kernel whose memory map is a list of entries: each submap before its
//! content.

use crate::darwin::entry::{Entry, Leaf};
use crate::darwin::tests;
use crate::darwin::walk::Lookup;

pub(crate) struct Kernel {
    pub(crate) entries: Vec<Entry>,
    /// A lookup that reaches this address fails with this code.
    pub(crate) fails: Option<(u64, i32)>,
    pub(crate) lookups: usize,
}

impl Kernel {
    pub(crate) fn new(entries: Vec<Entry>) -> Self {
        Self { entries, fails: None, lookups: 0 }
    }

    /// Returns the index of the first entry from `from` on at `level`, up to `end`.
    fn next(&self, address: u64, level: u32, from: usize, end: u64) -> Option<usize> {
        (from..self.entries.len())
            .take_while(|at| self.entries[*at].depth >= level && self.entries[*at].start < end)
            .find(|at| self.entries[*at].depth == level && self.entries[*at].range().end > address)
    }
}

impl Lookup for Kernel {
    fn lookup(&mut self, address: u64, depth: u32) -> Result<Entry, i32> {
        self.lookups += 1;
        let (mut level, mut from, mut end) = (0, 0, u64::MAX);
        let mut above = None;
        let mut address = address;
        loop {
            match self.next(address, level, from, end) {
                Some(at) => {
                    let found = self.entries[at];
                    if found.is_submap && level < depth {
                        (above, level, from) = (Some(found), level + 1, at + 1);
                        end = found.range().end;
                        continue;
                    }
                    return match self.fails {
                        Some((address, code)) if found.range().end > address => Err(code),
                        _ => Ok(found),
                    };
                }
                // Nothing more in the submap: continue behind it.
                None => match above.take() {
                    Some(submap) => {
                        address = submap.range().end.max(address);
                        (level, from, end) = (0, 0, u64::MAX);
                    }
                    None => return Err(1),
                },
            }
        }
    }

    fn leaf(&mut self, entry: Entry) -> Leaf {
        tests::leaf(entry)
    }
}

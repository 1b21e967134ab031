//! Walks a memory map: one lookup after the other, into submaps, until the
//! kernel reports that nothing follows.

use crate::darwin::entry::{Entry, Leaf};

/// `KERN_INVALID_ADDRESS`: there is no region at or after an address.
pub(crate) const NOTHING_FOLLOWS: i32 = 1;

/// A source of lookups.
pub(crate) trait Lookup {
    /// Returns the region at or after `address`, looking into submaps down to `depth`;
    /// the kernel's code (`kern_return_t`) if it fails.
    fn lookup(&mut self, address: u64, depth: u32) -> Result<Entry, i32>;

    /// Reads the facts that a lookup does not return: at once, so that they are of the same moment.
    /// The walk adds the submap around it.
    fn leaf(&mut self, entry: Entry) -> Leaf;
}

/// Why a walk stopped before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A lookup failed.
    Failed {
        /// The requested address.
        address: u64,
        /// The kernel's code.
        code: i32,
    },
    /// An answer did not advance: it is empty, below or deeper than requested, or nesting never
    /// ends.
    Stuck {
        /// The requested address.
        address: u64,
    },
}

/// The result of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The memory: no submaps, in ascending order.
    pub leaves: Vec<Leaf>,
    /// Bytes of address space at the top level, submaps included, as in the process's virtual size.
    pub top_bytes: u64,
    /// Why it is incomplete; `None` if it is complete.
    pub stop: Option<Stop>,
}

/// The deepest nesting followed; kernels have 2 or 3.
const DEEPEST: u32 = 64;

/// Walks a whole memory map.
pub(crate) fn walk(kernel: &mut impl Lookup) -> Walk {
    let mut walk = Walk::default();
    let (mut address, mut depth) = (0_u64, 0);
    // The end of the top level seen so far: the kernel returns a submap again whenever it is
    // entered.
    let mut top_end = 0;
    // The tags of the submaps entered, the outermost first: their content does not have them.
    let mut containers: Vec<u32> = Vec::new();
    loop {
        let answer = kernel.lookup(address, depth);
        let left = match answer {
            Ok(entry) => entry.start >= top_end,
            Err(code) => code == NOTHING_FOLLOWS,
        };
        if depth > 0 && left {
            // At that depth the kernel enters or skips the entry after a submap without returning
            // it.
            (address, depth) = (top_end, 0);
            continue;
        }
        let entry = match answer {
            Ok(entry) => entry,
            Err(NOTHING_FOLLOWS) => return walk,
            Err(code) => {
                walk.stop = Some(Stop::Failed { address, code });
                return walk;
            }
        };
        let range = entry.range();
        // For a deeper level the kernel never returns a submap above it.
        let not_entered = entry.is_submap && entry.depth < depth;
        let too_deep = entry.depth > depth || depth > DEEPEST;
        if range.end <= address || entry.size == 0 || not_entered || too_deep {
            walk.stop = Some(Stop::Stuck { address });
            return walk;
        }
        if entry.is_owned_unmapped() {
            // No part of the address space, and the last entry wherever it is.
            walk.leaves.push(kernel.leaf(entry));
            return walk;
        }
        if entry.depth == 0 && range.end > top_end {
            walk.top_bytes = walk.top_bytes.saturating_add(range.end - range.start.max(top_end));
            top_end = range.end;
        }
        containers.truncate(entry.depth as usize);
        if entry.is_submap {
            containers.push(entry.user_tag);
            // The same address again, one level deeper.
            (address, depth) = (address.max(range.start), entry.depth + 1);
        } else {
            let container_tag = containers.last().copied();
            walk.leaves.push(Leaf { container_tag, ..kernel.leaf(entry) });
            (address, depth) = (range.end, entry.depth);
        }
        if address == u64::MAX {
            return walk;
        }
    }
}

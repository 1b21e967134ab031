//! The walk over a memory map: one lookup after the other, into submaps, until
//! the kernel says that nothing follows.

use crate::darwin::entry::{Entry, Leaf};

/// `KERN_INVALID_ADDRESS`: there is no region at or after an address.
pub(crate) const NOTHING_FOLLOWS: i32 = 1;

/// Answers lookups.
pub(crate) trait Lookup {
    /// Returns the region at or after `address`, looking into submaps down to `depth`;
    /// the kernel's code (`kern_return_t`) if it fails.
    fn lookup(&mut self, address: u64, depth: u32) -> Result<Entry, i32>;

    /// Asks for what a lookup does not tell of an entry: at once, so that it is of the same moment.
    fn leaf(&mut self, entry: Entry) -> Leaf;
}

/// Why a walk stopped before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A lookup failed.
    Failed {
        /// Where it looked.
        address: u64,
        /// The kernel's code.
        code: i32,
    },
    /// An answer did not lead on: it is empty, lies below what was asked for or deeper, or nesting never ends.
    Stuck {
        /// Where it looked.
        address: u64,
    },
}

/// What a walk saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    /// The memory: no submaps, in ascending order.
    pub leaves: Vec<Leaf>,
    /// Bytes of address space at the top level, submaps included: what the process's virtual size counts.
    pub top_bytes: u64,
    /// Why it is not whole; `None` if it is.
    pub stop: Option<Stop>,
}

/// The deepest nesting followed; kernels have 2 or 3.
const DEEPEST: u32 = 64;

/// Walks over all of a memory map.
pub(crate) fn walk(kernel: &mut impl Lookup) -> Walk {
    let mut walk = Walk::default();
    let (mut address, mut depth) = (0_u64, 0);
    // The end of what was seen of the top level: a submap is answered again whenever it is entered.
    let mut top_end = 0;
    loop {
        let answer = kernel.lookup(address, depth);
        let left = match answer {
            Ok(entry) => entry.start >= top_end,
            Err(code) => code == NOTHING_FOLLOWS,
        };
        if depth > 0 && left {
            // Asked so deep, the kernel enters what follows a submap, or passes it by, without showing it.
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
        // Asked for what is deeper, the kernel never answers with a submap above it.
        let not_entered = entry.is_submap && entry.depth < depth;
        let too_deep = entry.depth > depth || depth > DEEPEST;
        if range.end <= address || entry.size == 0 || not_entered || too_deep {
            walk.stop = Some(Stop::Stuck { address });
            return walk;
        }
        if entry.depth == 0 && range.end > top_end {
            walk.top_bytes = walk.top_bytes.saturating_add(range.end - range.start.max(top_end));
            top_end = range.end;
        }
        if entry.is_submap {
            // The same address again, one level deeper.
            (address, depth) = (address.max(range.start), entry.depth + 1);
        } else {
            walk.leaves.push(kernel.leaf(entry));
            (address, depth) = (range.end, entry.depth);
        }
        if address == u64::MAX {
            return walk;
        }
    }
}

//! The edits from the regions of one snapshot to those of the next.

use std::sync::Arc;

use vmrec_sampler::{AddressRange, Region};

/// The regions of a sample, each with the number of its kind.
#[derive(Debug, Default)]
pub(crate) struct RegionTable {
    /// Numbers in the `region_kind` table, one for each of `regions`.
    pub(crate) kinds: Vec<i64>,
    /// The regions, in the sample's order.
    pub(crate) regions: Vec<Region>,
}

/// One step from a table to the next: some regions stay as they are, then one operation follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// How many regions stay as they are.
    pub(crate) kept: u32,
    /// The operation after them.
    pub(crate) operation: Operation,
}

/// The operation at one index of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The region changes.
    Change,
    /// The region is removed.
    Remove,
    /// A region is inserted.
    Insert,
}

impl Operation {
    /// Bits that an operation takes.
    pub(crate) const BITS: u32 = 2;

    /// Returns the operation of these bits.
    pub(crate) const fn of_bits(bits: u64) -> Option<Self> {
        match bits & 3 {
            0 => Some(Self::Change),
            1 => Some(Self::Remove),
            2 => Some(Self::Insert),
            _ => None,
        }
    }
}

/// Walks both tables side by side. The order of addresses only guides which regions are paired: the
/// edits are correct for any order, so torn tables need no special care.
///
/// Regions after the last edit stay as they are.
pub(crate) fn edits(before: &RegionTable, after: &RegionTable) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut kept = 0;
    let (mut old, mut new) = (0, 0);
    loop {
        let operation = match (before.regions.get(old), after.regions.get(new)) {
            (Some(was), Some(is)) if continues((before, old), (after, new)) => {
                let stays = before.kinds[old] == after.kinds[new] && same(was, is);
                (old, new) = (old + 1, new + 1);
                if stays {
                    kept += 1;
                    continue;
                }
                Operation::Change
            }
            (Some(was), is) if is.is_none_or(|is| goes_before(range(was), range(is))) => {
                old += 1;
                Operation::Remove
            }
            (_, Some(_)) => {
                new += 1;
                Operation::Insert
            }
            // The guards above take every region left over in `before`.
            (_, None) => return edits,
        };
        edits.push(Edit { kept: std::mem::take(&mut kept), operation });
    }
}

/// Returns whether a region continues as another: one at the same range, or one of the same kind
/// that grew, shrank or moved at one end.
fn continues((before, old): (&RegionTable, usize), (after, new): (&RegionTable, usize)) -> bool {
    let (was, is) = (&before.regions[old], &after.regions[new]);
    if Arc::ptr_eq(&was.identity, &is.identity) {
        return true;
    }
    let (was, is) = (range(was), range(is));
    was == is
        || before.kinds[old] == after.kinds[new]
            && (was.start == is.start || was.end == is.end || was.overlaps(is))
}

/// Returns whether a region that does not continue begins and ends before a new one does.
const fn goes_before(was: AddressRange, is: AddressRange) -> bool {
    was.end <= is.start || was.end <= is.end && was.start < is.end
}

fn same(was: &Region, is: &Region) -> bool {
    was.quantities == is.quantities
        && was.share_mode == is.share_mode
        && was.provenance == is.provenance
        && (Arc::ptr_eq(&was.identity, &is.identity)
            || range(was) == range(is) && was.identity.offset == is.identity.offset)
}

fn range(region: &Region) -> AddressRange {
    region.identity.range
}

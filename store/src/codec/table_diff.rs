//! What leads from the regions of one snapshot to those of the next.

use vmrec_sampler::Region;

/// The regions of a sample, each with its identity's number.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Numbers in the `region` table, one for each of `regions`.
    pub(crate) identities: Vec<i64>,
    /// The regions, in the sample's order.
    pub(crate) regions: Vec<Region>,
}

/// One step from a table to the next: some regions stay as they are, then something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// How many regions stay as they are.
    pub(crate) kept: u32,
    /// What is done after them.
    pub(crate) operation: Operation,
}

/// What turns the region at one place of the table before into that of the table after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// The region stays, its reading does not.
    Change,
    /// Another region takes its place.
    Replace,
    /// The region goes.
    Remove,
    /// A region comes.
    Insert,
}

impl Operation {
    /// Bits that an operation takes.
    pub(crate) const BITS: u32 = 2;

    /// Returns the operation of these bits.
    pub(crate) const fn of_bits(bits: u64) -> Self {
        match bits & 3 {
            0 => Self::Change,
            1 => Self::Replace,
            2 => Self::Remove,
            _ => Self::Insert,
        }
    }
}

/// Walks both tables side by side. Their order by start address only guides which regions are
/// paired: any walk leads from one to the other, whatever the order, so torn tables need no care.
///
/// Regions after the last edit stay as they are.
pub(crate) fn edits(before: &Table, after: &Table) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut kept = 0;
    let (mut old, mut new) = (0, 0);
    loop {
        let operation = match (before.regions.get(old), after.regions.get(new)) {
            (Some(was), Some(is)) if before.identities[old] == after.identities[new] => {
                (old, new) = (old + 1, new + 1);
                if same(was, is) {
                    kept += 1;
                    continue;
                }
                Operation::Change
            }
            (Some(was), Some(is)) if start(was) == start(is) => {
                (old, new) = (old + 1, new + 1);
                Operation::Replace
            }
            (Some(was), is) if is.is_none_or(|is| start(was) < start(is)) => {
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

fn same(was: &Region, is: &Region) -> bool {
    was.quantities == is.quantities
        && was.share_mode == is.share_mode
        && was.provenance == is.provenance
}

fn start(region: &Region) -> u64 {
    region.identity.range.start
}

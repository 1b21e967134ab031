//! Computes the sizes of regions that are more or less than one mapping.

use std::iter::Peekable;
use std::slice::Iter;

use crate::quantity::{Quantities, Quantity};
use crate::region::{AddressRange, Provenance, ShareMode};
use crate::tracker::apportion::{Shares, apportion, needs_presence};
use crate::tracker::mappings::Measured;
use crate::tracker::source::Source;

/// A mapping split among several regions.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    index: usize,
    ranges: Vec<AddressRange>,
    /// Bytes of pages present in each range.
    present: Option<Vec<u64>>,
    /// The resident bytes when those were counted.
    counted_at: Option<u64>,
    /// The quantities last apportioned, and the result.
    shares: Option<(Quantities, Shares)>,
}

impl Split {
    /// Splits the mapping at `index`; the counts of the same split are carried over from `old`.
    pub(crate) fn new(
        index: usize,
        ranges: Vec<AddressRange>,
        old: &mut Peekable<Iter<'_, Self>>,
    ) -> Self {
        let start = ranges.first().map_or(0, |range| range.start);
        while old.next_if(|split| split.start() < start).is_some() {}
        match old.next_if(|split| split.ranges == ranges) {
            Some(same) => Self { index, ..same.clone() },
            None => Self { index, ranges, present: None, counted_at: None, shares: None },
        }
    }

    /// Returns its start.
    pub(crate) fn start(&self) -> u64 {
        self.ranges.first().map_or(0, |range| range.start)
    }

    /// Updates the shares; pages are counted again only if their number changed.
    pub(crate) fn weigh(&mut self, sizes: &[Measured], source: &mut dyn Source) {
        let Some((_, quantities)) = sizes.get(self.index) else { return };
        let resident = quantities.get(Quantity::Resident);
        if self.counted_at != resident && needs_presence(quantities, &self.ranges) {
            self.present = source.present_bytes(&self.ranges);
            self.counted_at = resident;
            self.shares = None;
        }
        if self.shares.as_ref().is_none_or(|(of, _)| of != quantities) {
            let shares = apportion(quantities, &self.ranges, self.present.as_deref());
            self.shares = Some((*quantities, shares));
        }
    }

    fn part(&self, part: usize) -> Option<(Quantities, Provenance)> {
        let (_, shares) = self.shares.as_ref()?;
        Some((*shares.parts.get(part)?, shares.provenance))
    }
}

/// Adds up the parts of one region.
///
/// A quantity that is unknown for one part is unknown for the sum, and so is the share mode; of
/// different modes the most shared one counts.
pub(crate) fn sum(
    parts: &[MappingPart],
    splits: &[Split],
    sizes: &[Measured],
) -> Option<(Option<ShareMode>, Quantities, Provenance)> {
    let mut total: Option<(Option<ShareMode>, Quantities, Provenance)> = None;
    for part in parts {
        let (mode, quantities, provenance) = match *part {
            MappingPart::Mapping(index) => {
                let (mode, quantities) = *sizes.get(index)?;
                (mode, quantities, Provenance::Measured)
            }
            MappingPart::OfSplit { split, part } => {
                let split = splits.get(split)?;
                let (quantities, provenance) = split.part(part)?;
                let (mode, _) = *sizes.get(split.index)?;
                (of_part(mode, &quantities, provenance), quantities, provenance)
            }
        };
        total = Some(match total {
            None => (mode, quantities, provenance),
            Some((modes, sum, worst)) => (
                modes.zip(mode).map(|(a, b)| most_shared(a, b)),
                add(&sum, &quantities),
                worst.max(provenance),
            ),
        });
    }
    total
}

/// Returns the share mode of a part: private memory without a page has none, as in a whole mapping.
fn of_part(
    mode: Option<ShareMode>,
    quantities: &Quantities,
    provenance: Provenance,
) -> Option<ShareMode> {
    let private = matches!(mode, Some(ShareMode::Private | ShareMode::CopyOnWrite));
    let none = |quantity| quantities.get(quantity).is_none_or(|bytes| bytes == 0);
    if private
        && provenance == Provenance::Apportioned
        && none(Quantity::Resident)
        && none(Quantity::Swapped)
    {
        return Some(ShareMode::Empty);
    }
    mode
}

fn most_shared(a: ShareMode, b: ShareMode) -> ShareMode {
    let rank = |mode| match mode {
        ShareMode::Empty => 0,
        ShareMode::Private => 1,
        ShareMode::LargePage => 2,
        ShareMode::PrivateAliased => 3,
        ShareMode::CopyOnWrite => 4,
        ShareMode::Shared => 5,
        ShareMode::SharedAliased => 6,
        ShareMode::Aliased => 7,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn add(a: &Quantities, b: &Quantities) -> Quantities {
    let mut sum = Quantities::UNKNOWN;
    for quantity in Quantity::ALL {
        if let (Some(a), Some(b)) = (a.get(quantity), b.get(quantity)) {
            sum.set(quantity, a.saturating_add(b));
        }
    }
    sum
}

/// A region's part of one mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MappingPart {
    /// All of the mapping at this index.
    Mapping(usize),
    /// A part of a split mapping.
    OfSplit { split: usize, part: usize },
}

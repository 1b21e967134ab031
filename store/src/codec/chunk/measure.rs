//! The measures that regions are summed by.

use vmrec_sampler::{Quantity, Region};

use crate::codec::region_state::RegionState;

/// How many measures there are.
pub(crate) const MEASURES: usize = Quantity::COUNT + 2;

/// A measure that regions are summed by. The order is that of the bits of table `quantity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// A measured size.
    Quantity(Quantity),
    /// The size of their address ranges, in bytes.
    Virtual,
    /// How many there are.
    Regions,
}

impl Measure {
    /// All measures, in the order of their numbers.
    pub const ALL: [Self; MEASURES] = {
        let mut all = [Self::Virtual; MEASURES];
        let mut index = 0;
        while index < Quantity::COUNT {
            all[index] = Self::Quantity(Quantity::ALL[index]);
            index += 1;
        }
        all[MEASURES - 1] = Self::Regions;
        all
    };

    /// All measures as sums are stored: first those that most readers want, each after its predictor.
    pub(crate) const STORED: [Self; MEASURES] = {
        let mut stored = Self::ALL;
        [stored[0], stored[1]] = [Self::Regions, Self::Virtual];
        let mut quantity = 0;
        while quantity < Quantity::COUNT {
            stored[quantity + 2] = Self::ALL[quantity];
            quantity += 1;
        }
        stored
    };

    /// How many of [`Self::STORED`] are stored apart, so that they can be read without the others.
    pub(crate) const WANTED_MOST: usize = 4;

    /// Returns what a region adds to the sum; `None` where it is unknown.
    pub fn of(self, region: &Region) -> Option<u64> {
        match self {
            Self::Quantity(quantity) => region.quantities.get(quantity),
            Self::Virtual => region.identity.range.known_bytes(),
            Self::Regions => Some(1),
        }
    }

    /// Returns what a stored region adds to the sum; `None` where it is unknown.
    pub(crate) fn of_state(self, state: &RegionState) -> Option<u64> {
        match self {
            Self::Quantity(quantity) => state.reading.quantities.get(quantity),
            Self::Virtual => state.range.known_bytes(),
            Self::Regions => Some(1),
        }
    }

    /// Returns the measure that usually changes with this one, if any; its index is smaller.
    pub(crate) const fn predictor(self) -> Option<Self> {
        Some(Self::Quantity(match self {
            Self::Quantity(Quantity::Private | Quantity::Referenced) => Quantity::Resident,
            Self::Quantity(Quantity::Dirty | Quantity::Pss) => Quantity::Private,
            Self::Quantity(Quantity::PrivateDirty) => Quantity::Dirty,
            Self::Quantity(Quantity::Anonymous) => Quantity::PrivateDirty,
            _ => return None,
        }))
    }

    /// Returns its index in [`Measure::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Quantity(quantity) => quantity as usize,
            Self::Virtual => Quantity::COUNT,
            Self::Regions => Quantity::COUNT + 1,
        }
    }

    /// Returns the measures needed to decode this one, as bits of their indices: itself and its
    /// predictors.
    pub(crate) const fn needed(self) -> u16 {
        let own = 1 << self.index();
        match self.predictor() {
            Some(predictor) => own | predictor.needed(),
            None => own,
        }
    }
}

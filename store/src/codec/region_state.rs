//! A region of one sample as it is stored: the number of its kind and its
//! values.

use vmrec_sampler::{AddressRange, Provenance, Quantities, Quantity, Region, ShareMode};

/// The values of a region that change while its range stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) share_mode: Option<ShareMode>,
    pub(crate) provenance: Provenance,
    pub(crate) quantities: Quantities,
}

/// One region of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegionState {
    /// Number in the `region_kind` table.
    pub(crate) kind: i64,
    pub(crate) range: AddressRange,
    /// Offset of the range's start in the object, in bytes.
    pub(crate) offset: u64,
    pub(crate) reading: Reading,
}

impl Reading {
    /// Returns the reading of `region`.
    pub(crate) const fn of(region: &Region) -> Self {
        Self {
            share_mode: region.share_mode,
            provenance: region.provenance,
            quantities: region.quantities,
        }
    }

    /// Returns the reading of zero bytes of each quantity in `known`.
    pub(crate) fn nothing(known: u16) -> Self {
        let mut quantities = Quantities::UNKNOWN;
        for quantity in Quantity::ALL {
            if known & (1 << quantity as u16) != 0 {
                quantities.set(quantity, 0);
            }
        }
        Self { share_mode: None, provenance: Provenance::Measured, quantities }
    }
}

impl RegionState {
    /// Returns the state of `region`, which has that kind.
    pub(crate) fn of(kind: i64, region: &Region) -> Self {
        let identity = &region.identity;
        Self { kind, range: identity.range, offset: identity.offset, reading: Reading::of(region) }
    }

    /// Returns the base of a region that follows this one: of the same kind, empty, at the end of
    /// this one, with zero bytes of each quantity in `known`.
    pub(crate) fn next(&self, known: u16) -> Self {
        let end = self.range.end;
        let range = AddressRange { start: end, end };
        Self { kind: self.kind, range, offset: 0, reading: Reading::nothing(known) }
    }

    /// Returns the base of the first region.
    pub(crate) fn first(known: u16) -> Self {
        let range = AddressRange { start: 0, end: 0 };
        Self { kind: 0, range, offset: 0, reading: Reading::nothing(known) }
    }
}

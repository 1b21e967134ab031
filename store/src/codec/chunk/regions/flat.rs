//! A region as the model sees it: plain numbers.

use vmrec_sampler::{AddressRange, Provenance, Quantities, Quantity, Region, ShareMode};

use crate::codec::chunk::measure::Measure;
use crate::codec::region_state::{Reading, RegionState};

/// How many quantities there are.
pub(super) const COUNT: usize = Quantity::COUNT;
/// The number of a share mode that is unknown.
const UNKNOWN_SHARE: u8 = 0;

/// One region of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flat {
    /// The index of its kind among those of the chunk.
    pub(super) kind: u32,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) offset: u64,
    /// 0 if unknown, else one more than the share mode's number.
    pub(super) share: u8,
    pub(super) provenance: u8,
    /// The known quantities as bits.
    pub(super) known: u16,
    /// In the order of `Quantity::ALL`; 0 where unknown.
    pub(super) quantities: [u64; COUNT],
}

impl Flat {
    /// Returns `region` with the index of its kind.
    pub(super) fn of(kind: u32, region: &Region) -> Self {
        let identity = &region.identity;
        Self {
            kind,
            start: identity.range.start,
            end: identity.range.end,
            offset: identity.offset,
            share: region.share_mode.map_or(UNKNOWN_SHARE, |mode| mode as u8 + 1),
            provenance: region.provenance as u8,
            known: region.quantities.known_mask(),
            quantities: Quantity::ALL.map(|quantity| region.quantities.get(quantity).unwrap_or(0)),
        }
    }

    /// Returns the state with the number of its kind.
    pub(super) fn state(&self, kind: i64) -> RegionState {
        let mut quantities = Quantities::UNKNOWN;
        for (quantity, bytes) in Quantity::ALL.into_iter().zip(self.quantities) {
            if self.known & 1 << quantity as u16 != 0 {
                quantities.set(quantity, bytes);
            }
        }
        let share_mode = self.share.checked_sub(1);
        let share_mode = share_mode.and_then(|number| ShareMode::ALL.get(usize::from(number)));
        let provenance = Provenance::ALL.get(usize::from(self.provenance));
        RegionState {
            kind,
            range: AddressRange::new(self.start, self.end),
            offset: self.offset,
            reading: Reading {
                share_mode: share_mode.copied(),
                provenance: provenance.copied().unwrap_or(Provenance::Measured),
                quantities,
            },
        }
    }

    /// Returns its value of a measure, if that is known.
    pub(super) fn measure(&self, measure: Measure) -> Option<u64> {
        match measure {
            Measure::Quantity(quantity) => {
                let is_known = self.known & 1 << quantity as u16 != 0;
                is_known.then(|| self.quantities[quantity as usize])
            }
            Measure::Virtual => AddressRange::new(self.start, self.end).known_bytes(),
            Measure::Regions => Some(1),
        }
    }

    /// Returns its virtual size.
    pub(super) const fn size(&self) -> u64 {
        self.end.wrapping_sub(self.start)
    }
}

//! The change of a region, coded as its difference from a base.
//!
//! Quantities move together: pages an allocator touches are at once resident,
//! private, dirty, anonymous and referenced. So each quantity's change is
//! predicted to be that of another one ([`ORDER`]), and only what differs from
//! the prediction (its residual) is stored. Arithmetic wraps, so every `u64`
//! comes back exactly.
//!
//! ```text
//! change = mask, then the fields of the mask: known quantities, share mode, provenance,
//!          kind, start, size and offset minus those of the base, residuals
//! ```

use vmrec_sampler::{AddressRange, Provenance, Quantities, Quantity, ShareMode};

use crate::codec::region_state::{Reading, RegionState};
use crate::codec::varint::{Cursor, Malformed, put, put_signed};

/// Quantities in the order of their mask bits, each with the one whose change predicts its own.
/// The seven that change most often come first: a mask of those takes one byte.
pub(crate) const ORDER: [(Quantity, Option<Quantity>); Quantity::COUNT] = [
    (Quantity::Resident, None),
    (Quantity::Referenced, Some(Quantity::Resident)),
    (Quantity::Private, Some(Quantity::Resident)),
    (Quantity::PrivateDirty, Some(Quantity::Private)),
    (Quantity::Dirty, Some(Quantity::PrivateDirty)),
    (Quantity::Anonymous, Some(Quantity::PrivateDirty)),
    (Quantity::Pss, Some(Quantity::Private)),
    (Quantity::Swapped, None),
    (Quantity::Huge, None),
    (Quantity::Reclaimable, None),
    (Quantity::Locked, None),
];

/// Residuals are in bytes; without it they are in units of 1024.
const IN_BYTES: u64 = 1 << 11;
const SHARE_MODE: u64 = 1 << 12;
const PROVENANCE: u64 = 1 << 13;
const KNOWN: u64 = 1 << 14;
const KIND: u64 = 1 << 15;
const START: u64 = 1 << 16;
const SIZE: u64 = 1 << 17;
const OFFSET: u64 = 1 << 18;
const ALL_BITS: u64 = (1 << 19) - 1;
const UNIT_BITS: u32 = 10;

/// The difference between two states of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegionChange {
    mask: u64,
    known: u16,
    share_mode: Option<ShareMode>,
    provenance: Provenance,
    kind: i64,
    start: i64,
    size: i64,
    offset: i64,
    /// In the order of [`ORDER`], in bytes.
    residuals: [u64; Quantity::COUNT],
}

impl RegionChange {
    /// Returns the change from `base` to `state`.
    pub(crate) fn between(base: &RegionState, state: &RegionState) -> Self {
        let mut mask = 0;
        let mut residuals = [0_u64; Quantity::COUNT];
        let mut changes = [0_u64; Quantity::COUNT];
        let mut any = 0;
        let (was, is) = (&base.reading, &state.reading);
        for (bit, (quantity, followed)) in ORDER.into_iter().enumerate() {
            let predicted = followed.map_or(0, |followed| changes[followed as usize]);
            changes[quantity as usize] = predicted;
            if let Some(bytes) = is.quantities.get(quantity) {
                let change = bytes.wrapping_sub(was.quantities.get(quantity).unwrap_or(0));
                changes[quantity as usize] = change;
                residuals[bit] = change.wrapping_sub(predicted);
                any |= residuals[bit];
                mask |= u64::from(residuals[bit] != 0) << bit;
            }
        }
        if any.trailing_zeros() < UNIT_BITS {
            mask |= IN_BYTES;
        }
        let size = |of: &RegionState| of.range.end.wrapping_sub(of.range.start);
        let less = |is: u64, was: u64| is.wrapping_sub(was).cast_signed();
        let change = Self {
            mask: 0,
            known: is.quantities.known_mask(),
            share_mode: is.share_mode,
            provenance: is.provenance,
            kind: state.kind.wrapping_sub(base.kind),
            start: less(state.range.start, base.range.start),
            size: less(size(state), size(base)),
            offset: less(state.offset, base.offset),
            residuals,
        };
        let differs = [
            (SHARE_MODE, is.share_mode != was.share_mode),
            (PROVENANCE, is.provenance != was.provenance),
            (KNOWN, change.known != was.quantities.known_mask()),
            (KIND, change.kind != 0),
            (START, change.start != 0),
            (SIZE, change.size != 0),
            (OFFSET, change.offset != 0),
        ];
        let mask =
            differs.iter().fold(mask, |mask, (bit, set)| if *set { mask | bit } else { mask });
        Self { mask, ..change }
    }

    /// Appends this change.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.mask);
        if self.mask & KNOWN != 0 {
            put(out, u64::from(self.known));
        }
        if self.mask & SHARE_MODE != 0 {
            put(out, self.share_mode.map_or(0, |mode| mode as u64 + 1));
        }
        if self.mask & PROVENANCE != 0 {
            put(out, self.provenance as u64);
        }
        let signed =
            [(KIND, self.kind), (START, self.start), (SIZE, self.size), (OFFSET, self.offset)];
        for (bit, value) in signed {
            if self.mask & bit != 0 {
                put_signed(out, value);
            }
        }
        for (bit, residual) in self.residuals.iter().enumerate() {
            if self.mask & 1 << bit != 0 {
                put_signed(out, residual.cast_signed() >> self.unit_bits());
            }
        }
    }

    /// Takes the change that was put.
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mask = cursor.take()?;
        if mask & !ALL_BITS != 0 {
            return Err(Malformed("an unknown bit in a mask of changes"));
        }
        let known = if mask & KNOWN == 0 { 0 } else { take_known(cursor)? };
        let share_mode = match mask & SHARE_MODE {
            0 => None,
            _ => match cursor.take()? {
                0 => None,
                number => Some(nth(&ShareMode::ALL, number - 1)?),
            },
        };
        let provenance = match mask & PROVENANCE {
            0 => Provenance::Measured,
            _ => nth(&Provenance::ALL, cursor.take()?)?,
        };
        let mut signed = |bit| if mask & bit == 0 { Ok(0) } else { cursor.take_signed() };
        let (kind, start) = (signed(KIND)?, signed(START)?);
        let (size, offset) = (signed(SIZE)?, signed(OFFSET)?);
        let residuals = [0; Quantity::COUNT];
        let mut change =
            Self { mask, known, share_mode, provenance, kind, start, size, offset, residuals };
        for bit in 0..Quantity::COUNT {
            if mask & 1 << bit != 0 {
                let residual = cursor.take_signed()? << change.unit_bits();
                change.residuals[bit] = residual.cast_unsigned();
            }
        }
        Ok(change)
    }

    /// Returns whether it changes nothing.
    pub(crate) const fn is_empty(&self) -> bool {
        self.mask & !IN_BYTES == 0
    }

    /// Returns the state that results from `base`.
    pub(crate) fn apply(&self, base: &RegionState) -> Result<RegionState, Malformed> {
        let size = base.range.end.wrapping_sub(base.range.start);
        let start = base.range.start.wrapping_add_signed(self.start);
        let end = start.checked_add(size.wrapping_add_signed(self.size));
        let end = end.ok_or(Malformed("a region that ends before it begins"))?;
        Ok(RegionState {
            kind: base.kind.wrapping_add(self.kind),
            range: AddressRange::new(start, end),
            offset: base.offset.wrapping_add_signed(self.offset),
            reading: self.reading(&base.reading),
        })
    }

    fn reading(&self, base: &Reading) -> Reading {
        let known = match self.mask & KNOWN {
            0 => base.quantities.known_mask(),
            _ => self.known,
        };
        let mut quantities = Quantities::UNKNOWN;
        let mut changes = [0_u64; Quantity::COUNT];
        for (bit, (quantity, followed)) in ORDER.into_iter().enumerate() {
            let predicted = followed.map_or(0, |followed| changes[followed as usize]);
            let change = predicted.wrapping_add(self.residuals[bit]);
            changes[quantity as usize] = change;
            if known & (1 << quantity as u16) != 0 {
                let bytes = base.quantities.get(quantity).unwrap_or(0).wrapping_add(change);
                quantities.set(quantity, bytes);
            }
        }
        Reading {
            share_mode: if self.mask & SHARE_MODE == 0 { base.share_mode } else { self.share_mode },
            provenance: if self.mask & PROVENANCE == 0 { base.provenance } else { self.provenance },
            quantities,
        }
    }

    const fn unit_bits(&self) -> u32 {
        if self.mask & IN_BYTES == 0 { UNIT_BITS } else { 0 }
    }
}

/// Takes a mask of known quantities.
pub(crate) fn take_known(cursor: &mut Cursor<'_>) -> Result<u16, Malformed> {
    u16::try_from(cursor.take()?)
        .ok()
        .filter(|known| known >> Quantity::COUNT == 0)
        .ok_or(Malformed("an unknown quantity"))
}

fn nth<T: Copy>(all: &[T], number: u64) -> Result<T, Malformed> {
    usize::try_from(number)
        .ok()
        .and_then(|index| all.get(index))
        .copied()
        .ok_or(Malformed("an unknown share mode or provenance"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(reading: Reading) -> RegionState {
        RegionState { reading, ..RegionState::first(0) }
    }

    fn comes_back(before: RegionState, after: RegionState) -> usize {
        let mut out = Vec::new();
        RegionChange::between(&before, &after).put(&mut out);
        let taken = RegionChange::take(&mut Cursor(&out)).and_then(|taken| taken.apply(&before));
        assert_eq!(taken, Ok(after));
        out.len()
    }

    #[test]
    fn pages_touched_by_an_allocator_take_three_bytes() {
        let grown = |bytes| {
            let mut reading = Reading::nothing(0x7ff);
            for quantity in &Quantity::ALL[..4] {
                reading.quantities.set(*quantity, bytes);
            }
            for quantity in [Quantity::Pss, Quantity::Anonymous, Quantity::Referenced] {
                reading.quantities.set(quantity, bytes);
            }
            state(reading)
        };
        assert_eq!(comes_back(grown(4 << 20), grown(5 << 20)), 3);
    }

    #[test]
    fn a_predictor_that_becomes_unknown_does_not_mislead() {
        let before = state(Reading::nothing(0x7ff));
        let mut after = Reading::nothing(0);
        after.quantities.set(Quantity::Private, u64::MAX);
        after.share_mode = Some(ShareMode::Aliased);
        comes_back(before, state(after));
    }

    #[test]
    fn any_range_comes_back() {
        let at = |start, end| RegionState {
            range: AddressRange::new(start, end),
            offset: start / 2,
            ..RegionState::first(3)
        };
        comes_back(at(0, 0), at(0, u64::MAX));
        comes_back(at(0, u64::MAX), at(u64::MAX, u64::MAX));
        comes_back(at(u64::MAX - 4096, u64::MAX), at(4096, 8192));
    }
}

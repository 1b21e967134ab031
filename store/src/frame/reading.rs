//! What changes about a region, coded as its difference from a base.
//!
//! Quantities move together: pages an allocator touches are at once resident,
//! private, dirty, anonymous and referenced. So each quantity's change is
//! predicted to be that of another one ([`ORDER`]), and only what differs from
//! the prediction (its residual) is stored. Arithmetic wraps, so every `u64`
//! comes back exactly.

use vmrec_sampler::{Provenance, Quantities, Quantity, Region, ShareMode};

use super::Malformed;
use super::varint::{Cursor, put, put_signed};

/// Quantities in the order of their mask bits, each with the one whose change predicts its own.
/// The seven that change most often come first: a mask of those takes one byte.
const ORDER: [(Quantity, Option<Quantity>); Quantity::COUNT] = [
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
const ALL_BITS: u64 = (1 << 15) - 1;
const UNIT_BITS: u32 = 10;

/// What changes about a region from sample to sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) share_mode: Option<ShareMode>,
    pub(crate) provenance: Provenance,
    pub(crate) quantities: Quantities,
}

impl Reading {
    /// Returns what changes about `region`.
    pub(crate) const fn of(region: &Region) -> Self {
        Self {
            share_mode: region.share_mode,
            provenance: region.provenance,
            quantities: region.quantities,
        }
    }

    /// Returns the base of a region that has none: zero bytes of each quantity in `known`.
    pub(super) fn nothing(known: u16) -> Self {
        let mut quantities = Quantities::UNKNOWN;
        for quantity in Quantity::ALL {
            if known & (1 << quantity as u16) != 0 {
                quantities.set(quantity, 0);
            }
        }
        Self { share_mode: None, provenance: Provenance::Measured, quantities }
    }

    /// Appends this reading as its difference from `base`.
    pub(super) fn put(&self, base: &Self, out: &mut Vec<u8>) {
        let mut mask = 0;
        let mut residuals = [0_u64; Quantity::COUNT];
        let mut changes = [0_u64; Quantity::COUNT];
        let mut any = 0;
        for (bit, (quantity, like)) in ORDER.into_iter().enumerate() {
            let predicted = like.map_or(0, |like| changes[like as usize]);
            changes[quantity as usize] = predicted;
            if let Some(bytes) = self.quantities.get(quantity) {
                let change = bytes.wrapping_sub(base.quantities.get(quantity).unwrap_or(0));
                changes[quantity as usize] = change;
                residuals[bit] = change.wrapping_sub(predicted);
                any |= residuals[bit];
                mask |= u64::from(residuals[bit] != 0) << bit;
            }
        }
        let unit_bits = if any.trailing_zeros() >= UNIT_BITS {
            UNIT_BITS
        } else {
            mask |= IN_BYTES;
            0
        };
        let known = self.quantities.known_mask();
        mask |= if self.share_mode == base.share_mode { 0 } else { SHARE_MODE };
        mask |= if self.provenance == base.provenance { 0 } else { PROVENANCE };
        mask |= if known == base.quantities.known_mask() { 0 } else { KNOWN };

        put(out, mask);
        if mask & KNOWN != 0 {
            put(out, u64::from(known));
        }
        if mask & SHARE_MODE != 0 {
            put(out, self.share_mode.map_or(0, |mode| mode as u64 + 1));
        }
        if mask & PROVENANCE != 0 {
            put(out, self.provenance as u64);
        }
        for residual in residuals.into_iter().filter(|residual| *residual != 0) {
            put_signed(out, residual.cast_signed() >> unit_bits);
        }
    }

    /// Takes the reading that was put as its difference from `base`.
    pub(super) fn take(base: &Self, cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mask = cursor.take()?;
        if mask & !ALL_BITS != 0 {
            return Err(Malformed("an unknown bit in a mask of changes"));
        }
        let known = match mask & KNOWN {
            0 => base.quantities.known_mask(),
            _ => take_known(cursor)?,
        };
        let share_mode = match mask & SHARE_MODE {
            0 => base.share_mode,
            _ => match cursor.take()? {
                0 => None,
                number => Some(nth(&ShareMode::ALL, number - 1)?),
            },
        };
        let provenance = match mask & PROVENANCE {
            0 => base.provenance,
            _ => nth(&Provenance::ALL, cursor.take()?)?,
        };
        let unit_bits = if mask & IN_BYTES == 0 { UNIT_BITS } else { 0 };
        let mut quantities = Quantities::UNKNOWN;
        let mut changes = [0_u64; Quantity::COUNT];
        for (bit, (quantity, like)) in ORDER.into_iter().enumerate() {
            let mut change = like.map_or(0, |like| changes[like as usize]);
            if mask & (1 << bit) != 0 {
                let residual = cursor.take_signed()? << unit_bits;
                change = change.wrapping_add(residual.cast_unsigned());
            }
            changes[quantity as usize] = change;
            if known & (1 << quantity as u16) != 0 {
                let bytes = base.quantities.get(quantity).unwrap_or(0).wrapping_add(change);
                quantities.set(quantity, bytes);
            }
        }
        Ok(Self { share_mode, provenance, quantities })
    }
}

/// Takes a mask of known quantities.
pub(super) fn take_known(cursor: &mut Cursor<'_>) -> Result<u16, Malformed> {
    u16::try_from(cursor.take()?)
        .ok()
        .filter(|known| known >> Quantity::COUNT == 0)
        .ok_or(Malformed("an unknown quantity"))
}

fn nth<T: Copy>(all: &[T], number: u64) -> Result<T, Malformed> {
    usize::try_from(number)
        .ok()
        .and_then(|place| all.get(place))
        .copied()
        .ok_or(Malformed("an unknown share mode or provenance"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            reading
        };
        let mut out = Vec::new();
        grown(5 << 20).put(&grown(4 << 20), &mut out);
        assert_eq!(out.len(), 3, "{out:?}");
        let taken = Reading::take(&grown(4 << 20), &mut Cursor(&out));
        assert_eq!(taken, Ok(grown(5 << 20)));
    }

    #[test]
    fn a_predictor_that_becomes_unknown_does_not_mislead() {
        let before = Reading::nothing(0x7ff);
        let mut after = Reading::nothing(0);
        after.quantities.set(Quantity::Private, u64::MAX);
        after.share_mode = Some(ShareMode::Aliased);
        let mut out = Vec::new();
        after.put(&before, &mut out);
        assert_eq!(Reading::take(&before, &mut Cursor(&out)), Ok(after));
    }
}

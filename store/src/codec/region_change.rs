//! What changes about a region, coded as its difference from a base.
//!
//! Quantities move together: pages an allocator touches are at once resident,
//! private, dirty, anonymous and referenced. So each quantity's change is
//! predicted to be that of another one ([`ORDER`]), and only what differs from
//! the prediction (its residual) is stored. Arithmetic wraps, so every `u64`
//! comes back exactly.

use vmrec_sampler::{Provenance, Quantities, Quantity, Region, ShareMode};

use crate::codec::varint::{Cursor, Malformed, put, put_signed};

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
    pub(crate) fn nothing(known: u16) -> Self {
        let mut quantities = Quantities::UNKNOWN;
        for quantity in Quantity::ALL {
            if known & (1 << quantity as u16) != 0 {
                quantities.set(quantity, 0);
            }
        }
        Self { share_mode: None, provenance: Provenance::Measured, quantities }
    }

    /// Appends this reading as its difference from `base`.
    pub(crate) fn put(&self, base: &Self, out: &mut Vec<u8>) {
        Change::between(base, self).put(out);
    }

    /// Takes the reading that was put as its difference from `base`.
    pub(crate) fn take(base: &Self, cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        Change::take(cursor).map(|change| change.apply(base))
    }
}

/// How many different lanes [`Change::values`] come in: one for each quantity.
pub(crate) const LANES: usize = Quantity::COUNT;

/// What turns one reading into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    mask: u64,
    known: u16,
    share_mode: Option<ShareMode>,
    provenance: Provenance,
    /// In the order of [`ORDER`], in bytes.
    residuals: [u64; Quantity::COUNT],
}

impl Change {
    /// Returns what turns `base` into `reading`.
    pub(crate) fn between(base: &Reading, reading: &Reading) -> Self {
        let mut mask = 0;
        let mut residuals = [0_u64; Quantity::COUNT];
        let mut changes = [0_u64; Quantity::COUNT];
        let mut any = 0;
        for (bit, (quantity, like)) in ORDER.into_iter().enumerate() {
            let predicted = like.map_or(0, |like| changes[like as usize]);
            changes[quantity as usize] = predicted;
            if let Some(bytes) = reading.quantities.get(quantity) {
                let change = bytes.wrapping_sub(base.quantities.get(quantity).unwrap_or(0));
                changes[quantity as usize] = change;
                residuals[bit] = change.wrapping_sub(predicted);
                any |= residuals[bit];
                mask |= u64::from(residuals[bit] != 0) << bit;
            }
        }
        if any.trailing_zeros() < UNIT_BITS {
            mask |= IN_BYTES;
        }
        let known = reading.quantities.known_mask();
        mask |= if reading.share_mode == base.share_mode { 0 } else { SHARE_MODE };
        mask |= if reading.provenance == base.provenance { 0 } else { PROVENANCE };
        mask |= if known == base.quantities.known_mask() { 0 } else { KNOWN };
        let Reading { share_mode, provenance, .. } = *reading;
        Self { mask, known, share_mode, provenance, residuals }
    }

    /// Appends this change.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.put_head(out);
        for (_, value) in self.values() {
            put_signed(out, value);
        }
    }

    /// Takes the change that was put.
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut change = Self::take_head(cursor)?;
        for lane in 0..LANES {
            if change.has(lane) {
                change.set(lane, cursor.take_signed()?);
            }
        }
        Ok(change)
    }

    /// Takes the change that was put, and appends its values to those of their lanes and all else to
    /// `heads`, as they are.
    pub(crate) fn deal(
        cursor: &mut Cursor<'_>,
        heads: &mut Vec<u8>,
        lanes: &mut [Vec<u8>],
    ) -> Result<(), Malformed> {
        let all = cursor.0;
        let change = Self::take_head(cursor)?;
        heads.extend_from_slice(&all[..all.len() - cursor.len()]);
        for lane in change.lanes() {
            let value = cursor.0;
            cursor.take()?;
            lanes[lane].extend_from_slice(&value[..value.len() - cursor.len()]);
        }
        Ok(())
    }

    /// Appends all but the values.
    pub(crate) fn put_head(&self, out: &mut Vec<u8>) {
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
    }

    /// Takes all but the values, which [`Change::set`] adds for each lane it [has](Change::has).
    pub(crate) fn take_head(cursor: &mut Cursor<'_>) -> Result<Self, Malformed> {
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
        Ok(Self { mask, known, share_mode, provenance, residuals: [0; Quantity::COUNT] })
    }

    /// Returns the values that are not zero, by lane, in the unit of this change.
    pub(crate) fn values(&self) -> impl Iterator<Item = (usize, i64)> + '_ {
        let unit_bits = self.unit_bits();
        (0..LANES)
            .filter(|lane| self.has(*lane))
            .map(move |lane| (lane, self.residuals[lane].cast_signed() >> unit_bits))
    }

    /// Tells whether the value of `lane` is not zero.
    pub(crate) const fn has(&self, lane: usize) -> bool {
        self.mask & (1 << lane) != 0
    }

    /// Returns the lanes whose values are not zero, in order.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.mask & ((1 << LANES) - 1);
        std::iter::from_fn(move || {
            let lane = (left != 0).then(|| left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            lane
        })
    }

    /// Tells whether it leaves known what is known: then it and those before add up.
    pub(crate) const fn adds_up(&self) -> bool {
        self.mask & KNOWN == 0
    }

    /// Adds a later change that [adds up](Self::adds_up), as if both were one.
    pub(crate) fn add(&mut self, later: &Self) {
        for lane in later.lanes() {
            self.residuals[lane] = self.residuals[lane].wrapping_add(later.residuals[lane]);
        }
        if later.mask & SHARE_MODE != 0 {
            self.share_mode = later.share_mode;
        }
        if later.mask & PROVENANCE != 0 {
            self.provenance = later.provenance;
        }
        self.mask |= later.mask;
    }

    /// Returns what changes nothing.
    pub(crate) const fn none() -> Self {
        Self {
            mask: 0,
            known: 0,
            share_mode: None,
            provenance: Provenance::Measured,
            residuals: [0; Quantity::COUNT],
        }
    }

    /// Sets the value of `lane`.
    pub(crate) const fn set(&mut self, lane: usize, value: i64) {
        self.residuals[lane] = (value << self.unit_bits()).cast_unsigned();
    }

    /// Returns the reading that `base` turns into.
    pub(crate) fn apply(&self, base: &Reading) -> Reading {
        let known = match self.mask & KNOWN {
            0 => base.quantities.known_mask(),
            _ => self.known,
        };
        let mut quantities = Quantities::UNKNOWN;
        let mut changes = [0_u64; Quantity::COUNT];
        for (lane, (quantity, like)) in ORDER.into_iter().enumerate() {
            let predicted = like.map_or(0, |like| changes[like as usize]);
            let change = predicted.wrapping_add(self.residuals[lane]);
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
        .and_then(|place| all.get(place))
        .copied()
        .ok_or(Malformed("an unknown share mode or provenance"))
}

/// One region of a frame: its identity's number and what changes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Number in the `region` table.
    pub(crate) identity: i64,
    /// What changes from sample to sample.
    pub(crate) reading: Reading,
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

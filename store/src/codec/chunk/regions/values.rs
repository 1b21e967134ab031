//! How the readings of regions are coded.
//!
//! Quantities move together: pages an allocator touches are at once resident,
//! private, dirty and anonymous. So each is predicted to change as another does
//! ([`ORDER`]), and only differences are coded. A quantity that changes
//! independently often becomes all or nothing: the size of the region, the
//! quantity it is a part of, or 0. Arithmetic wraps, so every `u64` comes back
//! exactly.

use vmrec_sampler::Quantity;

use super::flat::{COUNT, Flat};
use crate::codec::number::{Number, code_symbol};
use crate::codec::range_coder::{Chance, Coder};
use crate::codec::region_change::ORDER;

const RESIDENT: usize = Quantity::Resident as usize;
/// Quantities are multiples of this power of two, or coded in full.
const UNIT_BITS: u32 = 12;
/// The same for PSS, which divides pages among processes.
const PSS_BITS: u32 = 10;
const SHARE_BITS: u32 = 4;
const SHARES: usize = 1 << SHARE_BITS;
const PROVENANCE_BITS: u32 = 2;

/// The model of changes of readings of one kind.
#[derive(Clone, Debug)]
pub(super) struct Changes {
    changed: [Chance; 4],
    usual_mask: Chance,
    mask: [[Chance; 8]; COUNT],
    to_full: Chance,
    to_zero: Chance,
}

impl Changes {
    /// One that nothing was learnt in.
    pub(super) const NEW: Self = Self {
        changed: [Chance::NEW; 4],
        usual_mask: Chance::NEW,
        mask: [[Chance::NEW; 8]; COUNT],
        to_full: Chance::NEW,
        to_zero: Chance::NEW,
    };
}

/// The model of readings of new regions of one kind.
#[derive(Clone, Debug)]
pub(super) struct Firsts {
    zero: Chance,
    full: Chance,
    usual_parts: Chance,
    /// Which quantities of the last one were what they follow (bit) and which were 0 (higher bit).
    last_parts: u32,
    parts: [[Chance; 2]; COUNT],
    /// The share mode of the last one, with pages in memory or without.
    last_share: [u8; 2],
    same_share: [Chance; 2],
    /// The index of its model in [`Values::resident`], plus 1.
    resident: u16,
}

impl Firsts {
    /// One that nothing was learnt in.
    pub(super) const NEW: Self = Self {
        zero: Chance::NEW,
        full: Chance::NEW,
        usual_parts: Chance::NEW,
        last_parts: 0,
        parts: [[Chance::NEW; 2]; COUNT],
        last_share: [0; 2],
        same_share: [Chance::NEW; 2],
        resident: 0,
    };
}

/// The model of all readings.
#[derive(Clone, Debug)]
pub(super) struct Values {
    in_units: [Chance; COUNT],
    known_changed: Chance,
    known: Number,
    resident_change: [Number; 2],
    first_resident: Number,
    /// Of kinds that have new regions after the first snapshot.
    resident: Vec<Number>,
    to_followed: [Chance; COUNT],
    /// By whether the resident size changed too.
    change: [[Number; 2]; COUNT],
    part: [Number; COUNT],
    share_changed: [Chance; 4],
    /// By the share mode before; new ones are the last.
    share: [[Chance; SHARES]; SHARES],
    provenance_changed: Chance,
}

impl Values {
    /// One that nothing was learnt in.
    pub(super) const NEW: Self = Self {
        in_units: [Chance::NEW; COUNT],
        known_changed: Chance::NEW,
        known: Number::NEW,
        resident_change: [Number::NEW; 2],
        first_resident: Number::NEW,
        resident: Vec::new(),
        to_followed: [Chance::NEW; COUNT],
        change: [[Number::NEW; 2]; COUNT],
        part: [Number::NEW; COUNT],
        share_changed: [Chance::NEW; 4],
        share: [[Chance::NEW; SHARES]; SHARES],
        provenance_changed: Chance::NEW,
    };
}

impl Values {
    /// Codes the change of `region`, still in its old state, to the reading of `target`. `mask`
    /// holds the quantities that last changed independently.
    pub(super) fn change<C: Coder>(
        &mut self,
        coder: &mut C,
        of: &mut Changes,
        region: &mut Flat,
        target: &Flat,
        mask: &mut u16,
        moved: bool,
    ) {
        let was = *region;
        let model =
            &mut of.changed[usize::from(moved) * 2 + usize::from(was.quantities[RESIDENT] == 0)];
        if !coder.decide(model, !same_reading(&was, target)) {
            return;
        }
        self.code_known(coder, region, target);
        let target_mask = own_changes(&was, target);
        let usual = *mask != 0 && coder.decide(&mut of.usual_mask, target_mask == *mask);
        let last = std::mem::take(mask);
        let mut changes = [0_u64; COUNT];
        for (index, (quantity, followed)) in ORDER.into_iter().enumerate() {
            let at = quantity as usize;
            let expected = followed.map_or(0, |followed| changes[followed as usize]);
            let bit = 1 << index;
            let differs = if usual {
                last & bit != 0
            } else {
                let context = usize::from(last & bit != 0) + 2 * usize::from(*mask & 3);
                coder.decide(&mut of.mask[index][context], target_mask & bit != 0)
            };
            let before = was.quantities[at];
            region.quantities[at] = before.wrapping_add(expected);
            if differs {
                region.quantities[at] = if at == RESIDENT {
                    self.resident(coder, of, region, before, target)
                } else {
                    let followed = followed.map_or(0, |of| region.quantities[of as usize]);
                    self.follower(coder, at, region.quantities[at], followed, *mask & 1, target)
                };
                *mask |= bit;
            }
            changes[at] = region.quantities[at].wrapping_sub(before);
        }
        let empty = |of: &Flat| usize::from(of.quantities[RESIDENT] == 0);
        let model = &mut self.share_changed[empty(region) * 2 + empty(&was)];
        if coder.decide(model, target.share != was.share) {
            region.share = self.share(coder, usize::from(was.share), target);
        }
        self.provenance(coder, region, target);
    }

    /// Codes the reading of the new region `target`.
    pub(super) fn first<C: Coder>(
        &mut self,
        coder: &mut C,
        of: &mut Firsts,
        region: &mut Flat,
        target: &Flat,
        is_first: bool,
    ) {
        self.code_known(coder, region, target);
        let size = region.size();
        let resident = target.quantities[RESIDENT];
        region.quantities[RESIDENT] = if coder.decide(&mut of.zero, resident == 0) {
            0
        } else if coder.decide(&mut of.full, resident == size) {
            size
        } else if is_first {
            self.in_units(coder, RESIDENT, |all| &mut all.first_resident, resident)
        } else {
            if of.resident == 0 {
                self.resident.push(Number::NEW);
                of.resident = self.resident.len().min(usize::from(u16::MAX)) as u16;
            }
            let index = usize::from(of.resident - 1);
            self.in_units(coder, RESIDENT, |all| &mut all.resident[index], resident)
        };
        let parts = if C::DECODES { None } else { parts(target) };
        let usual = coder.decide(&mut of.usual_parts, parts == Some(of.last_parts));
        let last = std::mem::take(&mut of.last_parts);
        for (index, (quantity, followed)) in ORDER.into_iter().enumerate().skip(1) {
            let at = quantity as usize;
            let followed = followed.map_or(0, |followed| region.quantities[followed as usize]);
            let bytes = target.quantities[at];
            let models = &mut of.parts[index];
            let same = if usual {
                last >> (2 * index) & 1 == 1
            } else {
                coder.decide(&mut models[0], bytes == followed)
            };
            let zero =
                !same && (usual || followed != 0 && coder.decide(&mut models[1], bytes == 0));
            of.last_parts |= u32::from(same) << (2 * index) | u32::from(zero) << (2 * index + 1);
            region.quantities[at] = match (same, zero) {
                (true, _) => followed,
                (_, true) => 0,
                _ => self.in_units(coder, at, |all| &mut all.part[at], bytes),
            };
        }
        let empty = usize::from(region.quantities[RESIDENT] == 0);
        let last = of.last_share[empty];
        region.share = if coder.decide(&mut of.same_share[empty], target.share == last) {
            last
        } else {
            self.share(coder, SHARES - 1, target)
        };
        of.last_share[empty] = region.share;
        self.provenance(coder, region, target);
    }

    fn resident<C: Coder>(
        &mut self,
        coder: &mut C,
        of: &mut Changes,
        region: &Flat,
        before: u64,
        target: &Flat,
    ) -> u64 {
        let (size, bytes) = (region.size(), target.quantities[RESIDENT]);
        if before != size && coder.decide(&mut of.to_full, bytes == size) {
            return size;
        }
        if before != 0 && coder.decide(&mut of.to_zero, bytes == 0) {
            return 0;
        }
        let model = usize::from(before != 0);
        let change = bytes.wrapping_sub(before);
        let change =
            self.signed_in_units(coder, RESIDENT, |all| &mut all.resident_change[model], change);
        before.wrapping_add(change)
    }

    /// Codes a quantity that differs from the `expected` value.
    fn follower<C: Coder>(
        &mut self,
        coder: &mut C,
        at: usize,
        expected: u64,
        followed: u64,
        resident_changed: u16,
        target: &Flat,
    ) -> u64 {
        let bytes = target.quantities[at];
        if expected != followed && coder.decide(&mut self.to_followed[at], bytes == followed) {
            return followed;
        }
        let model = usize::from(resident_changed);
        let change = bytes.wrapping_sub(expected);
        let change = self.signed_in_units(coder, at, |all| &mut all.change[at][model], change);
        expected.wrapping_add(change)
    }

    /// Codes which quantities are known, and sets the others to 0.
    fn code_known<C: Coder>(&mut self, coder: &mut C, region: &mut Flat, target: &Flat) {
        if coder.decide(&mut self.known_changed, target.known != region.known) {
            let known = self.known.code(coder, u64::from(target.known));
            region.known = known as u16 & ((1 << COUNT) - 1);
        }
    }

    fn share<C: Coder>(&mut self, coder: &mut C, before: usize, target: &Flat) -> u8 {
        let models = &mut self.share[before.min(SHARES - 1)];
        code_symbol(coder, models, SHARE_BITS, u32::from(target.share)) as u8
    }

    fn provenance<C: Coder>(&mut self, coder: &mut C, region: &mut Flat, target: &Flat) {
        let changed = target.provenance != region.provenance;
        if coder.decide(&mut self.provenance_changed, changed) {
            region.provenance = coder.raw(PROVENANCE_BITS, u64::from(target.provenance)) as u8;
        }
    }

    fn in_units<C: Coder>(
        &mut self,
        coder: &mut C,
        at: usize,
        model: impl Fn(&mut Self) -> &mut Number,
        bytes: u64,
    ) -> u64 {
        let bits = unit_bits(at);
        if coder.decide(&mut self.in_units[at], bytes.trailing_zeros() >= bits) {
            model(self).code(coder, bytes >> bits) << bits
        } else {
            coder.raw(u64::BITS, bytes)
        }
    }

    fn signed_in_units<C: Coder>(
        &mut self,
        coder: &mut C,
        at: usize,
        model: impl Fn(&mut Self) -> &mut Number,
        bytes: u64,
    ) -> u64 {
        let bits = unit_bits(at);
        if coder.decide(&mut self.in_units[at], bytes.trailing_zeros() >= bits) {
            let units = bytes.cast_signed() >> bits;
            (model(self).code_signed(coder, units) << bits).cast_unsigned()
        } else {
            coder.raw(u64::BITS, bytes)
        }
    }
}

const fn unit_bits(at: usize) -> u32 {
    if at == Quantity::Pss as usize { PSS_BITS } else { UNIT_BITS }
}

fn same_reading(one: &Flat, other: &Flat) -> bool {
    let reading = |of: &Flat| (of.quantities, of.known, of.share, of.provenance);
    reading(one) == reading(other)
}

/// Returns the quantities that change differently from their predictors, in coding order.
fn own_changes(was: &Flat, target: &Flat) -> u16 {
    let change =
        |of: Quantity| target.quantities[of as usize].wrapping_sub(was.quantities[of as usize]);
    ORDER.into_iter().enumerate().fold(0, |mask, (index, (quantity, followed))| {
        mask | u16::from(change(quantity) != followed.map_or(0, change)) << index
    })
}

/// Returns which quantities equal their predictors and which of the others are 0; `None` if one is
/// neither.
fn parts(of: &Flat) -> Option<u32> {
    let mut parts = 0;
    for (index, (quantity, followed)) in ORDER.into_iter().enumerate().skip(1) {
        let followed = followed.map_or(0, |followed| of.quantities[followed as usize]);
        parts |= match of.quantities[quantity as usize] {
            bytes if bytes == followed => 1 << (2 * index),
            0 => 2 << (2 * index),
            _ => return None,
        };
    }
    Some(parts)
}

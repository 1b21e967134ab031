//! Apportions the sizes of a mapping to its pieces.
//!
//! The kernel measures whole mappings. If one has several purposes, each piece
//! gets a part by the pages present in it, or by its size if those are unknown.
//! The parts of every quantity add up exactly to the measured value, and no
//! subset of a part is larger than the part itself.

#[cfg(test)]
mod tests;

use crate::quantity::{Quantities, Quantity};
use crate::region::{AddressRange, Provenance};

/// The largest unit that parts are rounded to: the smallest page of any kernel.
const PAGE_BYTES: u64 = 4096;

/// The parts of a mapping's quantities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// One for each piece, in order.
    pub parts: Vec<Quantities>,
    /// Their quality.
    pub provenance: Provenance,
}

/// Returns whether present pages must be counted to apportion `whole` to `ranges`: not if none or
/// all pages are present.
pub(crate) fn needs_presence(whole: &Quantities, ranges: &[AddressRange]) -> bool {
    let resident = whole.get(Quantity::Resident).unwrap_or(0);
    resident != 0 && resident < virtual_bytes(ranges)
}

/// Apportions `whole` to `ranges`, by the bytes of pages `present` in each if they were counted.
pub(crate) fn apportion(
    whole: &Quantities,
    ranges: &[AddressRange],
    present: Option<&[u64]>,
) -> Shares {
    let sizes: Vec<u64> = ranges.iter().map(|range| range.virtual_bytes()).collect();
    let known = presence(whole, ranges, &sizes, present);
    let here = known.as_deref().unwrap_or(&sizes);
    let mut parts = vec![Quantities::UNKNOWN; ranges.len()];
    share(&mut parts, whole, Quantity::Resident, here, &sizes);
    // Each is a subset of another quantity: apportioned by the parts of that one, it never exceeds
    // them.
    for (quantity, parent) in [
        (Quantity::Private, Quantity::Resident),
        (Quantity::Dirty, Quantity::Resident),
        (Quantity::PrivateDirty, Quantity::Private),
        (Quantity::Pss, Quantity::Resident),
        (Quantity::Anonymous, Quantity::Resident),
        (Quantity::Referenced, Quantity::Resident),
        (Quantity::Reclaimable, Quantity::Resident),
        (Quantity::Locked, Quantity::Resident),
        (Quantity::Huge, Quantity::Anonymous),
    ] {
        match parts.iter().map(|part| part.get(parent)).collect::<Option<Vec<u64>>>() {
            Some(of_parent) => share(&mut parts, whole, quantity, &of_parent, &of_parent),
            None => share(&mut parts, whole, quantity, here, &sizes),
        }
    }
    // Swapped pages are where no page is present.
    let absent: Vec<u64> = sizes
        .iter()
        .zip(&parts)
        .map(|(size, part)| size.saturating_sub(part.get(Quantity::Resident).unwrap_or(0)))
        .collect();
    share(&mut parts, whole, Quantity::Swapped, &absent, &absent);
    let provenance = match known {
        Some(_) if swap_is_placed(whole, &sizes) => Provenance::Apportioned,
        _ => Provenance::Estimated,
    };
    Shares { parts, provenance }
}

/// Returns the bytes present in each piece, if they are known.
fn presence(
    whole: &Quantities,
    ranges: &[AddressRange],
    sizes: &[u64],
    present: Option<&[u64]>,
) -> Option<Vec<u64>> {
    match whole.get(Quantity::Resident)? {
        0 => Some(vec![0; sizes.len()]),
        _ if !needs_presence(whole, ranges) => Some(sizes.to_vec()),
        _ => present
            .filter(|present| present.len() == sizes.len() && present.iter().any(|here| *here > 0))
            .map(<[u64]>::to_vec),
    }
}

/// Returns whether present pages show where the swapped ones can be.
fn swap_is_placed(whole: &Quantities, sizes: &[u64]) -> bool {
    let swapped = whole.get(Quantity::Swapped).unwrap_or(0);
    let size = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
    swapped == 0 || swapped >= size || whole.get(Quantity::Resident) != Some(0)
}

fn virtual_bytes(ranges: &[AddressRange]) -> u64 {
    ranges.iter().fold(0, |sum: u64, range| sum.saturating_add(range.virtual_bytes()))
}

/// Sets `quantity` of all `parts`, if it is known of the `whole`.
fn share(
    parts: &mut [Quantities],
    whole: &Quantities,
    quantity: Quantity,
    weights: &[u64],
    max: &[u64],
) {
    let Some(total) = whole.get(quantity) else { return };
    if total == 0 {
        parts.iter_mut().for_each(|part| part.set(quantity, 0));
        return;
    }
    for (part, bytes) in parts.iter_mut().zip(within(total, weights, max)) {
        part.set(quantity, bytes);
    }
}

/// Splits `total` by `weights`, each part up to its `max` if the sum of those allows it.
fn within(total: u64, weights: &[u64], max: &[u64]) -> Vec<u64> {
    let bits = max.iter().fold(total, |bits, max| bits | max).trailing_zeros();
    let unit = (1 << bits.min(63)).min(PAGE_BYTES);
    let max: Vec<u64> = max.iter().map(|max| max / unit).collect();
    let mut parts = by_largest_remainder(total / unit, weights);
    let mut excess = 0;
    for (part, max) in parts.iter_mut().zip(&max) {
        excess += part.saturating_sub(*max);
        *part = (*part).min(*max);
    }
    if excess > 0 {
        let room: Vec<u64> = max.iter().zip(&parts).map(|(max, part)| max - part).collect();
        let rooms: u128 = room.iter().map(|room| u128::from(*room)).sum();
        let fits = u64::try_from(rooms).unwrap_or(u64::MAX).min(excess);
        add(&mut parts, &by_largest_remainder(fits, &room));
        add(&mut parts, &by_largest_remainder(excess - fits, &max));
    }
    parts.iter_mut().for_each(|part| *part *= unit);
    parts
}

fn add(parts: &mut [u64], more: &[u64]) {
    parts.iter_mut().zip(more).for_each(|(part, more)| *part += more);
}

/// Splits `total` in proportion to `weights` (evenly if all are 0); the rest from rounding down
/// goes to the largest remainders.
fn by_largest_remainder(total: u64, weights: &[u64]) -> Vec<u64> {
    if total == 0 {
        return vec![0; weights.len()];
    }
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let weight_of = |weight: u64| u128::from(if sum == 0 { 1 } else { weight });
    let sum = if sum == 0 { weights.len() as u128 } else { sum };
    let mut left = total;
    let mut remainders = Vec::with_capacity(weights.len());
    let mut parts: Vec<u64> = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let product = u128::from(total) * weight_of(*weight);
        // At most `total`, because a weight is at most the sum of all.
        let part = u64::try_from(product / sum).unwrap_or(total);
        left -= part.min(left);
        remainders.push((std::cmp::Reverse(product % sum), index));
        parts.push(part);
    }
    let left = usize::try_from(left).unwrap_or(usize::MAX).min(remainders.len());
    if left > 0 {
        remainders.sort_unstable();
        for (_, index) in &remainders[..left] {
            parts[*index] += 1;
        }
    }
    parts
}

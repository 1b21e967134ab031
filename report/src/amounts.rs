//! Sums of region sizes, and what became of them between two samples.

use std::cmp::{Ordering, Reverse};

use vmrec_sampler::{Quantity, Region, Snapshot};

use crate::metric::Metric;

/// Regions added up. Sums stop at 2^64 − 1, which only overlapping regions could pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// How many regions.
    pub regions: u64,
    /// Their virtual size, as far as it is known.
    pub virtual_bytes: u64,
    unknown_virtual: u32,
    bytes: [u64; Quantity::COUNT],
    unknown: [u32; Quantity::COUNT],
    /// Of how many processes the regions may not be read.
    unread: u32,
}

impl Amounts {
    /// Adds the regions of a snapshot up; unknown if they may not be read.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut sum = Self::unread_of(snapshot);
        snapshot.regions.iter().for_each(|region| sum.add(region));
        sum
    }

    /// Returns the sum of no regions, unknown if those of a snapshot may not be read.
    pub(crate) fn unread_of(snapshot: &Snapshot) -> Self {
        let unread = u32::from(snapshot.consistency.totals_alone().is_some());
        Self { unread, ..Self::default() }
    }

    /// Returns whether nothing is known of the regions, not even their number.
    pub const fn is_unread(&self) -> bool {
        self.unread > 0 && self.regions == 0
    }

    /// Returns of how many processes the regions are unknown: they add nothing to the sum.
    pub const fn unread(&self) -> u32 {
        self.unread
    }

    /// Adds one region.
    pub fn add(&mut self, region: &Region) {
        self.regions += 1;
        match region.identity.range.known_bytes() {
            Some(bytes) => self.virtual_bytes = self.virtual_bytes.saturating_add(bytes),
            None => self.unknown_virtual = self.unknown_virtual.saturating_add(1),
        }
        for quantity in Quantity::ALL {
            let index = quantity as usize;
            match region.quantities.get(quantity) {
                Some(bytes) => self.bytes[index] = self.bytes[index].saturating_add(bytes),
                None => self.unknown[index] = self.unknown[index].saturating_add(1),
            }
        }
    }

    /// Adds the regions of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.regions += other.regions;
        self.virtual_bytes = self.virtual_bytes.saturating_add(other.virtual_bytes);
        self.unknown_virtual = self.unknown_virtual.saturating_add(other.unknown_virtual);
        self.unread = self.unread.saturating_add(other.unread);
        for index in 0..Quantity::COUNT {
            self.bytes[index] = self.bytes[index].saturating_add(other.bytes[index]);
            self.unknown[index] = self.unknown[index].saturating_add(other.unknown[index]);
        }
    }

    /// Returns the sum over the regions where `metric` is known; `None` if there
    /// are regions and it is known of none. No regions hold zero bytes, unless they may not be read.
    pub fn get(&self, metric: Metric) -> Option<u64> {
        if self.is_unread() {
            return None;
        }
        match metric {
            Metric::Virtual => {
                let any_known = u64::from(self.unknown_virtual) < self.regions;
                (any_known || self.regions == 0).then_some(self.virtual_bytes)
            }
            Metric::Measured(quantity) => {
                let index = quantity as usize;
                let any_known = u64::from(self.unknown[index]) < self.regions;
                (any_known || self.regions == 0).then_some(self.bytes[index])
            }
            Metric::Footprint => {
                let swapped = self.get(Metric::SWAPPED)?;
                Some(self.get(Metric::Measured(Quantity::PrivateDirty))?.saturating_add(swapped))
            }
            Metric::Own => {
                let swapped = self.get(Metric::SWAPPED)?;
                Some(self.get(Metric::PRIVATE)?.saturating_add(swapped))
            }
            Metric::Regions => Some(self.regions),
            Metric::Live => None,
        }
    }

    /// Returns of how many regions `metric` is unknown: they add nothing to the sum.
    pub fn unknown_regions(&self, metric: Metric) -> u64 {
        match metric {
            Metric::Virtual => u64::from(self.unknown_virtual),
            Metric::Regions => 0,
            Metric::Live => self.regions,
            Metric::Measured(quantity) => u64::from(self.unknown[quantity as usize]),
            Metric::Footprint => self.unknown_of([Quantity::PrivateDirty, Quantity::Swapped]),
            Metric::Own => self.unknown_of([Quantity::Private, Quantity::Swapped]),
        }
    }
}

impl Amounts {
    fn unknown_of(&self, parts: [Quantity; 2]) -> u64 {
        let [one, other] = parts.map(|quantity| u64::from(self.unknown[quantity as usize]));
        one.max(other)
    }
}

impl<'a> FromIterator<&'a Region> for Amounts {
    fn from_iter<T: IntoIterator<Item = &'a Region>>(regions: T) -> Self {
        let mut sum = Self::default();
        regions.into_iter().for_each(|region| sum.add(region));
        sum
    }
}

/// The same regions, or kind of regions, at two times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// At the first time.
    pub from: Amounts,
    /// At the second time.
    pub to: Amounts,
}

impl Change {
    /// Returns what became of `metric`.
    pub fn get(&self, metric: Metric) -> Delta {
        Delta { from: self.from.get(metric), to: self.to.get(metric) }
    }

    /// Adds one region, at the second time if that is `later`.
    pub(crate) fn add(&mut self, region: &Region, later: bool) {
        if later { self.to.add(region) } else { self.from.add(region) }
    }

    /// Adds the regions of `other` at each time.
    pub fn merge(&mut self, other: &Self) {
        self.from.merge(&other.from);
        self.to.merge(&other.to);
    }

    /// Orders large movers by `metric` first; equal ones by the other metrics.
    pub(crate) fn largest_first(&self, other: &Self, metric: Metric) -> Ordering {
        let moved = |change: &Self, metric| {
            Reverse(change.get(metric).delta().unwrap_or_default().unsigned_abs())
        };
        let by = |metric| moved(self, metric).cmp(&moved(other, metric));
        let next = [Metric::RESIDENT, Metric::Virtual];
        by(metric).then_with(|| {
            let others = next.into_iter().chain(Metric::SIZES).map(by);
            others.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        })
    }
}

/// One number at two times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// At the first time; `None` is unknown.
    pub from: Option<u64>,
    /// At the second time; `None` is unknown.
    pub to: Option<u64>,
}

impl Delta {
    /// Returns `to` − `from`, unknown if either is.
    pub fn delta(self) -> Option<i128> {
        Some(i128::from(self.to?) - i128::from(self.from?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_regions_hold_nothing_but_unknown_regions_hold_an_unknown_amount() {
        let region = crate::fixture::region(0..0x1000, crate::fixture::heap(), None, &[]);
        assert_eq!(Amounts::default().get(Metric::RESIDENT), Some(0));
        let one: Amounts = [&region].into_iter().collect();
        assert_eq!(one.get(Metric::RESIDENT), None);
        assert_eq!(one.unknown_regions(Metric::RESIDENT), 1);
        assert_eq!(Change { to: one, ..Change::default() }.get(Metric::RESIDENT).delta(), None);
        assert_eq!(one.get(Metric::Virtual), Some(0x1000));
    }
}

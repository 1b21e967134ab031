//! Sums of region sizes, and what became of them between two samples.

use std::cmp::{Ordering, Reverse};

use vmrec_sampler::{Quantity, Region};

/// What a report can measure a region by: its virtual size or one of its quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// The size of the address range.
    Virtual,
    /// A measured size.
    Measured(Quantity),
}

impl Metric {
    /// Every metric: virtual size, then each quantity in its order.
    pub const ALL: [Self; Quantity::COUNT + 1] = {
        let mut all = [Self::Virtual; Quantity::COUNT + 1];
        let mut place = 0;
        while place < Quantity::COUNT {
            all[place + 1] = Self::Measured(Quantity::ALL[place]);
            place += 1;
        }
        all
    };

    /// Resident size, what reports sort by unless told otherwise.
    pub const RESIDENT: Self = Self::Measured(Quantity::Resident);

    /// Returns the name used in columns and JSON keys, with its unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Virtual => "virtual_bytes",
            Self::Measured(quantity) => quantity.name(),
        }
    }

    /// Returns the metric of that name, with or without `_bytes`.
    pub fn from_name(name: &str) -> Option<Self> {
        let bare = |name: &str| name.trim_end_matches("_bytes").replace('-', "_");
        Self::ALL.into_iter().find(|metric| bare(metric.name()) == bare(name))
    }

    /// Returns the name in running text: `private dirty`.
    pub(crate) fn words(self) -> String {
        self.name().trim_end_matches("_bytes").replace('_', " ")
    }

    /// Returns the word at the head of a table's column.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Virtual => "VIRTUAL",
            Self::Measured(Quantity::Resident) => "RESIDENT",
            Self::Measured(Quantity::Private) => "PRIVATE",
            Self::Measured(Quantity::Dirty) => "DIRTY",
            Self::Measured(Quantity::PrivateDirty) => "PRIV.DIRTY",
            Self::Measured(Quantity::Swapped) => "SWAPPED",
            Self::Measured(Quantity::Pss) => "PSS",
            Self::Measured(Quantity::Anonymous) => "ANONYMOUS",
            Self::Measured(Quantity::Referenced) => "REFERENCED",
            Self::Measured(Quantity::Reclaimable) => "RECLAIMABLE",
            Self::Measured(Quantity::Locked) => "LOCKED",
            Self::Measured(Quantity::Huge) => "HUGE",
        }
    }
}

/// Regions added up. Sums stop at 2^64 − 1, which only overlapping regions could pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// How many regions.
    pub regions: u64,
    /// Their virtual size.
    pub virtual_bytes: u64,
    bytes: [u64; Quantity::COUNT],
    unknown: [u32; Quantity::COUNT],
}

impl Amounts {
    /// Adds one region.
    pub fn add(&mut self, region: &Region) {
        self.regions += 1;
        self.virtual_bytes =
            self.virtual_bytes.saturating_add(region.identity.range.virtual_bytes());
        for quantity in Quantity::ALL {
            let place = quantity as usize;
            match region.quantities.get(quantity) {
                Some(bytes) => self.bytes[place] = self.bytes[place].saturating_add(bytes),
                None => self.unknown[place] = self.unknown[place].saturating_add(1),
            }
        }
    }

    /// Adds the regions of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.regions += other.regions;
        self.virtual_bytes = self.virtual_bytes.saturating_add(other.virtual_bytes);
        for place in 0..Quantity::COUNT {
            self.bytes[place] = self.bytes[place].saturating_add(other.bytes[place]);
            self.unknown[place] = self.unknown[place].saturating_add(other.unknown[place]);
        }
    }

    /// Returns the sum over the regions where `metric` is known; `None` if there
    /// are regions and it is known of none. No regions hold zero bytes.
    pub fn get(&self, metric: Metric) -> Option<u64> {
        match metric {
            Metric::Virtual => Some(self.virtual_bytes),
            Metric::Measured(quantity) => {
                let place = quantity as usize;
                let any_known = u64::from(self.unknown[place]) < self.regions;
                (any_known || self.regions == 0).then_some(self.bytes[place])
            }
        }
    }

    /// Returns of how many regions `metric` is unknown: they add nothing to the sum.
    pub fn unknown_regions(&self, metric: Metric) -> u64 {
        match metric {
            Metric::Virtual => 0,
            Metric::Measured(quantity) => u64::from(self.unknown[quantity as usize]),
        }
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
        std::iter::once(metric)
            .chain([Metric::RESIDENT, Metric::Virtual])
            .chain(Metric::ALL)
            .map(|metric| moved(self, metric).cmp(&moved(other, metric)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
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
    fn metrics_are_found_by_either_name() {
        assert_eq!(Metric::from_name("resident"), Some(Metric::RESIDENT));
        assert_eq!(Metric::from_name("virtual_bytes"), Some(Metric::Virtual));
        let private_dirty = Metric::Measured(Quantity::PrivateDirty);
        assert_eq!(Metric::from_name("private-dirty"), Some(private_dirty));
        assert_eq!(Metric::from_name("colour"), None);
        assert!(Metric::ALL.into_iter().all(|m| Metric::from_name(m.name()) == Some(m)));
    }

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

//! The metrics that a report measures regions by, and their names.

use vmrec_sampler::{Quantity, Region};
use vmrec_store::Measure;

use crate::text::table::{Cell, Tone};
use crate::text::units;

/// A number that can be summed over regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// The size of the address range.
    Virtual,
    /// A measured size.
    Measured(Quantity),
    /// Memory that the process alone is charged for: private dirty + swapped.
    Footprint,
    /// Private + swapped: of several processes together it counts no page twice.
    Own,
    /// The number of regions.
    Regions,
    /// Blocks of the allocator that are allocated, by stacks alone: no region has them.
    Live,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, printed in powers of 1024.
    Bytes,
    /// A plain number.
    Count,
}

impl Unit {
    /// Returns a value as text: `12.5M`, or `1,234` for a count.
    pub fn plain(self, value: u64) -> String {
        match self {
            Self::Bytes => units::size(value),
            Self::Count => units::count(value),
        }
    }

    /// Returns a difference as text with its sign: `+12.5M`, `-3`, `0`.
    pub fn signed(self, value: i128) -> String {
        let magnitude = u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX);
        match (self, value.signum()) {
            (Self::Bytes, _) => units::signed_size(value),
            (Self::Count, 1) => format!("+{}", units::count(magnitude)),
            (Self::Count, -1) => format!("-{}", units::count(magnitude)),
            (Self::Count, _) => "0".to_owned(),
        }
    }

    /// Returns a value as text; `-` where it is unknown.
    pub fn plain_or_unknown(self, value: Option<u64>) -> String {
        value.map_or_else(units::unknown, |value| self.plain(value))
    }

    /// Returns a difference as text with its sign; `-` where it is unknown.
    pub fn signed_or_unknown(self, value: Option<i128>) -> String {
        value.map_or_else(units::unknown, |value| self.signed(value))
    }

    /// Returns a difference as a cell with the tone of growth or shrinking.
    pub(crate) fn delta_cell(self, delta: Option<i128>) -> Cell {
        match self {
            Self::Bytes => Cell::size_change(delta),
            Self::Count => {
                Cell::new(&self.signed_or_unknown(delta)).toned(Tone::of_change(delta.unwrap_or(0)))
            }
        }
    }

    /// Returns a value as a cell.
    pub(crate) fn cell(self, value: Option<u64>) -> Cell {
        match self {
            Self::Bytes => Cell::size(value),
            Self::Count => Cell::new(&self.plain_or_unknown(value)),
        }
    }

    /// Returns a slope as a cell; `-` where it is unknown.
    pub(crate) fn rate_cell(self, value: Option<f64>) -> Cell {
        match self {
            Self::Bytes => Cell::size_change(value.map(|value| value.round() as i128)),
            Self::Count => Cell::new(&value.map_or_else(units::unknown, |value| self.rate(value))),
        }
    }

    /// Returns a slope as text with its sign: bytes are whole, counts have a decimal.
    pub(crate) fn rate(self, value: f64) -> String {
        match self {
            Self::Bytes => units::signed_size(value.round() as i128),
            Self::Count => format!("{value:+.1}"),
        }
    }
}

impl Metric {
    /// Resident size, the default of reports.
    pub const RESIDENT: Self = Self::Measured(Quantity::Resident);
    /// Private size.
    pub const PRIVATE: Self = Self::Measured(Quantity::Private);
    /// Swapped size.
    pub const SWAPPED: Self = Self::Measured(Quantity::Swapped);
    /// Proportional share.
    pub const PSS: Self = Self::Measured(Quantity::Pss);

    /// The metrics that are looked at beside each other: in a live view, in a trace.
    pub const USUAL: [Self; 6] = [
        Self::RESIDENT,
        Self::PRIVATE,
        Self::Measured(Quantity::Dirty),
        Self::SWAPPED,
        Self::Virtual,
        Self::Regions,
    ];

    /// Every size a region has by itself: virtual, then each quantity in its order.
    pub const SIZES: [Self; Quantity::COUNT + 1] = {
        let mut sizes = [Self::Virtual; Quantity::COUNT + 1];
        let mut index = 0;
        while index < Quantity::COUNT {
            sizes[index + 1] = Self::Measured(Quantity::ALL[index]);
            index += 1;
        }
        sizes
    };

    /// Every metric: the sizes, then what is derived.
    pub const ALL: [Self; Quantity::COUNT + 4] = {
        let mut all = [Self::Footprint; Quantity::COUNT + 4];
        let mut index = 0;
        while index < Self::SIZES.len() {
            all[index] = Self::SIZES[index];
            index += 1;
        }
        all[index + 1] = Self::Own;
        all[index + 2] = Self::Regions;
        all
    };

    /// Returns the name used in columns and JSON keys, with its unit.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Virtual => "virtual_bytes",
            Self::Measured(quantity) => quantity.name(),
            Self::Footprint => "footprint_bytes",
            Self::Own => "private_and_swapped_bytes",
            Self::Regions => "regions",
            Self::Live => "live_bytes",
        }
    }

    /// Returns the name used on the command line: `private-dirty`.
    pub fn name(self) -> String {
        self.column().trim_end_matches("_bytes").replace('_', "-")
    }

    /// Returns the metric of that name, with or without `_bytes`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim_end_matches("_bytes").replace('_', "-");
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Returns the name in running text: `private dirty`.
    pub fn words(self) -> String {
        if self == Self::Own {
            return "private + swapped".to_owned();
        }
        self.column().trim_end_matches("_bytes").replace('_', " ")
    }

    /// Returns the word at the head of a table's column.
    pub const fn heading(self) -> &'static str {
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
            Self::Footprint => "FOOTPRINT",
            Self::Own => "PRIV+SWAP",
            Self::Regions => "REGIONS",
            Self::Live => "LIVE",
        }
    }

    /// Returns what it is in words, to begin a title with.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Virtual => "Virtual memory",
            Self::Measured(Quantity::Resident) => "Resident memory",
            Self::Measured(Quantity::Private) => "Private memory",
            Self::Measured(Quantity::Dirty) => "Dirty memory",
            Self::Measured(Quantity::PrivateDirty) => "Private dirty memory",
            Self::Measured(Quantity::Swapped) => "Swapped memory",
            Self::Measured(Quantity::Pss) => "Proportional share of memory (PSS)",
            Self::Measured(Quantity::Anonymous) => "Anonymous memory",
            Self::Measured(Quantity::Referenced) => "Referenced memory",
            Self::Measured(Quantity::Reclaimable) => "Reclaimable memory",
            Self::Measured(Quantity::Locked) => "Locked memory",
            Self::Measured(Quantity::Huge) => "Memory in huge pages",
            Self::Footprint => "Memory footprint",
            Self::Own => "Private + swapped memory",
            Self::Regions => "Number of regions",
            Self::Live => "Allocated blocks",
        }
    }

    /// Returns one line on what it measures.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Virtual => "address space, whether or not memory is behind it",
            Self::Measured(Quantity::Resident) => "pages in memory, shared ones included",
            Self::Measured(Quantity::Private) => "resident pages no other process maps",
            Self::Measured(Quantity::Dirty) => "written pages",
            Self::Measured(Quantity::PrivateDirty) => "written pages no other process maps",
            Self::Measured(Quantity::Swapped) => "pages moved out of memory",
            Self::Measured(Quantity::Pss) => {
                "resident pages, each divided by the processes that map it"
            }
            Self::Measured(Quantity::Anonymous) => "resident pages that belong to no file",
            Self::Measured(Quantity::Referenced) => "resident pages marked as accessed",
            Self::Measured(Quantity::Reclaimable) => "pages the kernel may drop at no cost",
            Self::Measured(Quantity::Locked) => "pages that cannot be moved out",
            Self::Measured(Quantity::Huge) => "resident bytes in transparent huge pages",
            Self::Footprint => "private dirty + swapped: what the process alone is charged for",
            Self::Own => "pages no other process maps, in memory or moved out of it",
            Self::Regions => "ranges of addresses with one meaning",
            Self::Live => {
                "blocks that are allocated and not freed, whether or not they are in memory"
            }
        }
    }

    /// Returns whether it changes only when the process itself runs, or when memory is taken from it.
    pub(crate) fn is_own(self) -> bool {
        matches!(self, Self::Virtual | Self::Regions | Self::Live) || self == Self::RESIDENT
    }

    /// Returns what it counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Regions => Unit::Count,
            _ => Unit::Bytes,
        }
    }

    /// Returns whether it counts pages in memory, which systems may count in several ways.
    pub const fn counts_pages(self) -> bool {
        !matches!(self, Self::Virtual | Self::Regions | Self::Live)
    }

    /// Returns what it is the sum of, unknown where one of them is: of a region as of many.
    pub fn measures(self) -> Vec<Measure> {
        match self {
            Self::Virtual => vec![Measure::Virtual],
            Self::Measured(quantity) => vec![Measure::Quantity(quantity)],
            Self::Footprint => {
                [Quantity::PrivateDirty, Quantity::Swapped].map(Measure::Quantity).to_vec()
            }
            Self::Own => [Quantity::Private, Quantity::Swapped].map(Measure::Quantity).to_vec(),
            Self::Regions => vec![Measure::Regions],
            Self::Live => Vec::new(),
        }
    }

    /// Returns what `region` adds to the sum, unknown where the platform does not say.
    pub fn of(self, region: &Region) -> Option<u64> {
        let get = |quantity| region.quantities.get(quantity);
        match self {
            Self::Virtual => region.identity.range.known_bytes(),
            Self::Measured(quantity) => get(quantity),
            Self::Footprint => {
                Some(get(Quantity::PrivateDirty)?.saturating_add(get(Quantity::Swapped)?))
            }
            Self::Own => Some(get(Quantity::Private)?.saturating_add(get(Quantity::Swapped)?)),
            Self::Regions => Some(1),
            Self::Live => None,
        }
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
        assert!(Metric::ALL.into_iter().all(|m| Metric::from_name(&m.name()) == Some(m)));
        assert!(Metric::ALL.into_iter().all(|m| Metric::from_name(m.column()) == Some(m)));
    }
}

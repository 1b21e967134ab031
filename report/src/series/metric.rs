//! What can be summed over regions, and by what.

use vmrec_sampler::{Quantity, Region};

/// A number that can be summed over regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Address space.
    Virtual,
    /// Pages in memory.
    Resident,
    /// Resident pages no other process maps.
    Private,
    /// Written pages.
    Dirty,
    /// Pages moved out of memory.
    Swapped,
    /// Resident pages, each divided by the number of processes that map it.
    Pss,
    /// What the process alone is charged for: private dirty + swapped.
    Footprint,
    /// The number of regions.
    Regions,
}

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, printed in powers of 1024.
    Bytes,
    /// A plain number.
    Count,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 8] = [
        Self::Virtual,
        Self::Resident,
        Self::Private,
        Self::Dirty,
        Self::Swapped,
        Self::Pss,
        Self::Footprint,
        Self::Regions,
    ];

    /// Returns the name used in JSON and CSV, with its unit.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Virtual => "virtual_bytes",
            Self::Resident => Quantity::Resident.name(),
            Self::Private => Quantity::Private.name(),
            Self::Dirty => Quantity::Dirty.name(),
            Self::Swapped => Quantity::Swapped.name(),
            Self::Pss => Quantity::Pss.name(),
            Self::Footprint => "footprint_bytes",
            Self::Regions => "regions",
        }
    }

    /// Returns the name used on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Resident => "resident",
            Self::Private => "private",
            Self::Dirty => "dirty",
            Self::Swapped => "swapped",
            Self::Pss => "pss",
            Self::Footprint => "footprint",
            Self::Regions => "regions",
        }
    }

    /// Returns the metric of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Returns what it counts.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Regions => Unit::Count,
            _ => Unit::Bytes,
        }
    }

    /// Returns what it is in words, to begin a title with.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Virtual => "Virtual memory",
            Self::Resident => "Resident memory",
            Self::Private => "Private memory",
            Self::Dirty => "Dirty memory",
            Self::Swapped => "Swapped memory",
            Self::Pss => "Proportional share of memory (PSS)",
            Self::Footprint => "Memory footprint",
            Self::Regions => "Number of regions",
        }
    }

    /// Returns one line on what it measures.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Virtual => "address space, whether or not memory is behind it",
            Self::Resident => "pages in memory, shared ones included",
            Self::Private => "resident pages no other process maps",
            Self::Dirty => "written pages",
            Self::Swapped => "pages moved out of memory",
            Self::Pss => "resident pages, each divided by the processes that map it",
            Self::Footprint => "private dirty + swapped: what the process alone is charged for",
            Self::Regions => "ranges of addresses with one meaning",
        }
    }

    /// Returns what `region` adds to the sum, unknown where the platform does not say.
    pub fn of(self, region: &Region) -> Option<u64> {
        let get = |quantity| region.quantities.get(quantity);
        match self {
            Self::Virtual => Some(region.identity.range.virtual_bytes()),
            Self::Resident => get(Quantity::Resident),
            Self::Private => get(Quantity::Private),
            Self::Dirty => get(Quantity::Dirty),
            Self::Swapped => get(Quantity::Swapped),
            Self::Pss => get(Quantity::Pss),
            Self::Footprint => {
                Some(get(Quantity::PrivateDirty)?.saturating_add(get(Quantity::Swapped)?))
            }
            Self::Regions => Some(1),
        }
    }
}

/// What a metric is summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// One sum for each family.
    Family,
    /// One sum for each type.
    Type,
}

impl By {
    /// Returns the word used on the command line and in titles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Family => "family",
            Self::Type => "type",
        }
    }

    /// Returns the word for several of them.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Family => "families",
            Self::Type => "types",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for metric in Metric::ALL {
            assert_eq!(Metric::parse(metric.name()), Some(metric));
        }
        assert_eq!(Metric::parse("RSS"), None);
    }
}

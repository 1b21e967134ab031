//! The limits that a process was under, as they were recorded with its samples.
//!
//! Each bounds a figure of its own: that of a control group all processes of the group together,
//! that of mappings the kernel's count of them, of which regions may be parts.

use vmrec_sampler::ProcessTotals;
use vmrec_store::Sample;

use crate::metric::Metric;
use crate::text::units;

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// The memory of its control group and of those below.
    ControlGroup,
    /// Its address space.
    AddressSpace,
    /// Its private writable memory.
    Data,
    /// The number of its mappings.
    Mappings,
}

impl LimitKind {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::ControlGroup, Self::AddressSpace, Self::Data, Self::Mappings];

    /// Returns the system's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ControlGroup => "memory.max",
            Self::AddressSpace => "RLIMIT_AS",
            Self::Data => "RLIMIT_DATA",
            Self::Mappings => "vm.max_map_count",
        }
    }

    /// Returns the stable word for the figure that it bounds.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ControlGroup => "control_group",
            Self::AddressSpace => "address_space",
            Self::Data => "data",
            Self::Mappings => "mappings",
        }
    }

    /// Returns the figure that it bounds, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::ControlGroup => "memory of the control group but files",
            Self::AddressSpace => "address space",
            Self::Data => "private writable memory",
            Self::Mappings => "the number of regions",
        }
    }

    /// Returns the metric in whose pictures it has a line.
    pub const fn metric(self) -> Metric {
        match self {
            Self::ControlGroup => Metric::RESIDENT,
            Self::AddressSpace | Self::Data => Metric::Virtual,
            Self::Mappings => Metric::Regions,
        }
    }

    /// Returns the limit of a sample; `None` where there is none, or it is unknown.
    pub(crate) const fn value(self, totals: &ProcessTotals) -> Option<u64> {
        match self {
            Self::ControlGroup => totals.cgroup_max_bytes,
            Self::AddressSpace => totals.address_space_limit_bytes,
            Self::Data => totals.data_limit_bytes,
            Self::Mappings => totals.max_mappings,
        }
    }

    /// Returns the figure that it bounds, as far as samples have it. The kernel gives up the cache of
    /// files before a group reaches its limit, so that is no part of it.
    pub fn used(self, sample: &Sample) -> Option<u64> {
        let totals = &sample.totals;
        match self {
            Self::ControlGroup => {
                let files = totals.cgroup_file_bytes.unwrap_or(0);
                totals.cgroup_bytes.map(|charged| charged.saturating_sub(files))
            }
            Self::AddressSpace => totals.virtual_bytes,
            Self::Data => None,
            Self::Mappings => sample.regions,
        }
    }
}

/// A limit as it was at the end of a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordedLimit {
    /// What it bounds.
    pub kind: LimitKind,
    /// Bytes or mappings.
    pub value: u64,
    /// Another one that it was at the begin.
    pub before: Option<u64>,
}

impl RecordedLimit {
    /// Returns the limits at the last of two samples.
    pub fn all(first: &ProcessTotals, last: &ProcessTotals) -> Vec<Self> {
        let limit = |kind: LimitKind| {
            let value = kind.value(last)?;
            let before = kind.value(first).filter(|before| *before != value);
            Some(Self { kind, value, before })
        };
        LimitKind::ALL.into_iter().filter_map(limit).collect()
    }

    /// Returns its name and value: `memory.max 512.0M`.
    pub fn words(&self) -> String {
        let unit = self.kind.metric().unit();
        let before = self.before.map(|before| format!(", {} before", unit.plain(before)));
        format!("{} {}{}", self.kind.name(), unit.plain(self.value), before.unwrap_or_default())
    }

    /// Returns how many times so much it is: `3.2 times the highest`; whole numbers from 10 on.
    pub(crate) fn beside(&self, highest: u64) -> String {
        let times = self.value as f64 / highest.max(1) as f64;
        match times {
            few if few < 10.0 => format!("{few:.1} times the highest"),
            many => format!("{} times the highest", units::count(many as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_last_sample() {
        let first = ProcessTotals { max_mappings: Some(65_530), ..ProcessTotals::default() };
        let last = ProcessTotals {
            max_mappings: Some(262_144),
            cgroup_max_bytes: Some(512 << 20),
            ..ProcessTotals::default()
        };
        let words = |first, last| {
            let all = RecordedLimit::all(first, last);
            all.iter().map(RecordedLimit::words).collect::<Vec<_>>()
        };
        assert_eq!(
            words(&first, &last),
            ["memory.max 512.0M", "vm.max_map_count 262,144, 65,530 before"]
        );
        assert_eq!(words(&last, &first), ["vm.max_map_count 65,530, 262,144 before"]);
        assert!(words(&last, &ProcessTotals::default()).is_empty());
    }

    #[test]
    fn the_cache_of_files_is_no_part_of_what_a_group_is_stopped_for() {
        let mut sample = crate::fixture::samples().remove(0);
        assert_eq!(LimitKind::ControlGroup.used(&sample), None);
        sample.totals.cgroup_bytes = Some(300);
        assert_eq!(LimitKind::ControlGroup.used(&sample), Some(300));
        sample.totals.cgroup_file_bytes = Some(120);
        assert_eq!(LimitKind::ControlGroup.used(&sample), Some(180));
        assert_eq!(LimitKind::Mappings.used(&sample), Some(7));
        assert_eq!(LimitKind::Data.used(&sample), None);
    }

    #[test]
    fn how_far_a_limit_is_has_few_digits() {
        let limit = RecordedLimit { kind: LimitKind::Mappings, value: 65_530, before: None };
        assert_eq!(limit.beside(20_000), "3.3 times the highest");
        assert_eq!(limit.beside(31), "2,113 times the highest");
        assert_eq!(limit.beside(0), "65,530 times the highest");
    }
}

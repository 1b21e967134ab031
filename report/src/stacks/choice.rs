//! Which parts of stacks are compared, the size of a snapshot that is their whole, and how they are named.

use vmrec_sampler::{LiveStack, Quantity, Snapshot, StackCounts, StackMetric};

use crate::text::units;

/// The parts of stacks that are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackChoice<'a> {
    /// The metric.
    pub metric: StackMetric,
    /// The name of the one type of regions; all without it.
    pub only_type: Option<&'a str>,
}

impl StackChoice<'_> {
    /// Returns whether a part is among them.
    pub(crate) fn has(&self, row: &LiveStack) -> bool {
        row.metric == self.metric && self.has_type(&row.region_type)
    }

    fn has_type(&self, name: &str) -> bool {
        self.only_type.is_none_or(|only| only.eq_ignore_ascii_case(name))
    }

    /// Returns the bytes of a snapshot that all parts sum to with what no stack explains; `None` if
    /// they are unknown. Of a metric that has no whole there are none, so 0.
    pub fn whole_bytes(&self, snapshot: &Snapshot) -> Option<u64> {
        let regions = snapshot.regions.iter();
        let regions = regions.filter(|it| self.has_type(it.identity.label.region_type.name()));
        match self.metric {
            StackMetric::Resident => {
                regions.map(|it| it.quantities.get(Quantity::Resident)).sum::<Option<u64>>()
            }
            StackMetric::Mapped => Some(regions.map(|it| it.identity.range.virtual_bytes()).sum()),
            StackMetric::Births
            | StackMetric::Deaths
            | StackMetric::Released
            | StackMetric::Live
            | StackMetric::Allocated => Some(0),
        }
    }
}

/// Words about a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MetricWords {
    /// Its bytes: `resident +5M`.
    pub(crate) noun: &'static str,
    /// How stacks came to have parts of them.
    pub(crate) by: &'static str,
    /// The heading of the number behind the bytes.
    pub(crate) count: &'static str,
    /// Whether the bytes are estimates.
    pub(crate) is_estimate: bool,
}

impl MetricWords {
    pub(crate) const fn of(metric: StackMetric) -> Self {
        let (noun, by, count) = match metric {
            StackMetric::Resident => {
                ("resident", "by the stacks whose page faults brought it", "SAMPLES")
            }
            StackMetric::Mapped => ("mapped", "by the stacks that mapped it", "MAPPINGS"),
            StackMetric::Births => ("newly mapped", "by the stacks that mapped it", "MAPPINGS"),
            StackMetric::Deaths => ("unmapped", "by the stacks that unmapped it", "CALLS"),
            StackMetric::Released => ("released", "by the stacks that advised it", "CALLS"),
            StackMetric::Live => {
                ("live", "in blocks, by the stacks that allocated them", "SAMPLES")
            }
            StackMetric::Allocated => ("allocated", "by the stacks that did so", "SAMPLES"),
        };
        let is_estimate = matches!(metric, StackMetric::Resident) || metric.is_of_blocks();
        Self { noun, by, count, is_estimate }
    }

    /// Returns how the figures of a time came about, as `; 1 in 61 sampled`; nothing if they are exact.
    pub(crate) fn sampling(&self, counts: &StackCounts) -> String {
        match (counts.allocs, counts.period) {
            _ if !self.is_estimate => String::new(),
            (Some(allocs), _) => {
                format!("; 1 sampled in {} allocated", units::size(allocs.mean_bytes))
            }
            (None, 1) => String::new(),
            (None, period) => format!("; 1 in {} sampled", units::count(period)),
        }
    }

    /// Returns the heading of the bytes.
    pub(crate) fn column(&self) -> String {
        self.noun.to_uppercase()
    }
}

//! What a recording must keep to: limits, each on one figure of one metric.

use std::fmt::{Display, Formatter, Result};

use vmrec_sampler::{Family, Naming};

use crate::metric::Metric;
use crate::series::tick::SeriesKey;
use crate::text::units;

/// A figure that must not be above a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// The metric.
    pub metric: Metric,
    /// The regions it is summed over.
    pub of: Subject,
    /// The figure of it.
    pub figure: Figure,
    /// The bound.
    pub bound: Bound,
}

/// The regions that a limit is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// All of the process.
    Total,
    /// Those of a family.
    Family(Family),
    /// Those of the type with this key.
    Type(String),
    /// Those of the objects with this name, in which `*` stands for any text.
    Object(String),
    /// Those that stacks with a function of this name made resident: estimates.
    Stack(String),
}

/// A figure of a metric over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The highest sample.
    Highest,
    /// The last sample less the first.
    Growth,
    /// The slope, per so many nanoseconds.
    Slope {
        /// The nanoseconds.
        per_ns: u64,
    },
}

/// How high a figure may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// So many bytes or regions.
    Absolute(u64),
    /// As many regions as the system allowed a process when it was recorded.
    MaxMapCount,
    /// So many percent above the same figure of the baseline.
    AboveBaseline(f64),
}

/// The setting of `vm.max_map_count` that kernels begin with.
pub const USUAL_MAX_MAP_COUNT: u64 = 65_530;

impl Subject {
    /// Returns whether the sums of a key are among those it is on.
    pub(crate) fn has(&self, key: &SeriesKey) -> bool {
        match self {
            Self::Total => true,
            Self::Family(family) => key.family == *family,
            Self::Type(name) | Self::Object(name) | Self::Stack(name) => *key.name == **name,
        }
    }

    /// Returns its name for display.
    pub(crate) fn label(&self, keys: &[SeriesKey], naming: Naming) -> String {
        match self {
            Self::Total => "total".to_owned(),
            Self::Family(family) => family.label(naming).to_owned(),
            Self::Type(name) => keys
                .iter()
                .find(|key| self.has(key))
                .map_or(&**name, |key| naming.type_label(&key.name, key.family))
                .to_owned(),
            Self::Object(name) => name.clone(),
            Self::Stack(name) => format!("{name} (estimated)"),
        }
    }

    /// Returns its stable name: the key of a family or type.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Total => None,
            Self::Family(family) => Some(family.name()),
            Self::Type(name) | Self::Object(name) | Self::Stack(name) => Some(name),
        }
    }

    /// Returns the stable word for its kind.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Family(_) => "family",
            Self::Type(_) => "type",
            Self::Object(_) => "object",
            Self::Stack(_) => "stack",
        }
    }
}

impl Figure {
    /// Returns how many samples it needs; a slope needs `min_samples`.
    pub(crate) fn needed_samples(self, min_samples: usize) -> usize {
        match self {
            Self::Highest => 1,
            Self::Growth => 2,
            Self::Slope { .. } => min_samples.max(2),
        }
    }

    /// Returns the stable word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Highest => "highest",
            Self::Growth => "growth",
            Self::Slope { .. } => "slope",
        }
    }
}

impl Display for Figure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        const SECOND: u64 = 1_000_000_000;
        match *self {
            Self::Highest => formatter.write_str("highest"),
            Self::Growth => formatter.write_str("growth"),
            Self::Slope { per_ns } => match per_ns / SECOND {
                1 => formatter.write_str("growth per second"),
                60 => formatter.write_str("growth per minute"),
                3600 => formatter.write_str("growth per hour"),
                86_400 => formatter.write_str("growth per day"),
                _ => write!(formatter, "growth per {}", units::duration(per_ns)),
            },
        }
    }
}

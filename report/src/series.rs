//! One quantity over time, summed by family or by type: what a chart draws.
//!
//! A [`SeriesBuilder`] takes sums by type in the order of time and keeps 4
//! bytes a sample, key and metric, so that recordings of weeks fit in memory. Unknown is not zero: a value that was not measured is
//! `None`, and a type that a measured sample does not have is 0.

mod builder;
mod by;
mod column;
mod gap;
mod means;

use std::sync::Arc;

use vmrec_sampler::{Family, Timestamp};

pub use builder::SeriesBuilder;
pub use by::By;
pub use column::Column;
pub use gap::{Gap, GapReason};
pub use means::Stretch;

use crate::metric::Metric;

/// Whether a sample can be trusted, or was taken at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickState {
    /// Seen as of one moment.
    Complete,
    /// The regions moved while they were read.
    Torn,
    /// Not taken.
    Missed,
}

/// One sample's place in time, or an end of a minute or hour that has a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// Its number in the recording.
    pub number: u64,
    /// When it was taken, or was due.
    pub taken: Timestamp,
    /// Whether it can be trusted.
    pub state: TickState,
}

/// What one line or area stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// The family it is, or belongs to.
    pub family: Family,
    /// The name of the family or type.
    pub name: Arc<str>,
}

/// The values of one key, one for each tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySeries {
    /// What they are values of.
    pub key: SeriesKey,
    /// The values in the order of the ticks.
    pub values: Column,
}

impl KeySeries {
    /// Returns each value less the first known one, signed.
    pub fn growth(&self) -> impl Iterator<Item = Option<i128>> + '_ {
        let first = self.values.first_known().map_or(0, i128::from);
        self.values.iter().map(move |value| Some(i128::from(value?) - first))
    }
}

/// One metric over time, summed by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// What is summed.
    pub metric: Metric,
    /// What it is summed by.
    pub by: By,
    /// Every sample of the stretch, missed ones too, in the order of time: as they were gathered,
    /// since a slice of millions would be a copy.
    pub ticks: Arc<Vec<Tick>>,
    /// The keys of which something is known, by family, then in the order they appeared, then by name.
    pub keys: Vec<KeySeries>,
    /// Keys that were present but of which the metric was never known; no part of `totals`.
    pub unknown: Vec<SeriesKey>,
    /// The sum over `keys` at each tick, unknown where one of them is.
    pub totals: Column,
    /// Stretches of time without samples, or without a known total.
    pub gaps: Vec<Gap>,
}

impl Series {
    /// Returns how long after the first tick the tick at `index` was, by the monotonic clock.
    pub fn elapsed_ns(&self, index: usize) -> u64 {
        match (self.ticks.first(), self.ticks.get(index)) {
            (Some(first), Some(tick)) => {
                tick.taken.monotonic_ns.saturating_sub(first.taken.monotonic_ns)
            }
            _ => 0,
        }
    }

    /// Returns how much time the ticks span.
    pub fn span_ns(&self) -> u64 {
        self.elapsed_ns(self.ticks.len().saturating_sub(1))
    }
}

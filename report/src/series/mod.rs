//! One quantity over time, summed by family or by type: what a chart draws.
//!
//! A [`builder::SeriesBuilder`] takes sums by type in the order of time and keeps 4
//! bytes a sample, key and metric, so that recordings of weeks fit in memory. Unknown is not zero: a value that was not measured is
//! `None`, and a type that a measured sample does not have is 0.

pub(crate) mod builder;
pub(crate) mod by;
pub(crate) mod column;
pub(crate) mod filter;
pub(crate) mod gap;
pub(crate) mod means;
pub(crate) mod objects;
pub(crate) mod tick;
pub(crate) mod torn;

use std::sync::Arc;

use crate::metric::Metric;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::gap::Gap;
use crate::series::tick::{KeySeries, SeriesKey, SeriesTick, TickState};

/// One metric over time, summed by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The metric summed.
    pub metric: Metric,
    /// The kind of its keys.
    pub by: By,
    /// Every sample of the stretch, missed ones too, in the order of time: as they were gathered,
    /// since a slice of millions would be a copy.
    pub ticks: Arc<Vec<SeriesTick>>,
    /// The keys of which something is known, by family, then in the order they appeared, then by name.
    pub keys: Vec<KeySeries>,
    /// Keys that were present but of which the metric was never known; no part of `totals`.
    pub unknown: Vec<SeriesKey>,
    /// The sum over `keys` at each tick, unknown where one of them is.
    pub totals: SeriesColumn,
    /// Where some types only are counted, the sum over all others: no part of `totals`.
    pub rest: Option<SeriesColumn>,
    /// Stretches of time without samples, or without a known total.
    pub gaps: Vec<Gap>,
    /// The number of planned samples not taken: a missed tick may stand for several.
    pub missed: u64,
    /// Whether the values of torn samples were left out, since others are known.
    pub torn_left_out: bool,
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

    /// Returns whether the tick at `index` is one of a sample that figures are taken from.
    pub(crate) fn counts(&self, index: usize) -> bool {
        let state = self.ticks.get(index).map(|tick| tick.state);
        state.is_some_and(|state| match state {
            TickState::Missed => false,
            TickState::Torn => !self.torn_left_out,
            TickState::Complete
            | TickState::Cheap
            | TickState::Unchanged
            | TickState::TotalsAlone => true,
        })
    }

    /// Returns how many samples were deleted since, to make room, between the first tick and the last.
    pub(crate) fn deleted(&self) -> u64 {
        let (Some(first), Some(last)) = (self.ticks.first(), self.ticks.last()) else { return 0 };
        (last.number + 1).saturating_sub(first.number).saturating_sub(self.ticks.len() as u64)
    }

    /// Returns how much time the ticks span.
    pub fn span_ns(&self) -> u64 {
        self.elapsed_ns(self.ticks.len().saturating_sub(1))
    }
}

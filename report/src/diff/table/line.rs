//! A row of the table before it is laid out.

use crate::amounts::Change;
use crate::metric::Metric;

/// A row, or several that are shown as one.
pub(super) struct Line {
    /// The cells before the numbers.
    pub(super) names: Vec<String>,
    pub(super) change: Change,
    /// Whether it changed in a way that no number shows.
    pub(super) otherwise_changed: bool,
    /// How many rows of the diff it stands for.
    pub(super) rows: u64,
}

impl Line {
    /// Returns whether one of `metrics`, the number of regions or what no number shows changed.
    pub(super) fn moves(&self, metrics: &[Metric]) -> bool {
        let differs = |&metric: &Metric| {
            let delta = self.change.get(metric);
            delta.from != delta.to
        };
        self.otherwise_changed
            || self.change.from.regions != self.change.to.regions
            || metrics.iter().any(differs)
    }
}

/// Adds the changes of lines up.
pub(super) fn sum(lines: &[Line]) -> Change {
    let mut sum = Change::default();
    lines.iter().for_each(|line| sum.merge(&line.change));
    sum
}

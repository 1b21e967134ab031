//! The change between the two samples that a page compares at first: totals, and sums by type.

use vmrec_sampler::{Family, Naming, sort_by_key};

use crate::amounts::Delta;
use crate::metric::Metric;
use crate::series::Series;
use crate::series::by::By;
use crate::series::tick::SeriesKey;

/// Two samples of a page.
pub(crate) struct Compared<'a> {
    pub(crate) columns: &'a [Series],
    pub(crate) types: &'a [SeriesKey],
    /// Their indexes.
    pub(crate) ends: (usize, usize),
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) family: Family,
    pub(crate) delta: Delta,
    /// By how much the number of its regions changed.
    pub(crate) regions: i128,
}

/// The rows of the table, the largest change first.
pub(crate) struct Lines(pub(crate) Vec<Line>);

impl Lines {
    /// Returns the largest change.
    pub(crate) fn largest(&self) -> u128 {
        let moved = |line: &Line| line.delta.delta().map_or(0, i128::unsigned_abs);
        self.0.iter().map(moved).max().unwrap_or(0)
    }
}

impl Compared<'_> {
    fn series(&self, metric: Metric) -> Option<&Series> {
        self.columns.iter().find(|series| series.metric == metric)
    }

    fn delta(&self, series: &Series, of: &SeriesKey) -> Delta {
        let key = series.keys.iter().find(|key| key.key == *of);
        let value = |at| key.and_then(|key| key.values.get(at));
        Delta { from: value(self.ends.0), to: value(self.ends.1) }
    }

    /// Returns the total of a metric; of virtual memory, without reserved address space.
    pub(crate) fn total(&self, metric: Metric) -> Delta {
        let Some(series) = self.series(metric) else { return Delta::default() };
        let hidden = (metric == Metric::Virtual).then_some(Family::Reserved);
        let counted = series.keys.iter().filter(|key| Some(key.key.family) != hidden);
        let sum = |at: usize| {
            counted
                .clone()
                .try_fold(0_u64, |sum, key| Some(sum.saturating_add(key.values.get(at)?)))
        };
        Delta { from: sum(self.ends.0), to: sum(self.ends.1) }
    }

    /// Returns the rows of the table; types of which nothing is there and nothing changed are left out.
    pub(crate) fn lines(&self, metric: Metric, naming: Naming) -> Lines {
        let Some(series) = self.series(metric) else { return Lines(Vec::new()) };
        let line = |key: &SeriesKey| Line {
            label: key.label(By::Type, naming).to_owned(),
            family: key.family,
            delta: self.delta(series, key),
            regions: self
                .series(Metric::Regions)
                .and_then(|all| self.delta(all, key).delta())
                .unwrap_or(0),
        };
        let mut lines: Vec<Line> = self.types.iter().map(line).collect();
        lines
            .retain(|line| (line.delta.from, line.delta.to, line.regions) != (Some(0), Some(0), 0));
        sort_by_key(&mut lines, |line| {
            let moved = line.delta.delta().map_or(0, i128::unsigned_abs);
            std::cmp::Reverse((moved, line.delta.to))
        });
        Lines(lines)
    }
}

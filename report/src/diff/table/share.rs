//! Shares: which part of the change of the whole each row took.

use crate::amounts::Change;
use crate::diff::Diff;
use crate::diff::table::headline::without_reserved;
use crate::finding::outcome::Whole;
use crate::metric::Metric;
use crate::text::table::Cell;

/// The change that rows have shares of, by the metric that they are sorted by.
#[derive(Clone, Copy)]
pub(crate) struct SharesOf {
    metric: Metric,
    whole: Option<Whole>,
}

impl SharesOf {
    /// Returns it. No row has a share where the total is unknown or did not change, where rows moved both ways,
    /// so that shares would mislead, and where reserved address space makes two totals of one.
    pub(crate) fn of<'a>(diff: &Diff, rows: impl Iterator<Item = &'a Change> + Clone) -> Self {
        let metric = diff.sorted_by;
        let parts = rows.filter_map(|change| change.get(metric).delta());
        let total = diff.total.get(metric).delta();
        let two_totals = metric == Metric::Virtual && without_reserved(diff).is_some();
        let whole = total.filter(|_| !two_totals).and_then(|total| Whole::of(parts, total));
        Self { metric, whole }
    }

    /// Returns whether any row may have one.
    pub(super) fn have_meaning(&self) -> bool {
        self.whole.is_some_and(|whole| whole.percent(0).is_some())
    }

    /// Returns the share of a row in whole percent, rounded down; `None` if it moved against the whole.
    pub(crate) fn percent(&self, change: &Change) -> Option<u8> {
        self.whole?.percent(change.get(self.metric).delta()?)
    }

    /// Returns the share of a row as a cell.
    pub(super) fn cell(&self, change: &Change) -> Cell {
        let moved = change.get(self.metric).delta() != Some(0);
        Cell::new(&match self.percent(change) {
            None => "-".to_owned(),
            Some(0) if moved => "<1%".to_owned(),
            Some(percent) => format!("{percent}%"),
        })
    }
}

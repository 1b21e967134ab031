//! Leaves torn samples out of a series: regions that moved while they were read may count twice or
//! not at all, so that a sum of them may be above any that the process ever had.
//!
//! This is the one place that decides it. Where a metric is known in torn samples alone they stay,
//! since they are all there is, and the finding says so.

use crate::series::column::SeriesColumn;
use crate::series::tick::{KeySeries, SeriesTick, TickState};

/// Whether a series has the values of torn samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TornValues {
    /// Only where a metric is known in no other sample: for figures and pictures.
    LeftOut,
    /// As they were measured: to show samples one by one.
    Kept,
}

/// Makes the values of torn samples unknown if there are others, and returns whether it did.
pub(crate) fn leave_out(
    ticks: &[SeriesTick],
    keys: &mut [KeySeries],
    totals: &mut SeriesColumn,
) -> bool {
    let is_torn = |index: &usize| ticks[*index].state == TickState::Torn;
    let torn: Vec<usize> = (0..ticks.len()).filter(is_torn).collect();
    let others_known = || (0..ticks.len()).any(|at| !is_torn(&at) && totals.get(at).is_some());
    if torn.is_empty() || !others_known() {
        return false;
    }
    for column in keys.iter_mut().map(|key| &mut key.values).chain([totals]) {
        torn.iter().for_each(|index| column.forget(*index));
    }
    true
}

//! The sample that growth is counted from: of a process that was still loading at first, a later one.

use crate::finding::outcome::tolerance;
use crate::series::Series;
use crate::series::column::SeriesColumn;
use crate::series::tick::TickState;

/// A process younger than this at its first sample may still be loading.
const LOADING_NS: u64 = 500_000_000;
/// A process older than this has loaded, or never will have.
const LOADED_NS: u64 = 5_000_000_000;
/// The part of the time in which loading may end: a quarter.
const MAX_PART: u64 = 4;

/// Where to count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Baseline {
    /// Index of the first tick counted.
    pub(crate) index: usize,
    /// Whether the first sample counted is of a process that is still loading.
    pub(crate) loading: bool,
    /// The index of the mark it was found by.
    pub(crate) mark: Option<usize>,
}

/// Returns where to count `totals` from, of a process of this age at the first tick.
pub(crate) fn find(
    series: &Series,
    totals: &SeriesColumn,
    age_ns: Option<u64>,
    marks: &[u64],
) -> Baseline {
    let begin = Baseline { index: 0, loading: false, mark: None };
    let Some(age_ns) = age_ns.filter(|age| *age < LOADING_NS) else { return begin };
    let until = (LOADED_NS - age_ns).min(series.span_ns() / MAX_PART);
    let mut known = (0..totals.len()).filter_map(|index| Some((index, totals.get(index)?)));
    let Some((first, value)) = known.next() else { return begin };
    let mut steady = SteadyState { index: first, value, highest: value };
    for (index, value) in known {
        if steady.lasts(series, value) {
            return Baseline { index: steady.index, ..begin };
        }
        let elapsed_ns = series.elapsed_ns(index);
        if elapsed_ns > until {
            break;
        }
        steady = SteadyState { index, value, highest: steady.highest.max(value) };
    }
    let loading = Baseline { loading: true, ..begin };
    let in_time = |at: &u64| *at > 0 && *at <= series.span_ns() / MAX_PART;
    let mark =
        (0..marks.len()).filter(|mark| in_time(&marks[*mark])).min_by_key(|mark| marks[*mark]);
    let at = |mark: usize| {
        let known = |index: &usize| {
            series.elapsed_ns(*index) >= marks[mark] && totals.get(*index).is_some()
        };
        let index = (0..totals.len()).find(known)?;
        Some(Baseline { index, mark: Some(mark), ..begin })
    };
    mark.and_then(at).unwrap_or(loading)
}

/// A sample that growth may be counted from, if the next one is like it.
struct SteadyState {
    index: usize,
    value: u64,
    /// The maximum so far.
    highest: u64,
}

impl SteadyState {
    /// Returns whether the value is that of a process at rest, next to the one that follows; one
    /// that was larger before is at work already.
    fn lasts(&self, series: &Series, next: u64) -> bool {
        let state = series.ticks.get(self.index).map(|tick| tick.state);
        let tolerance = tolerance(self.value.max(next), series.metric.unit());
        state == Some(TickState::Complete)
            && self.value.abs_diff(next) <= tolerance
            && self.highest - self.value <= tolerance
    }
}

//! The sample that growth is counted from: of a process that was still loading at first, a later one.

use crate::finding::outcome::tolerance;
use crate::metric::Unit;
use crate::series::Series;
use crate::series::column::SeriesColumn;
use crate::series::tick::TickState;

/// A process younger than this at its first sample may still be loading.
const LOADING_NS: u64 = 500_000_000;
/// A process older than this has loaded, or never will have.
const LOADED_NS: u64 = 5_000_000_000;
/// The part of the time in which counting may begin: a quarter.
const MAX_PART: u64 = 4;

/// How far the clock of a process's start may be ahead of the one of its samples.
const MAX_SKEW_NS: i64 = 1_000_000_000;

/// Returns the age of a process at a sample; clocks may differ a little.
pub fn age_ns(started_utc_ns: Option<i64>, sample_utc_ns: i64) -> Option<u64> {
    let age = sample_utc_ns.checked_sub(started_utc_ns?)?;
    (age > -MAX_SKEW_NS).then_some(u64::try_from(age).unwrap_or(0))
}

/// Returns whether a process of this age may still be loading.
pub(crate) fn may_load(age_ns: u64) -> bool {
    age_ns < LOADING_NS
}

/// Returns whether a sample at this time can be the one to count from, of so long a time in all.
pub fn begins_in_time(elapsed_ns: u64, span_ns: u64) -> bool {
    elapsed_ns <= span_ns / MAX_PART
}

/// Watches the samples of a young process for the first one at rest.
#[derive(Clone, Debug)]
pub struct LoadingWatch {
    unit: Unit,
    /// The last time at which a sample can be the one.
    until_ns: u64,
    before: Option<WatchedSample>,
    /// The maximum so far.
    highest: u64,
}

/// A sample of a process that may still be loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchedSample {
    /// Its time since the first sample.
    pub elapsed_ns: u64,
    /// Its total.
    pub value: u64,
    /// Whether it is not torn.
    pub complete: bool,
}

/// The state of a process by its samples so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// It may still be loading.
    Going,
    /// It was at rest at the sample before.
    Rested,
    /// It is too old to be watched.
    Over,
}

impl LoadingWatch {
    /// Begins to watch a process of this age, if it is young enough.
    pub fn new(age_ns: Option<u64>, unit: Unit) -> Option<Self> {
        let age_ns = age_ns.filter(|age| may_load(*age))?;
        Some(Self { unit, until_ns: LOADED_NS - age_ns, before: None, highest: 0 })
    }

    /// Adds the next sample. One is at rest if the next is like it and none before was larger:
    /// a process that gave memory back is at work already.
    pub fn add(&mut self, sample: WatchedSample) -> Loading {
        if let Some(before) = self.before {
            if before.elapsed_ns > self.until_ns {
                return Loading::Over;
            }
            let tolerance = tolerance(before.value.max(sample.value), self.unit);
            let is_like = before.value.abs_diff(sample.value) <= tolerance;
            if before.complete && is_like && self.highest - before.value <= tolerance {
                return Loading::Rested;
            }
        }
        self.highest = self.highest.max(sample.value);
        self.before = Some(sample);
        Loading::Going
    }
}

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
    let Some(mut watch) = LoadingWatch::new(age_ns, series.metric.unit()) else { return begin };
    let in_time = |elapsed_ns: u64| begins_in_time(elapsed_ns, series.span_ns());
    let mut before = None;
    for index in 0..totals.len() {
        let Some(value) = totals.get(index) else { continue };
        let state = series.ticks.get(index).map(|tick| tick.state);
        let complete =
            matches!(state, Some(TickState::Complete | TickState::Cheap | TickState::Unchanged));
        let elapsed_ns = series.elapsed_ns(index);
        match watch.add(WatchedSample { elapsed_ns, value, complete }) {
            Loading::Going => before = Some(index),
            Loading::Over => break,
            Loading::Rested => match before.filter(|index| in_time(series.elapsed_ns(*index))) {
                Some(index) => return Baseline { index, ..begin },
                None => break,
            },
        }
    }
    let mark = (0..marks.len()).filter(|mark| marks[*mark] > 0 && in_time(marks[*mark]));
    let at = |mark: usize| {
        let known = |index: &usize| {
            series.elapsed_ns(*index) >= marks[mark] && totals.get(*index).is_some()
        };
        let index = (0..totals.len()).find(known)?;
        Some(Baseline { index, mark: Some(mark), ..begin })
    };
    let loading = Baseline { loading: true, ..begin };
    mark.min_by_key(|mark| marks[*mark]).and_then(at).unwrap_or(loading)
}

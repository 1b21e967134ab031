//! Stretches of time of which nothing is known.

use crate::series::column::SeriesColumn;
use crate::series::tick::{SeriesTick, TickState};

/// Why nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// Samples were missed.
    Missed,
    /// Two samples are farther apart than they should be.
    Silent,
    /// Samples were taken, but the metric is unknown in them.
    Unknown,
}

/// A stretch of time of which nothing is known, between two samples or at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Index of the tick it begins after: the last one known, or the first of all.
    pub after: usize,
    /// Index of the tick it ends at: the next one known, or the last of all.
    pub before: usize,
    /// Why.
    pub reason: GapReason,
}

/// The number of distances on either side that make a distance usual.
const NEIGHBOURS: usize = 5;
/// With fewer neighbours than this, only the interval says what is usual.
const ENOUGH_NEIGHBOURS: usize = 4;

/// Finds the gaps of a series with these totals.
///
/// Two samples are too far apart at more than 2.5 times the planned interval,
/// unless that distance is usual there: old samples may have been thinned out
/// to one a minute since.
pub(crate) fn find(ticks: &[SeriesTick], totals: &SeriesColumn, interval_ns: u64) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut last_known: Option<usize> = None;
    for index in 0..ticks.len() {
        if totals.get(index).is_none() {
            continue;
        }
        let after = last_known.unwrap_or(0);
        let unknown = last_known.map_or(0, |last| last + 1)..index;
        if !unknown.is_empty() {
            gaps.push(Gap { after, before: index, reason: reason(&ticks[unknown]) });
        } else if last_known.is_some() && too_far(ticks, index, interval_ns) {
            gaps.push(Gap { after, before: index, reason: GapReason::Silent });
        }
        last_known = Some(index);
    }
    if let Some(last) = last_known.filter(|last| last + 1 < ticks.len()) {
        let reason = reason(&ticks[last + 1..]);
        gaps.push(Gap { after: last, before: ticks.len() - 1, reason });
    }
    gaps
}

fn reason(unknown: &[SeriesTick]) -> GapReason {
    if unknown.iter().all(|tick| tick.state == TickState::Missed) {
        GapReason::Missed
    } else {
        GapReason::Unknown
    }
}

/// The distance from the tick before `index` to it.
fn distance(ticks: &[SeriesTick], index: usize) -> u64 {
    let at = |index: usize| ticks[index].taken.monotonic_ns;
    at(index).saturating_sub(at(index - 1))
}

fn too_far(ticks: &[SeriesTick], index: usize, interval_ns: u64) -> bool {
    let far = |usual: u64| distance(ticks, index) / 5 > usual / 2;
    if !far(interval_ns) {
        return false;
    }
    let nearby =
        index.saturating_sub(NEIGHBOURS).max(1)..=(index + NEIGHBOURS).min(ticks.len() - 1);
    let mut others: Vec<u64> =
        nearby.filter(|other| *other != index).map(|other| distance(ticks, other)).collect();
    others.sort_unstable();
    others.len() < ENOUGH_NEIGHBOURS || far(others[others.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use vmrec_sampler::Timestamp;

    const SECOND: u64 = 1_000_000_000;

    fn ticks(seconds: &[u64]) -> Vec<SeriesTick> {
        let tick = |(index, second): (usize, &u64)| SeriesTick {
            number: index as u64 + 1,
            taken: Timestamp { utc_ns: 0, monotonic_ns: second * SECOND },
            state: TickState::Complete,
        };
        seconds.iter().enumerate().map(tick).collect()
    }

    fn known(ticks: &[SeriesTick]) -> SeriesColumn {
        ticks.iter().map(|tick| (tick.state != TickState::Missed).then_some(1)).collect()
    }

    #[test]
    fn long_distances_are_gaps() {
        let ticks = ticks(&[0, 2, 4, 9, 11, 17]);
        let gaps = find(&ticks, &known(&ticks), 2 * SECOND);
        assert_eq!(gaps, [Gap { after: 4, before: 5, reason: GapReason::Silent }]);
    }

    #[test]
    fn history_thinned_out_is_no_gap() {
        let thinned: Vec<u64> = (0..20).map(|minute| minute * 60).chain(1142..1200).collect();
        let ticks = ticks(&thinned);
        assert_eq!(find(&ticks, &known(&ticks), SECOND), []);
    }

    #[test]
    fn missed_samples_are_gaps_at_the_ends_too() {
        let mut ticks = ticks(&[0, 1, 2, 3, 4, 5]);
        for missed in [0, 3, 5] {
            ticks[missed].state = TickState::Missed;
        }
        let gaps = find(&ticks, &known(&ticks), SECOND);
        let ends: Vec<_> = gaps.iter().map(|gap| (gap.after, gap.before)).collect();
        assert_eq!(ends, [(0, 1), (2, 4), (4, 5)]);
        assert!(gaps.iter().all(|gap| gap.reason == GapReason::Missed));
    }
}

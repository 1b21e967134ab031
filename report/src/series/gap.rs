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
///
/// A torn sample without a value is as if it had never been due: alone it leaves no gap.
pub(crate) fn find(ticks: &[SeriesTick], totals: &SeriesColumn, interval_ns: u64) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let left_out =
        |index: &usize| ticks[*index].state == TickState::Torn && totals.get(*index).is_none();
    // The indexes of the ticks that count.
    let due: Vec<usize> = (0..ticks.len()).filter(|index| !left_out(index)).collect();
    let mut last_known: Option<usize> = None;
    for (at, index) in due.iter().enumerate() {
        if totals.get(*index).is_none() {
            continue;
        }
        let after = last_known.map_or(0, |last| due[last]);
        let unknown = &due[last_known.map_or(0, |last| last + 1)..at];
        let gap = |reason| Gap { after, before: *index, reason };
        if !unknown.is_empty() {
            gaps.push(gap(reason(ticks, unknown)));
        } else if last_known.is_some() && too_far(ticks, &due, at, interval_ns) {
            gaps.push(gap(GapReason::Silent));
        }
        last_known = Some(at);
    }
    if let Some(last) = last_known.filter(|last| last + 1 < due.len()) {
        let reason = reason(ticks, &due[last + 1..]);
        gaps.push(Gap { after: due[last], before: ticks.len() - 1, reason });
    }
    gaps
}

fn reason(ticks: &[SeriesTick], unknown: &[usize]) -> GapReason {
    if unknown.iter().all(|index| ticks[*index].state == TickState::Missed) {
        GapReason::Missed
    } else {
        GapReason::Unknown
    }
}

/// The distance between the tick before the one at `at` of those that count, and it.
fn distance(ticks: &[SeriesTick], due: &[usize], at: usize) -> u64 {
    let taken = |at: usize| ticks[due[at]].taken.monotonic_ns;
    taken(at).saturating_sub(taken(at - 1))
}

fn too_far(ticks: &[SeriesTick], due: &[usize], at: usize, interval_ns: u64) -> bool {
    let far = |usual: u64| distance(ticks, due, at) / 5 > usual / 2;
    if !far(interval_ns) {
        return false;
    }
    let nearby = at.saturating_sub(NEIGHBOURS).max(1)..=(at + NEIGHBOURS).min(due.len() - 1);
    let mut others: Vec<u64> =
        nearby.filter(|other| *other != at).map(|other| distance(ticks, due, other)).collect();
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
    fn a_torn_sample_without_a_value_leaves_no_gap_but_many_do() {
        let mut ticks = ticks(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let torn = |ticks: &mut Vec<SeriesTick>, at: usize| ticks[at].state = TickState::Torn;
        let complete = |ticks: &[SeriesTick]| -> SeriesColumn {
            ticks.iter().map(|tick| (tick.state == TickState::Complete).then_some(1)).collect()
        };
        [0, 2, 9].into_iter().for_each(|at| torn(&mut ticks, at));
        assert_eq!(find(&ticks, &complete(&ticks), SECOND), []);
        [5, 6, 7].into_iter().for_each(|at| torn(&mut ticks, at));
        let gaps = find(&ticks, &complete(&ticks), SECOND);
        assert_eq!(gaps, [Gap { after: 4, before: 8, reason: GapReason::Silent }]);
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

//! The slope of values over time: Theil and Sen's median of all slopes between
//! two points, which a few samples far off do not move.
//!
//! The interval is Sen's, of 95 %: the slopes that stand as far from the median as
//! Kendall's statistic may by chance. It takes samples for independent of each
//! other, which those of one process seldom are, so it is narrower than the truth.

/// The number of samples that a slope needs to be worth a word, unless a user says otherwise.
pub const ENOUGH_SAMPLES: usize = 20;

/// The maximum number of points that take part: half a million slopes.
const MAX_POINTS: usize = 1000;
/// How many standard deviations 95 % of a normal distribution lie within.
const DEVIATIONS: f64 = 1.96;

/// A slope with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// The median of the slopes, in units of the values per nanosecond.
    pub median: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Slope {
    /// That of values that never change.
    pub(crate) const FLAT: Self = Self { median: 0.0, low: 0.0, high: 0.0 };

    /// Returns the slope of points of nanoseconds and values; `None` of fewer than two different times.
    ///
    /// Of more than a thousand points, as many evenly spaced ones take part, the first and the last among them.
    pub fn of(points: &[(u64, u64)]) -> Option<Self> {
        let points = evenly(points);
        let (first, last) = (points.first()?, points.last()?);
        if first.0 < last.0 && points.iter().all(|point| point.1 == first.1) {
            return Some(Self::FLAT);
        }
        let mut slopes = Vec::with_capacity(points.len() * points.len().saturating_sub(1) / 2);
        for (index, (time, value)) in points.iter().enumerate() {
            for (later, after) in &points[index + 1..] {
                let elapsed = later.saturating_sub(*time);
                if elapsed > 0 {
                    slopes.push((*after as f64 - *value as f64) / elapsed as f64);
                }
            }
        }
        let last = slopes.len().checked_sub(1)?;
        let mut ranked = |rank: usize| *slopes.select_nth_unstable_by(rank, f64::total_cmp).1;
        let median = f64::midpoint(ranked(last / 2), ranked(last.div_ceil(2)));
        let count = points.len() as f64;
        let deviation = (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt() * DEVIATIONS;
        let middle = (last + 1) as f64 / 2.0;
        let low = ((middle - deviation / 2.0).floor().max(0.0) as usize).min(last);
        let high = ((middle + deviation / 2.0).ceil().max(0.0) as usize).min(last);
        Some(Self { median, low: ranked(low), high: ranked(high) })
    }
}

fn evenly(points: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let last = points.len().saturating_sub(1);
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    (0..MAX_POINTS).map(|index| points[index * last / (MAX_POINTS - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_few_samples_far_off_do_not_move_it() {
        let mut points: Vec<(u64, u64)> = (0..100).map(|at| (at * 10, 1000 + at * 30)).collect();
        points[20].1 = 9_000_000;
        points[70].1 = 0;
        let slope = Slope::of(&points).unwrap();
        assert!((slope.median - 3.0).abs() < 1e-9, "{slope:?}");
        assert!((slope.low..=slope.high).contains(&3.0), "{slope:?}");
    }

    #[test]
    fn two_points_give_a_slope_and_one_gives_none() {
        assert_eq!(Slope::of(&[(0, 8), (4, 0)]).unwrap().median, -2.0);
        assert_eq!(Slope::of(&[(3, 8)]), None);
        assert_eq!(Slope::of(&[(3, 8), (3, 9)]), None, "of one time");
        assert_eq!(Slope::of(&[]), None);
    }

    #[test]
    fn many_points_are_thinned_evenly_with_both_ends() {
        let points: Vec<(u64, u64)> = (0..300_000).map(|at| (at, at / 7)).collect();
        let kept = evenly(&points);
        assert_eq!((kept.len(), kept[0], kept[999]), (1000, points[0], points[299_999]));
        let slope = Slope::of(&points).unwrap();
        assert!((slope.median - 1.0 / 7.0).abs() < 1e-3, "{slope:?}");
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_median(
            values in prop::collection::vec((1..50_u64, 0..1_u64 << 40), 2..60),
        ) {
            let mut time = 0;
            let points: Vec<(u64, u64)> = values.iter().map(|(step, value)| {
                time += step;
                (time, *value)
            }).collect();
            let slope = Slope::of(&points).unwrap();
            prop_assert!(slope.low <= slope.median && slope.median <= slope.high);
            let shifted: Vec<_> = points.iter().map(|(time, value)| (*time, value + 77)).collect();
            let moved = Slope::of(&shifted).unwrap();
            prop_assert!((moved.median - slope.median).abs() <= slope.median.abs() * 1e-9);
        }
    }
}

//! A total over time as a curve, broken where nothing is known, and the median of several.

use crate::chart::downsample::thin;
use crate::compare::run::ComparedRun;
use crate::compare::sides::Sides;

/// A point: nanoseconds since the moment that runs are aligned at, and a value.
pub(crate) type Point = (i64, f64);

/// The points of a run or of several, in stretches without a gap.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curve {
    pub(crate) stretches: Vec<Vec<Point>>,
}

impl Curve {
    /// Returns the curve of a run: in each of so many columns the lowest and the highest total.
    pub(crate) fn of(run: &ComparedRun, sides: &Sides, columns: usize) -> Self {
        let series = run.series();
        let shift =
            if sides.from_end { i64::try_from(run.span_ns()).unwrap_or(i64::MAX) } else { 0 };
        let end = run.end();
        let totals = series.totals.iter().take(end);
        let elapsed = |index| series.elapsed_ns(index);
        let span = elapsed(end.saturating_sub(1));
        let kept = thin(elapsed, totals, span, columns).kept;
        let mut curve = Self::default();
        let mut before: Option<usize> = None;
        for index in kept {
            let Some(value) = series.totals.get(index) else { continue };
            let point = (run.elapsed_ns(index) - shift, value as f64);
            let gap = |last: usize| {
                let at = series.gaps.partition_point(|gap| gap.before <= last);
                series.gaps.get(at).is_some_and(|gap| gap.after < index)
            };
            match curve.stretches.last_mut() {
                Some(stretch) if before.is_some_and(|last| !gap(last)) => stretch.push(point),
                _ => curve.stretches.push(vec![point]),
            }
            before = Some(index);
        }
        curve
    }

    /// Returns the median of curves where all are known, at so many times between two.
    pub(crate) fn median(curves: &[Self], (from, to): (i64, i64), columns: usize) -> Self {
        if let [only] = curves {
            return only.clone();
        }
        let steps = i64::try_from(columns.max(1)).unwrap_or(i64::MAX);
        let times = (0..=steps).map(|step| from + (to - from) / steps * step);
        let mut median = Self::default();
        let mut open = false;
        for time in times {
            let values: Option<Vec<f64>> = curves.iter().map(|curve| curve.at(time)).collect();
            let value = values.filter(|values| !values.is_empty()).map(middle);
            match (value, median.stretches.last_mut()) {
                (Some(value), Some(stretch)) if open => stretch.push((time, value)),
                (Some(value), _) => median.stretches.push(vec![(time, value)]),
                (None, _) => {}
            }
            open = value.is_some();
        }
        median
    }

    /// Returns the value at a time, on the line between two points.
    pub(crate) fn at(&self, time: i64) -> Option<f64> {
        let stretch = self.stretches.iter().find(|stretch| {
            let ends = stretch.first().zip(stretch.last());
            ends.is_some_and(|(first, last)| (first.0..=last.0).contains(&time))
        })?;
        let after = stretch.partition_point(|point| point.0 < time);
        let (to, to_value) = *stretch.get(after)?;
        let (from, from_value) = *stretch.get(after.saturating_sub(1))?;
        if to == from {
            return Some(to_value);
        }
        let part = (time - from) as f64 / (to - from) as f64;
        Some(from_value + (to_value - from_value) * part)
    }

    /// Returns all points.
    pub(crate) fn points(&self) -> impl Iterator<Item = Point> {
        self.stretches.iter().flatten().copied()
    }

    /// Returns the areas between two curves from a time on, each as the points around it.
    pub(crate) fn between(&self, other: &Self, from: i64) -> Vec<Vec<Point>> {
        let mut areas = Vec::new();
        for (a, b) in
            self.stretches.iter().flat_map(|a| other.stretches.iter().map(move |b| (a, b)))
        {
            let ends = |stretch: &[Point]| Some((stretch.first()?.0, stretch.last()?.0));
            let (Some((a_from, a_to)), Some((b_from, b_to))) = (ends(a), ends(b)) else { continue };
            let (begin, end) = (a_from.max(b_from).max(from), a_to.min(b_to));
            if begin >= end {
                continue;
            }
            let cut = |curve: &Self, stretch: &[Point]| -> Vec<Point> {
                let inside =
                    stretch.iter().copied().filter(|point| begin < point.0 && point.0 < end);
                let at = |time| curve.at(time).map(|value| (time, value));
                at(begin).into_iter().chain(inside).chain(at(end)).collect()
            };
            let mut around = cut(self, a);
            around.extend(cut(other, b).into_iter().rev());
            areas.push(around);
        }
        areas
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    f64::midpoint(at(last / 2), at(last.div_ceil(2)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn curve(points: &[Point]) -> Curve {
        Curve { stretches: vec![points.to_vec()] }
    }

    #[test]
    fn a_median_is_where_all_are_known() {
        let curves = [curve(&[(0, 0.0), (100, 10.0)]), curve(&[(0, 4.0), (50, 4.0)])];
        let median = Curve::median(&curves, (0, 100), 10);
        assert_eq!(median.stretches.len(), 1);
        assert_eq!((median.at(0), median.at(50), median.at(60)), (Some(2.0), Some(4.5), None));
    }

    #[test]
    fn the_area_between_goes_there_and_back() {
        let (a, b) = (curve(&[(0, 1.0), (10, 1.0)]), curve(&[(-5, 3.0), (5, 3.0), (20, 6.0)]));
        let areas = a.between(&b, 0);
        assert_eq!(areas, [vec![(0, 1.0), (10, 1.0), (10, 4.0), (5, 3.0), (0, 3.0)]]);
        assert_eq!(a.between(&curve(&[(11, 1.0), (12, 1.0)]), 0), Vec::<Vec<Point>>::new());
    }

    proptest! {
        #[test]
        fn a_value_lies_between_its_neighbours(
            steps in prop::collection::vec((1..50_i64, 0..1000_u32), 1..30), time in 0..1000_i64,
        ) {
            let mut at = 0;
            let points: Vec<Point> = steps.iter().map(|(step, value)| {
                at += step;
                (at, f64::from(*value))
            }).collect();
            let found = curve(&points).at(time);
            prop_assert_eq!(found.is_some(), (points[0].0..=at).contains(&time));
            if let Some(value) = found {
                let high = points.iter().map(|point| point.1).fold(0.0, f64::max);
                prop_assert!((0.0..=high).contains(&value));
            }
        }
    }
}

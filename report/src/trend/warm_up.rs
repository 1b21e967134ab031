//! The start of a process, in which it fills its caches: where that ends.

use crate::finding::outcome::tolerance;
use crate::series::Series;
use crate::slope::Slope;
use crate::trend::course::values;

/// With fewer samples than this no warm-up is stated.
const MIN_SAMPLES: usize = 20;
/// A value farther from the line than so many median distances is off it.
const OFF_LINE: f64 = 6.0;
/// The part of the samples from the end of a warm-up to the middle that are on the line: nine tenths.
const ON_LINE_PERCENT: usize = 90;
/// A warm-up rises at least so many times as fast as what follows.
const FASTER: f64 = 2.0;

/// The start that is left out of a trend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// The index of the first tick after it.
    pub(crate) index: usize,
    /// The time of that since the first tick.
    pub ends_ns: u64,
    /// By how much the total rose in it.
    pub rise: u64,
}

/// Returns the number of the first sample after the warm-up of a series, if it has one.
pub fn after_warm_up(series: &Series) -> Option<u64> {
    Some(series.ticks.get(find(series)?.index)?.number)
}

/// Finds the warm-up of a total: the samples at its begin that lie off the line through its second
/// half, if they rise faster than that. It ends before the middle, or none is stated.
pub(crate) fn find(series: &Series) -> Option<WarmUp> {
    let points = values(series, &series.totals, 0)?;
    let (first, last) = (*points.first()?, *points.last()?);
    let middle = points.partition_point(|point| point.1 < u64::midpoint(first.1, last.1));
    if points.len() < MIN_SAMPLES || points.len() - middle < MIN_SAMPLES / 2 {
        return None;
    }
    let tail: Vec<(u64, u64)> = points[middle..].iter().map(|point| (point.1, point.2)).collect();
    let slope = Slope::of(&tail)?.median;
    let median = |values: &mut Vec<f64>| {
        let at = values.len() / 2;
        *values.select_nth_unstable_by(at, f64::total_cmp).1
    };
    let level = median(&mut tail.iter().map(|at| at.1 as f64 - slope * at.0 as f64).collect());
    let off = |time: u64, value: u64| (value as f64 - (level + slope * time as f64)).abs();
    let spread = median(&mut tail.iter().map(|at| off(at.0, at.1)).collect());
    let highest = points.iter().map(|point| point.2).max().unwrap_or(0);
    let near = (OFF_LINE * spread).max(tolerance(highest, series.metric.unit()) as f64);
    let on_line: Vec<bool> =
        points[..middle].iter().map(|point| off(point.1, point.2) <= near).collect();
    let mut left = on_line.iter().filter(|on| **on).count();
    let mut found = None;
    for (index, on) in on_line.iter().enumerate() {
        if *on && left * 100 >= (middle - index) * ON_LINE_PERCENT {
            found = Some(index).filter(|index| *index > 0);
            break;
        }
        left -= usize::from(*on);
    }
    let end = *points.get(found?)?;
    let rise = end.2.checked_sub(first.2).filter(|rise| *rise as f64 > near)?;
    let speed = rise as f64 / (end.1 - first.1).max(1) as f64;
    (speed >= FASTER * slope.abs()).then_some(WarmUp { index: end.0, ends_ns: end.1, rise })
}

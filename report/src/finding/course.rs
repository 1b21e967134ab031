//! The course of a total over time: its known points, and where it left or reached a level.

use crate::series::Series;
use crate::series::column::SeriesColumn;

/// With more known values than this, only the lowest and highest of each group are looked at.
const MAX_POINTS: usize = 4096;
/// Values within this part of a change from a level are still at it: a twentieth, 5 %.
const LEVEL_PART: u64 = 20;
/// A level shorter than this part of the time is not worth a word: a tenth.
const MIN_LEVEL_TIME: u64 = 10;

/// A known value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Index of its tick.
    pub index: usize,
    /// Time since the first tick.
    pub elapsed_ns: u64,
    /// The value.
    pub value: u64,
}

/// Two points next to each other between which a level ended or began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The point before.
    pub before: Point,
    /// The point after.
    pub after: Point,
    /// Whether nothing is known between them, for longer than samples are apart.
    pub in_gap: bool,
}

/// The known values of a total, with its ends and extremes.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// The first and the last value and, of each group of neighbours, the lowest and the highest.
    pub(crate) points: Vec<Point>,
    /// How many values are known.
    pub(crate) known: u64,
    pub(crate) first: Point,
    pub(crate) last: Point,
    /// The first of the highest values.
    pub(crate) highest: Point,
    /// The first of the lowest values.
    pub(crate) lowest: Point,
}

impl Course {
    /// Returns the course of `totals` from the tick at `begin`; `None` if nothing is known there.
    pub(crate) fn of(series: &Series, totals: &SeriesColumn, begin: usize) -> Option<Self> {
        let group = match totals.len().saturating_sub(begin) {
            few if few <= MAX_POINTS => 1,
            many => many.div_ceil(MAX_POINTS / 2),
        };
        let point =
            |index: usize, value| Point { index, elapsed_ns: series.elapsed_ns(index), value };
        let mut points: Vec<Point> = Vec::new();
        let (mut known, mut last) = (0, None);
        let mut extremes: Option<[(u64, usize); 2]> = None;
        let close = |points: &mut Vec<Point>, extremes: Option<[(u64, usize); 2]>| {
            let Some(mut extremes) = extremes else { return };
            extremes.sort_by_key(|(_, index)| *index);
            for (value, index) in extremes {
                if points.last().is_none_or(|point| point.index < index) {
                    points.push(point(index, value));
                }
            }
        };
        for index in begin..totals.len() {
            let Some(value) = totals.get(index) else { continue };
            if known == 0 {
                points.push(point(index, value));
            }
            known += 1;
            last = Some((value, index));
            if let Some([low, high]) = &mut extremes {
                if value < low.0 {
                    *low = (value, index);
                }
                if value > high.0 {
                    *high = (value, index);
                }
            } else {
                extremes = Some([(value, index); 2]);
            }
            if known % group as u64 == 0 {
                close(&mut points, extremes.take());
            }
        }
        close(&mut points, extremes);
        close(&mut points, last.map(|last| [last; 2]));
        let (first, last) = (*points.first()?, *points.last()?);
        let highest = *points.iter().rev().max_by_key(|point| point.value)?;
        let lowest = *points.iter().min_by_key(|point| point.value)?;
        Some(Self { points, known, first, last, highest, lowest })
    }
}

/// Returns where the level that `points` begin at ended, if it lasted: every point up to
/// `before` is at it, and `after` is not.
pub(crate) fn since(series: &Series, points: &[Point]) -> Option<Turn> {
    let (first, last) = (points.first()?, points.last()?);
    let left = points.iter().position(|point| !at_level(*point, *first, *last))?;
    let turn = turn(series, *points.get(left.checked_sub(1)?)?, *points.get(left)?);
    lasted(first.elapsed_ns, turn.before.elapsed_ns, points).then_some(turn)
}

/// Returns where the level that `points` end at began, if it lasted: every point from
/// `after` on is at it, and `before` is not.
pub(crate) fn until(series: &Series, points: &[Point]) -> Option<Turn> {
    let (first, last) = (points.first()?, points.last()?);
    let before = points.iter().rposition(|point| !at_level(*point, *last, *first))?;
    let turn = turn(series, *points.get(before)?, *points.get(before + 1)?);
    lasted(turn.after.elapsed_ns, last.elapsed_ns, points).then_some(turn)
}

fn at_level(point: Point, level: Point, other: Point) -> bool {
    point.value.abs_diff(level.value) <= level.value.abs_diff(other.value) / LEVEL_PART
}

/// Returns the turn between two points, which may have a gap between them.
pub(crate) fn turn(series: &Series, before: Point, after: Point) -> Turn {
    // A gap ends at a known tick, or at the last of all.
    let at = series.gaps.partition_point(|gap| gap.before <= before.index);
    let in_gap = series.gaps.get(at).is_some_and(|gap| gap.after < after.index);
    Turn { before, after, in_gap }
}

fn lasted(from_ns: u64, to_ns: u64, points: &[Point]) -> bool {
    let span = |points: &[Point]| Some(points.last()?.elapsed_ns - points.first()?.elapsed_ns);
    to_ns > from_ns && to_ns - from_ns >= span(points).unwrap_or(0) / MIN_LEVEL_TIME
}

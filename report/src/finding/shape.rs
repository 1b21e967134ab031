//! The shape of a change: steps, a slope, a saw-tooth, or rises between marks only.

use crate::finding::course::{self, Point, Turn};
use crate::series::Series;

/// With fewer points than this no shape is stated.
const MIN_POINTS: usize = 8;
/// A swing back by this part of the whole range is a tooth: a fifth.
pub(crate) const TOOTH_PART: u64 = 5;
/// A saw-tooth has at least this many troughs, each between two crests.
const MIN_TROUGHS: usize = 3;
/// A step takes at most this part of the time: a twentieth.
const STEP_TIME: u64 = 20;
/// Moves smaller than this part of the change belong to no step: a fiftieth.
const STEP_MOVE: u64 = 50;
/// A step is at least this part of the change: a tenth.
const STEP_PART: u64 = 10;
/// More steps than this are no longer counted out.
const MAX_STEPS: usize = 5;
/// Steps make up at least this much of the change, in percent.
const MIN_STEPS_PERCENT: u128 = 80;
/// A slope stays within this part of the change from a straight line, in percent.
pub(crate) const SLOPE_PERCENT: f64 = 15.0;
/// Between marks nothing happens as long as values stay within this part of the change: a tenth …
pub(crate) const STILL_PART: u64 = 10;
/// … and of what an even change would be in that time: a quarter.
pub(crate) const STILL_RATE: u128 = 4;
/// Time without growth between marks that is worth a word: a tenth of all.
const MIN_STILL_TIME: u64 = 10;

/// The shape of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It is not one of the others, or there are too few samples to say.
    Unstated,
    /// It came in few steps.
    Steps(Vec<Turn>),
    /// It came evenly, between these points.
    Slope {
        /// Where it began.
        from: Point,
        /// Where it ended.
        to: Point,
    },
    /// It rises and falls again and again.
    SawTooth {
        /// How many troughs lie between crests.
        troughs: usize,
        /// The first of them.
        first: Point,
        /// The last of them.
        last: Point,
    },
    /// It came only in some of the stretches that marks divide the time into; the others were level.
    BetweenMarks(Vec<Stretch>),
}

/// The time between two marks, or between a mark and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The index of the mark it begins at; `None` is the start.
    pub from_mark: Option<usize>,
    /// The index of the mark it ends at; `None` is the end.
    pub to_mark: Option<usize>,
    /// The last point before it.
    pub from: Point,
    /// Its last point.
    pub to: Point,
}

impl Stretch {
    /// Returns by how much the total moved in it.
    pub fn change(&self) -> i128 {
        i128::from(self.to.value) - i128::from(self.from.value)
    }
}

/// Returns the saw-tooth that `points` are, if they are one.
pub(crate) fn saw_tooth(points: &[Point]) -> Option<Shape> {
    let troughs = troughs(points);
    match troughs[..] {
        [first, .., last] if troughs.len() >= MIN_TROUGHS => {
            Some(Shape::SawTooth { troughs: troughs.len(), first, last })
        }
        _ => None,
    }
}

/// The way of a total from its last extreme.
#[derive(Clone, Copy)]
enum Way {
    Unknown { low: Point, high: Point },
    Up { crest: Point },
    Down { trough: Point },
}

/// Returns the lowest points between crests, a fall and a rise of a tooth's height on either side.
pub(crate) fn troughs(points: &[Point]) -> Vec<Point> {
    let values = || points.iter().map(|point| point.value);
    let (Some(low), Some(high)) = (values().min(), values().max()) else { return Vec::new() };
    let height = ((high - low) / TOOTH_PART).max(1);
    let mut troughs = Vec::new();
    let Some(first) = points.first() else { return troughs };
    let mut way = Way::Unknown { low: *first, high: *first };
    for point in points.iter().copied() {
        let rose = |from: Point| point.value.saturating_sub(from.value) >= height;
        let fell = |from: Point| from.value.saturating_sub(point.value) >= height;
        way = match way {
            Way::Unknown { low, .. } if rose(low) => Way::Up { crest: point },
            Way::Unknown { high, .. } if fell(high) => Way::Down { trough: point },
            Way::Unknown { low, high } => Way::Unknown {
                low: if point.value < low.value { point } else { low },
                high: if point.value > high.value { point } else { high },
            },
            Way::Up { crest } if fell(crest) => Way::Down { trough: point },
            Way::Up { crest } if point.value > crest.value => Way::Up { crest: point },
            Way::Down { trough } if rose(trough) => {
                troughs.push(trough);
                Way::Up { crest: point }
            }
            Way::Down { trough } if point.value < trough.value => Way::Down { trough: point },
            same => same,
        };
    }
    troughs
}

/// Returns the shape of the change from the first of `points` to the last, between the two levels.
pub(crate) fn of_change(
    series: &Series,
    points: &[Point],
    (since, until): (Option<Turn>, Option<Turn>),
    marks: &[u64],
) -> Shape {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Shape::Unstated };
    if points.len() < MIN_POINTS || first.value == last.value {
        return Shape::Unstated;
    }
    if let Some(stretches) = between_marks(points, marks) {
        return Shape::BetweenMarks(stretches);
    }
    if let Some(steps) = steps(series, points) {
        return Shape::Steps(steps);
    }
    let from = since.map_or(first.index, |turn| turn.before.index);
    let to = until.map_or(last.index, |turn| turn.after.index);
    let inside = |point: &&Point| (from..=to).contains(&point.index);
    let points: Vec<Point> = points.iter().filter(inside).copied().collect();
    slope(&points).unwrap_or(Shape::Unstated)
}

fn slope(points: &[Point]) -> Option<Shape> {
    let (from, to) = (*points.first()?, *points.last()?);
    let change = to.value as f64 - from.value as f64;
    let time = (to.elapsed_ns - from.elapsed_ns) as f64;
    let even = points.len() >= MIN_POINTS
        && time > 0.0
        && points
            .iter()
            .all(|point| off_line(*point, from, to) <= change.abs() * SLOPE_PERCENT / 100.0);
    even.then_some(Shape::Slope { from, to })
}

/// Returns how far a point lies from the line between two others.
pub(crate) fn off_line(point: Point, from: Point, to: Point) -> f64 {
    let time = (to.elapsed_ns - from.elapsed_ns) as f64;
    let part = point.elapsed_ns.saturating_sub(from.elapsed_ns) as f64 / time;
    let change = to.value as f64 - from.value as f64;
    (point.value as f64 - (from.value as f64 + change * part)).abs()
}

/// Returns the steps that make up most of the change, if few do.
fn steps(series: &Series, points: &[Point]) -> Option<Vec<Turn>> {
    let (first, last) = (points.first()?, points.last()?);
    let (change, time) = (first.value.abs_diff(last.value), last.elapsed_ns - first.elapsed_ns);
    let rises = last.value > first.value;
    let moves = |pair: &[Point]| {
        (pair[1].value > pair[0].value) == rises
            && pair[1].value.abs_diff(pair[0].value) >= (change / STEP_MOVE).max(1)
    };
    let pairs: Vec<&[Point]> = points.windows(2).collect();
    let mut steps: Vec<Turn> = Vec::new();
    for run in pairs.chunk_by(|a, b| moves(a) && moves(b)) {
        let (Some([before, _]), Some([_, after])) = (run.first(), run.last()) else { continue };
        let height = before.value.abs_diff(after.value);
        if moves(&[*before, *after]) && height >= change / STEP_PART {
            steps.push(course::turn(series, *before, *after));
        }
    }
    let tall: u128 =
        steps.iter().map(|step| u128::from(step.before.value.abs_diff(step.after.value))).sum();
    // Nothing is known between two samples next to each other.
    let quick = |step: &Turn| {
        let apart = step.after.elapsed_ns - step.before.elapsed_ns;
        apart <= time / STEP_TIME || step.after.index == step.before.index + 1
    };
    let (least, most) = (u128::from(change) * MIN_STEPS_PERCENT, u128::from(change) * 100);
    // Steps that together pass the change are taken back in between.
    let enough = (least..=most + u128::from(change) * 10).contains(&(tall * 100));
    let few = (1..=MAX_STEPS).contains(&steps.len()) && steps.len() * 4 <= points.len();
    (few && enough && steps.iter().all(quick)).then_some(steps)
}

/// Returns the stretches between marks that hold the whole rise, if others were level for long.
fn between_marks(points: &[Point], marks: &[u64]) -> Option<Vec<Stretch>> {
    let (first, last) = (*points.first()?, *points.last()?);
    let change = last.value.checked_sub(first.value)?;
    let inside = |at: &u64| (first.elapsed_ns + 1..last.elapsed_ns).contains(at);
    let mut cuts: Vec<(usize, u64)> =
        marks.iter().copied().enumerate().filter(|(_, at)| inside(at)).collect();
    cuts.sort_by_key(|(_, at)| *at);
    if cuts.is_empty() {
        return None;
    }
    let (mut rising, mut still_ns): (Vec<Stretch>, u64) = (Vec::new(), 0);
    let (mut from, mut from_mark) = (0, None);
    let ends = cuts.into_iter().map(|(mark, at)| (Some(mark), at));
    for (to_mark, at) in ends.chain([(None, last.elapsed_ns)]) {
        // The last point at or before the mark.
        let to = points.partition_point(|point| point.elapsed_ns <= at).checked_sub(1)?;
        let within = points.get(from..=to)?;
        let stretch = Stretch { from_mark, to_mark, from: *within.first()?, to: *within.last()? };
        let values = || within.iter().map(|point| point.value);
        let range = values().max()? - values().min()?;
        let time = stretch.to.elapsed_ns - stretch.from.elapsed_ns;
        let span = last.elapsed_ns - first.elapsed_ns;
        let even = u128::from(change) * u128::from(time) / u128::from(span.max(1));
        match rising.last_mut() {
            _ if range <= change / STILL_PART && u128::from(range) <= even / STILL_RATE => {
                still_ns += time;
            }
            _ if stretch.change() <= 0 => return None,
            Some(before) if before.to == stretch.from => {
                (before.to_mark, before.to) = (to_mark, stretch.to);
            }
            _ => rising.push(stretch),
        }
        (from, from_mark) = (to, to_mark);
    }
    let long = still_ns >= (last.elapsed_ns - first.elapsed_ns) / MIN_STILL_TIME;
    (long && !rising.is_empty()).then_some(rising)
}

//! The course of values: level, a slope, steps, a saw-tooth whose troughs are the trend.

use crate::finding::course::{self, Course, Point};
use crate::finding::outcome::{Ends, Verdict, tolerance};
use crate::finding::shape::{self, Shape};
use crate::series::Series;
use crate::series::column::SeriesColumn;
use crate::slope::Slope;

/// The number of troughs that a slope through them needs.
const MIN_TROUGHS: usize = 3;

/// How values move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrendCourse {
    /// There are too few samples to say.
    TooFew {
        /// How many there are.
        samples: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Some values are unknown.
    Unknown,
    /// They stay where they are.
    Level,
    /// They left their level for a while and came back.
    Excursion {
        /// The value farthest off.
        value: u64,
        /// Its time.
        at_ns: u64,
    },
    /// They move evenly, from this time on.
    Slope {
        /// The time.
        since_ns: u64,
    },
    /// They move, though not evenly.
    Uneven,
    /// They rise and fall; the slope is that through their troughs.
    SawTooth {
        /// How many troughs there are.
        troughs: usize,
        /// The last trough: its time and its value.
        last_trough: (u64, u64),
        /// How far values rise above the line through the troughs at most.
        height: u64,
    },
    /// They moved in steps, which have no slope.
    Steps {
        /// How many.
        count: usize,
        /// The end of the last one.
        last_ns: u64,
    },
    /// They moved, and are level since.
    Settled {
        /// Since when.
        since_ns: u64,
    },
    /// They rose only in some of the stretches that marks divide the time into.
    BetweenMarks {
        /// In how many of them.
        stretches: usize,
        /// The indices of the marks that the first of them lies between; `None` is an end.
        marks: (Option<usize>, Option<usize>),
    },
}

/// The course of values, and the slope that stands for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) course: TrendCourse,
    /// Per nanosecond; `None` where no slope would be true.
    pub(crate) slope: Option<Slope>,
}

/// The facts that values are judged by.
pub(crate) struct Rules<'a> {
    pub(crate) series: &'a Series,
    /// The index of the first tick that counts.
    pub(crate) begin: usize,
    /// How many samples count.
    pub(crate) samples: usize,
    /// The times of marks.
    pub(crate) marks: &'a [u64],
    pub(crate) min_samples: usize,
}

/// Returns index, time and value of each sample from a tick on, all of them known.
pub(crate) fn values(
    series: &Series,
    column: &SeriesColumn,
    begin: usize,
) -> Option<Vec<(usize, u64, u64)>> {
    let value = |index| Some((index, series.elapsed_ns(index), column.get(index)?));
    (begin..series.ticks.len()).filter(|index| series.counts(*index)).map(value).collect()
}

impl Rules<'_> {
    /// Judges the values of a column.
    pub(crate) fn judge(&self, column: &SeriesColumn) -> Measured {
        let without = |course| Measured { course, slope: None };
        let Some(values) = values(self.series, column, self.begin) else {
            return without(TrendCourse::Unknown);
        };
        let needed = self.min_samples.max(2);
        let few = TrendCourse::TooFew { samples: self.samples, needed };
        if self.samples < needed {
            return without(few);
        }
        let Some(course) = Course::of(self.series, column, self.begin) else {
            return without(few);
        };
        let slope_from = |since_ns: u64| {
            let points = values.iter().filter(|value| value.1 >= since_ns);
            Slope::of(&points.map(|value| (value.1, value.2)).collect::<Vec<_>>())
        };
        let Some(slope) = slope_from(0) else { return without(few) };
        let near = tolerance(course.highest.value, self.series.metric.unit());
        if course.highest.value - course.lowest.value <= near {
            return Measured { course: TrendCourse::Level, slope: Some(slope) };
        }
        if let Some(saw_tooth) = saw_tooth(&course.points) {
            return saw_tooth;
        }
        let ends = Ends {
            first: course.first.value,
            last: course.last.value,
            highest: course.highest.value,
            lowest: course.lowest.value,
        };
        // A line through an excursion would rise or fall as nothing did.
        let is_excursion =
            matches!(ends.verdict(self.series.metric.unit()), Verdict::Peaked | Verdict::Dipped);
        if is_excursion || ends.first.abs_diff(ends.last) <= near {
            let off = |point: &Point| point.value.abs_diff(course.first.value);
            let far = if off(&course.highest) >= off(&course.lowest) {
                course.highest
            } else {
                course.lowest
            };
            return without(TrendCourse::Excursion { value: far.value, at_ns: far.elapsed_ns });
        }
        let since = course::since(self.series, &course.points);
        let until = course::until(self.series, &course.points);
        let shape = shape::of_change(self.series, &course.points, (since, until), self.marks);
        match shape {
            Shape::BetweenMarks(stretches) => {
                let marks = stretches.first().map(|first| (first.from_mark, first.to_mark));
                return without(TrendCourse::BetweenMarks {
                    stretches: stretches.len(),
                    marks: marks.unwrap_or_default(),
                });
            }
            Shape::Steps(steps) => {
                let last_ns = steps.last().map_or(0, |step| step.after.elapsed_ns);
                return without(TrendCourse::Steps { count: steps.len(), last_ns });
            }
            _ => {}
        }
        if let Some(turn) = until {
            return without(TrendCourse::Settled { since_ns: turn.after.elapsed_ns });
        }
        let since_ns = since.map_or(course.first.elapsed_ns, |turn| turn.before.elapsed_ns);
        match shape {
            Shape::Slope { .. } => {
                let slope = slope_from(since_ns);
                Measured { course: TrendCourse::Slope { since_ns }, slope }
            }
            _ => Measured { course: TrendCourse::Uneven, slope: Some(slope) },
        }
    }
}

/// Returns the saw-tooth that points are, with the slope through its troughs.
fn saw_tooth(points: &[Point]) -> Option<Measured> {
    shape::saw_tooth(points)?;
    let troughs = shape::troughs(points);
    let last = troughs.last().filter(|_| troughs.len() >= MIN_TROUGHS)?;
    let at: Vec<(u64, u64)> = troughs.iter().map(|point| (point.elapsed_ns, point.value)).collect();
    let slope = Slope::of(&at)?;
    let line = |elapsed_ns: u64| {
        let since = elapsed_ns as f64 - last.elapsed_ns as f64;
        last.value as f64 + slope.median * since
    };
    let above = points.iter().map(|point| point.value as f64 - line(point.elapsed_ns));
    let course = TrendCourse::SawTooth {
        troughs: troughs.len(),
        last_trough: (last.elapsed_ns, last.value),
        height: above.fold(0.0, f64::max) as u64,
    };
    Some(Measured { course, slope: Some(slope) })
}

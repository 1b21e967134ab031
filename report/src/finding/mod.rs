//! The finding: what grew, fell or peaked, by how much, since when and in which shape.
//!
//! Plain rules over a series, or over two moments, whose every figure is one of the data:
//! [`baseline`] chooses the sample to count from, [`course`] collects the known values,
//! [`outcome`] compares them and shares the change out, [`shape`] looks at the time between,
//! [`caveat`] lists what a reader must know, [`sentence`] and [`course_words`] write it down. Each output that
//! states a finding takes it from here.

pub(crate) mod baseline;
pub(crate) mod caveat;
pub(crate) mod clock;
pub(crate) mod course;
mod course_words;
pub(crate) mod made_by;
pub(crate) mod outcome;
pub(crate) mod sentence;
pub(crate) mod shape;
#[cfg(test)]
mod tests;

use vmrec_sampler::{Family, Naming};

use crate::finding::baseline::Baseline;
use crate::finding::caveat::Caveat;
use crate::finding::course::{Course, Point, Turn};
use crate::finding::outcome::{Ends, Shares, Verdict, tolerance};
use crate::finding::shape::Shape;
use crate::metric::Metric;
use crate::series::Series;
use crate::series::column::SeriesColumn;
use crate::series::tick::KeySeries;

/// What became of a metric, with everything that is stated about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The metric.
    pub metric: Metric,
    /// What became of it.
    pub verdict: Verdict,
    /// The first value counted.
    pub first: Point,
    /// The last one.
    pub last: Point,
    /// The first of the highest values.
    pub highest: Point,
    /// The first of the lowest ones.
    pub lowest: Point,
    /// The parts that took most of the change: from the first value to the last, or of a
    /// saw-tooth from its first trough to its last.
    pub shares: Shares,
    /// The part that made the peak, or the dip.
    pub leader: Option<Leader>,
    /// The shape of the change.
    pub shape: Shape,
    /// Where the level it began at ended.
    pub since: Option<Turn>,
    /// Where the level it ended at began.
    pub until: Option<Turn>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
    /// Whether values between the ends are means of many samples.
    pub means: bool,
    /// Whether the shape was found in every sample, so that what it counts is exact.
    pub every_sample: bool,
}

/// The part that moved most on the way to an extreme, with its value there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Its label.
    pub label: String,
    /// Its value at the extreme.
    pub value: u64,
}

/// A series to state a finding of, and the facts about its process that matter for it.
pub(crate) struct Source<'a> {
    pub(crate) series: &'a Series,
    /// The sum over the keys counted.
    pub(crate) totals: &'a SeriesColumn,
    /// The family whose keys are not counted.
    pub(crate) left_out: Option<Family>,
    /// The maximum of it.
    pub(crate) reserved: Option<u64>,
    pub(crate) naming: Naming,
    /// The times of marks since the first tick, and their texts.
    pub(crate) marks: &'a [(u64, &'a str)],
    /// The age of the process at the first tick.
    pub(crate) age_ns: Option<u64>,
    /// The resident size by the same keys, to find out what became shared.
    pub(crate) resident: Option<&'a Series>,
    /// Whether values between the ends are means of many samples.
    pub(crate) means: bool,
}

impl Finding {
    /// States the finding of a series; `None` if nothing is known.
    pub(crate) fn of_series(source: &Source<'_>) -> Option<Self> {
        let Source { series, totals, .. } = *source;
        let marks: Vec<u64> = source.marks.iter().map(|(at, _)| *at).collect();
        let baseline = source.baseline(&marks);
        let course = Course::of(series, totals, baseline.index)?;
        let Course { known, first, last, highest, lowest, ref points } = course;
        let unit = series.metric.unit();
        let ends = Ends {
            first: first.value,
            last: last.value,
            highest: highest.value,
            lowest: lowest.value,
        };
        let moved = highest.value - lowest.value > tolerance(highest.value, unit);
        let saw_tooth = if moved { shape::saw_tooth(points) } else { None };
        let verdict = match (known, &saw_tooth) {
            (_, None) if highest.value == 0 => Verdict::Zero,
            (1, _) => Verdict::Single,
            (_, Some(_)) => Verdict::Swung,
            (_, None) => ends.verdict(unit),
        };
        let changes = matches!(verdict, Verdict::Grew | Verdict::Fell);
        let since = if changes { course::since(series, points) } else { None };
        let until = if changes { course::until(series, points) } else { None };
        let shape = match saw_tooth {
            Some(saw_tooth) => saw_tooth,
            None if changes => shape::of_change(series, points, (since, until), &marks),
            None => Shape::Unstated,
        };
        let (from, to) = match &shape {
            Shape::SawTooth { first, last, .. } => (*first, *last),
            _ => (first, last),
        };
        let leader = match verdict {
            Verdict::Peaked => source.leader(first, highest),
            Verdict::Dipped => source.leader(first, lowest),
            _ => None,
        };
        Some(Self {
            metric: series.metric,
            verdict,
            first,
            last,
            highest,
            lowest,
            shares: source.shares(from, to),
            leader,
            shape,
            since,
            until,
            caveats: source.caveats(&baseline, first, last),
            means: source.means,
            every_sample: known == points.len() as u64 && !source.means,
        })
    }

    /// Returns the last value less the first.
    pub fn change(&self) -> i128 {
        i128::from(self.last.value) - i128::from(self.first.value)
    }

    /// States the finding of two moments: the totals, and the parts with their changes, of which
    /// some may be unknown.
    pub fn of_moments(
        metric: Metric,
        moments: Moments,
        parts: impl IntoIterator<Item = (String, i128)>,
        caveats: Vec<Caveat>,
    ) -> Self {
        let Moments { first, last, highest, elapsed_ns, leader } = moments;
        let point = |index, elapsed_ns, value| Point { index, elapsed_ns, value };
        let (first, last) = (point(0, 0, first), point(1, elapsed_ns, last));
        let by_value = |a: Point, b: Point| if a.value >= b.value { (a, b) } else { (b, a) };
        let (higher, lowest) = by_value(first, last);
        let highest = highest.map_or(higher, |(value, at)| by_value(higher, point(1, at, value)).0);
        let ends = Ends {
            first: first.value,
            last: last.value,
            highest: highest.value,
            lowest: lowest.value,
        };
        let verdict = ends.verdict(metric.unit());
        let change = i128::from(last.value) - i128::from(first.value);
        Self {
            metric,
            verdict,
            first,
            last,
            highest,
            lowest,
            shares: Shares::of(parts, change),
            leader: leader.filter(|_| verdict == Verdict::Peaked),
            shape: Shape::Unstated,
            since: None,
            until: None,
            caveats,
            means: false,
            every_sample: false,
        }
    }
}

/// Totals of two moments, and what is known of the time between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moments {
    /// The total at the first moment.
    pub first: u64,
    /// The total at the last one.
    pub last: u64,
    /// The highest total between them and its time since the first, if that is known.
    pub highest: Option<(u64, u64)>,
    /// The part that made the highest total.
    pub leader: Option<Leader>,
    /// The time between them.
    pub elapsed_ns: u64,
}

impl Source<'_> {
    fn keys(&self) -> impl Iterator<Item = &KeySeries> {
        self.series.keys.iter().filter(|key| Some(key.key.family) != self.left_out)
    }

    fn label(&self, key: &KeySeries) -> String {
        key.key.label(self.series.by, self.naming).to_owned()
    }

    /// Returns where to count from. Among means nothing shows when loading ended.
    fn baseline(&self, marks: &[u64]) -> Baseline {
        let found = baseline::find(self.series, self.totals, self.age_ns, marks);
        let moved = found.index > 0 && self.means;
        if moved { Baseline { index: 0, loading: true, mark: None } } else { found }
    }

    /// Shares the change between two points out to the keys.
    fn shares(&self, from: Point, to: Point) -> Shares {
        let change = |key: &KeySeries| {
            let (from, to) = (key.values.get(from.index)?, key.values.get(to.index)?);
            Some((self.label(key), i128::from(to) - i128::from(from)))
        };
        let total = i128::from(to.value) - i128::from(from.value);
        Shares::of(self.keys().filter_map(change), total)
    }

    /// Returns the key that moved most on the way to an extreme.
    fn leader(&self, from: Point, to: Point) -> Option<Leader> {
        let rises = to.value >= from.value;
        let moved = |key: &KeySeries| {
            let (from, to) = (key.values.get(from.index)?, key.values.get(to.index)?);
            let moved = if rises { to.checked_sub(from)? } else { from.checked_sub(to)? };
            Some((moved, self.label(key), to))
        };
        let moved = self.keys().filter_map(moved).filter(|(moved, ..)| *moved > 0);
        let (_, label, value) = moved.max_by_key(|(moved, ..)| *moved)?;
        Some(Leader { label, value })
    }

    fn caveats(&self, baseline: &Baseline, first: Point, last: Point) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        let begin = self.totals.iter().enumerate().find_map(|(at, total)| Some((at, total?)));
        if let Some((_, value)) = begin.filter(|(index, _)| *index < first.index) {
            let mark = baseline.mark.and_then(|mark| self.marks.get(mark));
            caveats.push(Caveat::Loaded {
                first: value,
                unit: self.series.metric.unit(),
                elapsed_ns: first.elapsed_ns,
                mark: mark.map(|(_, text)| (*text).to_owned()),
            });
        } else if let (true, Some(age_ns)) = (baseline.loading, self.age_ns) {
            caveats.push(Caveat::Loading { age_ns });
        }
        if let (Some(resident), Metric::PRIVATE) = (self.resident, self.series.metric) {
            let ends = (first.index, last.index);
            caveats.extend(caveat::became_shared(self.series, resident, ends));
        }
        caveats.extend(self.series.rest.as_ref().map(|rest| Caveat::OtherTypes {
            ends: rest.get(first.index).zip(rest.get(last.index)),
            unit: self.series.metric.unit(),
            with_reserved: self.series.metric == Metric::Virtual,
        }));
        caveats.extend(caveat::of_keys(self.series, self.reserved));
        if !self.means {
            caveats.extend(caveat::of_samples(self.series));
        }
        caveats
    }
}

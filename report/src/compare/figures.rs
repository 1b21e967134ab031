//! Compares the figures of two sides: each the median of its runs, with their range.

use std::collections::BTreeSet;

use vmrec_sampler::sort_by;

use crate::compare::run::{ComparedRun, MINUTE_NS};
use crate::compare::sides::{CompareBy, Sides};
use crate::series::tick::SeriesKey;

/// A figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparedFigure {
    /// The highest sample; parts are as they are in it.
    Highest,
    /// The last sample.
    Last,
    /// The slope per minute.
    PerMinute,
}

impl ComparedFigure {
    pub(crate) const ALL: [Self; 3] = [Self::Highest, Self::Last, Self::PerMinute];

    /// Returns the word shown to users.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Highest => "highest",
            Self::Last => "last",
            Self::PerMinute => "growth per minute",
        }
    }

    /// Returns the stable word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Highest => "highest",
            Self::Last => "last",
            Self::PerMinute => "growth_per_minute",
        }
    }
}

/// A figure of the total and of its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureRows {
    /// The figure.
    pub figure: ComparedFigure,
    /// The total.
    pub total: Row,
    /// The parts, those that differ most first.
    pub rows: Vec<Row>,
}

/// A figure of the total or of one part on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The part; `None` is the total.
    pub key: Option<SeriesKey>,
    /// Its name for display.
    pub label: String,
    /// The figure before.
    pub before: Spread,
    /// The figure after.
    pub after: Spread,
    /// How they differ.
    pub difference: Difference,
}

/// A figure of several runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// That of each run.
    pub each: Vec<Option<f64>>,
    /// The median of those known.
    pub median: Option<f64>,
    /// The lowest and the highest of those known.
    pub range: Option<(f64, f64)>,
}

/// How a figure differs between two sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Difference {
    /// It is not known on one of them.
    Unknown,
    /// It does not: each run has the same.
    Same,
    /// Not by more than the runs of one side differ: their ranges touch, or lie apart by less than
    /// the wider of them is wide.
    Within,
    /// By so much, the medians.
    By(f64),
}

impl Spread {
    /// Returns the spread of the figures of runs.
    pub(crate) fn of(each: Vec<Option<f64>>) -> Self {
        let mut known: Vec<f64> = each.iter().copied().flatten().collect();
        known.sort_by(f64::total_cmp);
        let middle = known.len().saturating_sub(1);
        let median = known
            .get(middle / 2)
            .zip(known.get(middle.div_ceil(2)))
            .map(|(low, high)| f64::midpoint(*low, *high));
        let range = known.first().copied().zip(known.last().copied());
        Self { each, median, range }
    }

    fn runs(&self) -> usize {
        self.each.iter().flatten().count()
    }
}

impl Difference {
    /// Returns how two spreads differ.
    pub(crate) fn of(before: &Spread, after: &Spread) -> Self {
        let (Some(from), Some(to)) = (before.median, after.median) else { return Self::Unknown };
        let (Some((a, b)), Some((c, d))) = (before.range, after.range) else {
            return Self::Unknown;
        };
        let widest = (b - a).max(d - c);
        if a == d && b == c {
            Self::Same
        } else if before.runs().max(after.runs()) > 1
            && ((a <= d && c <= b) || (to - from).abs() <= widest)
        {
            Self::Within
        } else {
            Self::By(to - from)
        }
    }

    /// Returns the size of the difference, if there is one.
    pub(crate) fn size(self) -> f64 {
        if let Self::By(change) = self { change.abs() } else { 0.0 }
    }
}

/// Compares the figures of two sides.
pub(crate) fn of(sides: &Sides) -> Vec<FigureRows> {
    let keys: BTreeSet<SeriesKey> = sides.runs().flat_map(ComparedRun::keys).collect();
    // Of single samples there is nothing else.
    let single = sides.runs().all(|run| run.samples() <= 1);
    let figures = ComparedFigure::ALL.into_iter();
    let figures = figures.filter(|figure| !single || *figure == ComparedFigure::Last);
    figures.map(|figure| rows(sides, figure, &keys)).collect()
}

fn rows(sides: &Sides, figure: ComparedFigure, keys: &BTreeSet<SeriesKey>) -> FigureRows {
    let [before, after] = [&sides.before, &sides.after].map(|runs| Measured::of(runs, figure));
    let total = row(None, "total".to_owned(), before.totals(), after.totals());
    let label = |key: &SeriesKey| match sides.by {
        CompareBy::Family => key.family.label(sides.naming).to_owned(),
        CompareBy::Type => sides.naming.type_label(&key.name, key.family).to_owned(),
        CompareBy::Object => key.name.to_string(),
    };
    let part = |key: &SeriesKey| row(Some(key), label(key), before.parts(key), after.parts(key));
    let mut rows: Vec<Row> = keys.iter().map(part).collect();
    let largest = |row: &Row| [&row.before, &row.after].map(|of| of.median.unwrap_or(0.0).abs());
    sort_by(&mut rows, |a, b| {
        let [of_a, of_b] = [a, b].map(|row| largest(row).into_iter().fold(0.0, f64::max));
        let by_change = b.difference.size().total_cmp(&a.difference.size());
        by_change.then(of_b.total_cmp(&of_a)).then_with(|| a.label.cmp(&b.label))
    });
    FigureRows { figure, total, rows }
}

fn row(key: Option<&SeriesKey>, label: String, before: Spread, after: Spread) -> Row {
    let difference = Difference::of(&before, &after);
    Row { key: key.cloned(), label, before, after, difference }
}

/// A figure of the runs of one side.
struct Measured<'a> {
    figure: ComparedFigure,
    runs: Vec<MeasuredRun<'a>>,
}

/// A figure of the total of one run: the value, and the tick it is of.
struct MeasuredRun<'a> {
    run: &'a ComparedRun,
    value: Option<f64>,
    index: Option<usize>,
}

impl<'a> Measured<'a> {
    fn of(runs: &'a [ComparedRun], figure: ComparedFigure) -> Self {
        let measured = |run: &'a ComparedRun| {
            let at = match figure {
                ComparedFigure::Highest => run.highest().ok(),
                ComparedFigure::Last => run.last().ok(),
                ComparedFigure::PerMinute => None,
            };
            let value = match figure {
                ComparedFigure::PerMinute => run.slope().ok().map(|slope| slope.median * MINUTE_NS),
                _ => at.map(|(_, value)| value as f64),
            };
            MeasuredRun { run, value, index: at.map(|(index, _)| index) }
        };
        Self { figure, runs: runs.iter().map(measured).collect() }
    }

    fn totals(&self) -> Spread {
        Spread::of(self.runs.iter().map(|run| run.value).collect())
    }

    fn parts(&self, key: &SeriesKey) -> Spread {
        let part = |of: &MeasuredRun<'_>| match self.figure {
            ComparedFigure::PerMinute => {
                of.value?;
                of.run.part_slope(key).map(|slope| slope.median * MINUTE_NS)
            }
            _ => of.run.part(key, of.index?).map(|value| value as f64),
        };
        Spread::of(self.runs.iter().map(part).collect())
    }
}

impl Row {
    /// Returns whether it is 0 on both sides.
    pub(crate) fn is_nothing(&self) -> bool {
        self.difference == Difference::Same && self.before.median == Some(0.0)
    }
}

impl FigureRows {
    /// Returns the medians of the total less those of the first `count` parts, before and after: what
    /// is left over, since medians do not add up, nor do slopes. Unknown where a part is.
    pub(crate) fn remainder(&self, count: usize) -> [Option<f64>; 2] {
        let rows = || self.rows.iter().take(count);
        let left = |median: fn(&Row) -> Option<f64>| {
            let total = median(&self.total)?;
            rows().try_fold(total, |left, row| Some(left - median(row)?))
        };
        [left(|row| row.before.median), left(|row| row.after.median)]
    }
}

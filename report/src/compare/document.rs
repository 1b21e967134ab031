//! A comparison as a JSON document.

use serde::Serialize;

use crate::compare::Comparison;
use crate::compare::figures::{ComparedFigure, Difference, FigureRows, Row, Spread};
use crate::compare::run::ComparedRun;
use crate::compare::sides::CompareBy;

/// `compare --json`.
#[derive(Serialize)]
pub struct CompareDocument<'a> {
    headline: String,
    metric: &'static str,
    by: &'static str,
    aligned: &'a str,
    before: Vec<RunValue<'a>>,
    after: Vec<RunValue<'a>>,
    figures: Vec<FigureValue<'a>>,
    notes: Vec<String>,
}

/// One run.
#[derive(Serialize)]
struct RunValue<'a> {
    name: &'a str,
    samples: usize,
    span_ns: u64,
    interval_ns: u64,
    highest_utc_ns: Option<i64>,
}

/// One figure of the total and of all parts.
#[derive(Serialize)]
struct FigureValue<'a> {
    figure: &'static str,
    per_ns: Option<u64>,
    total: RowValue<'a>,
    parts: Vec<RowValue<'a>>,
    remainder_before: Option<f64>,
    remainder_after: Option<f64>,
}

/// The total or one part.
#[derive(Serialize)]
struct RowValue<'a> {
    name: Option<&'a str>,
    family: Option<&'static str>,
    label: &'a str,
    before: SpreadValue<'a>,
    after: SpreadValue<'a>,
    difference: &'static str,
    change: Option<f64>,
    change_percent: Option<f64>,
}

/// A figure of the runs of a side.
#[derive(Serialize)]
struct SpreadValue<'a> {
    median: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    each: &'a [Option<f64>],
}

impl<'a> CompareDocument<'a> {
    /// Creates it from a comparison.
    pub fn new(comparison: &'a Comparison<'a>) -> Self {
        let sides = comparison.sides;
        let by = sides.by;
        Self {
            headline: comparison.headline(),
            metric: sides.metric.column(),
            by: by.name(),
            aligned: &sides.aligned,
            before: sides.before.iter().map(RunValue::of).collect(),
            after: sides.after.iter().map(RunValue::of).collect(),
            figures: comparison.figures.iter().map(|of| FigureValue::of(of, by)).collect(),
            notes: comparison.notes(),
        }
    }
}

impl<'a> RunValue<'a> {
    fn of(run: &'a ComparedRun) -> Self {
        let taken = |(index, _): (usize, u64)| run.series().ticks.get(index).map(|tick| tick.taken);
        Self {
            name: &run.name,
            samples: run.samples(),
            span_ns: run.span_ns(),
            interval_ns: run.interval_ns,
            highest_utc_ns: run.highest().ok().and_then(taken).map(|taken| taken.utc_ns),
        }
    }
}

impl<'a> FigureValue<'a> {
    fn of(of: &'a FigureRows, by: CompareBy) -> Self {
        let [remainder_before, remainder_after] = of.remainder(of.rows.len());
        let minute = of.figure == ComparedFigure::PerMinute;
        Self {
            figure: of.figure.name(),
            per_ns: minute.then_some(60_000_000_000),
            total: RowValue::of(of.figure, &of.total, by),
            parts: of.rows.iter().map(|row| RowValue::of(of.figure, row, by)).collect(),
            remainder_before,
            remainder_after,
        }
    }
}

impl<'a> RowValue<'a> {
    fn of(figure: ComparedFigure, row: &'a Row, by: CompareBy) -> Self {
        let family = row.key.as_ref().map(|key| key.family.name());
        let (difference, change) = match row.difference {
            Difference::Unknown => ("unknown", None),
            Difference::Same => ("same", Some(0.0)),
            Difference::Within => ("within_spread", None),
            Difference::By(change) => ("differs", Some(change)),
        };
        // A slope may be of any sign, and near 0.
        let sizes = figure != ComparedFigure::PerMinute;
        let before = row.before.median.filter(|before| sizes && *before != 0.0);
        Self {
            name: row.key.as_ref().map(|key| &*key.name),
            // An object may have regions of several families.
            family: family.filter(|_| by != CompareBy::Object),
            label: &row.label,
            before: SpreadValue::of(&row.before),
            after: SpreadValue::of(&row.after),
            difference,
            change,
            change_percent: change.zip(before).map(|(change, before)| change / before * 100.0),
        }
    }
}

impl<'a> SpreadValue<'a> {
    fn of(spread: &'a Spread) -> Self {
        let range = spread.range;
        Self {
            median: spread.median,
            low: range.map(|(low, _)| low),
            high: range.map(|(_, high)| high),
            each: &spread.each,
        }
    }
}

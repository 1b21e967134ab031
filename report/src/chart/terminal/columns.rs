//! The values to draw in each column of a terminal: those of its highest sample, or between two
//! samples what a line between them would show.

use crate::chart::select::Selection;
use crate::series::Series;

/// One column of a plot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PlotColumn {
    /// The values of the keys, from the bottom of the stack to its top.
    Measured(Vec<f64>),
    /// Nothing was measured in a time too long to draw over.
    Gap,
    /// Beside a single moment.
    Blank,
}

/// Returns the values of `width` columns.
pub(crate) fn columns(series: &Series, selection: &Selection, width: usize) -> Vec<PlotColumn> {
    let kept = &selection.thinned.kept;
    let values = |at: usize| -> Vec<f64> {
        selection.shown.iter().map(|shown| shown.values[at] as f64).collect()
    };
    let span_ns = series.span_ns();
    if span_ns == 0 {
        let bar = width * 2 / 5..width - width * 2 / 5;
        let column = |at: usize| match bar.contains(&at) && !kept.is_empty() {
            true => PlotColumn::Measured(values(0)),
            false => PlotColumn::Blank,
        };
        return (0..width).map(column).collect();
    }
    let mut highest: Vec<Option<(f64, usize)>> = vec![None; width];
    for (at, index) in kept.iter().enumerate() {
        let column = column_of(series.elapsed_ns(*index), span_ns, width);
        let total: f64 = values(at).iter().sum();
        if highest[column].is_none_or(|(other, _)| total > other) {
            highest[column] = Some((total, at));
        }
    }
    let column = |at: usize| match highest[at] {
        Some((_, at)) => PlotColumn::Measured(values(at)),
        None => between(series, selection, (at as f64 + 0.5) / width as f64 * span_ns as f64)
            .map_or(PlotColumn::Gap, PlotColumn::Measured),
    };
    (0..width).map(column).collect()
}

/// Returns the column of a time.
pub(crate) fn column_of(elapsed_ns: u64, span_ns: u64, width: usize) -> usize {
    let column = u128::from(elapsed_ns) * width as u128 / u128::from(span_ns.max(1));
    usize::try_from(column).unwrap_or(usize::MAX).min(width.saturating_sub(1))
}

/// Returns the values on the lines between the samples on either side of a time, if no gap lies
/// between them.
fn between(series: &Series, selection: &Selection, elapsed_ns: f64) -> Option<Vec<f64>> {
    let time = |at: usize| series.elapsed_ns(selection.thinned.kept[at]) as f64;
    let fits = |run: &std::ops::Range<usize>| {
        time(run.start) <= elapsed_ns && elapsed_ns <= time(run.end - 1)
    };
    let run = selection.runs.iter().find(|run| !run.is_empty() && fits(run))?;
    let after = run.clone().find(|at| time(*at) >= elapsed_ns)?;
    let before = after.saturating_sub(1).max(run.start);
    let (from, to) = (time(before), time(after));
    let part = if to > from { (elapsed_ns - from) / (to - from) } else { 0.0 };
    let value = |shown: &crate::chart::select::Shown| {
        let (a, b) = (shown.values[before] as f64, shown.values[after] as f64);
        a + (b - a) * part
    };
    Some(selection.shown.iter().map(value).collect())
}

//! The list of keys under a chart in a terminal: last value, growth and peak of each.

use std::cmp::Ordering;

use unicode_width::UnicodeWidthStr;

use crate::chart::options::{ChartKind, ChartOptions};
use crate::chart::select::{Selection, Shown};
use crate::chart::stated::Stated;
use crate::chart::terminal::cells::letter;
use crate::chart::terminal::ink::{Ink, Style};
use crate::metric::Unit;
use crate::text::units;

/// The space between two columns.
pub(crate) const GAP: usize = 2;
pub(crate) const HEADINGS: [&str; 3] = ["now", "growth", "peak"];

/// Returns a last value, its growth and the peak in words, as they stand in a list whose largest is `max`.
pub(crate) fn values(unit: Unit, [first, last, peak]: [u64; 3], max: u64) -> [String; 3] {
    let plain = |value: u64| match unit {
        Unit::Bytes => units::size_below(value, max),
        Unit::Count => unit.plain(value),
    };
    let sign = match last.cmp(&first) {
        Ordering::Less => "-",
        Ordering::Equal => "",
        Ordering::Greater => "+",
    };
    [plain(last), format!("{sign}{}", plain(first.abs_diff(last))), plain(peak)]
}

/// Returns the widths of the columns of values.
pub(crate) fn widths<'a>(values: impl Iterator<Item = &'a [String; 3]>) -> [usize; 3] {
    values.fold(HEADINGS.map(str::len), |widths, values| {
        std::array::from_fn(|at| widths[at].max(values[at].width()))
    })
}

/// Returns values in their columns.
pub(crate) fn cells(values: [&str; 3], widths: [usize; 3]) -> String {
    let cell = |at: usize| format!("{:GAP$}{:>width$}", "", values[at], width = widths[at]);
    (0..3).map(cell).collect()
}

/// Returns the lines of the list, the key that moved most first, with the total.
pub(crate) fn rows(
    stated: &Stated<'_>,
    options: &ChartOptions,
    selection: &Selection,
    ink: Ink,
    columns: usize,
) -> Vec<String> {
    let unit = stated.series.metric.unit();
    let finding = &stated.finding;
    let total = [finding.first, finding.last, finding.highest].map(|moment| moment.value);
    let peaks = selection.shown.iter().map(|shown| shown.peak);
    let max = peaks.chain(total).max().unwrap_or(0);
    let of = |shown: &Shown| {
        let figures = [shown.first, shown.last, shown.peak];
        (ink.shown(&shown.name), values(unit, figures, max))
    };
    let mut listed: Vec<(String, [String; 3])> = selection.shown.iter().rev().map(of).collect();
    if listed.len() > 1 {
        listed.push(("total".to_owned(), values(unit, total, max)));
    }
    let widths = widths(listed.iter().map(|(_, values)| values));
    let swatch = 3;
    let taken = swatch + widths.iter().map(|width| width + GAP).sum::<usize>();
    let longest = listed.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let room = longest.min(columns.saturating_sub(taken).max(8));
    let line = |name: &str, values: [&str; 3]| {
        let name = ink.cut(name, room);
        let space = " ".repeat(room.saturating_sub(name.width()));
        format!("{name}{space}{}", cells(values, widths))
    };
    let mut lines = Vec::new();
    let mut head = " ".repeat(swatch);
    ink.write(&mut head, Style { dim: true, ..Style::default() }, &line("", HEADINGS));
    lines.push(head);
    for (rank, (name, values)) in listed.iter().enumerate() {
        let shown = selection.shown.iter().rev().nth(rank);
        let glyphs = match (shown, options.kind) {
            (None, _) => "  ".to_owned(),
            (_, ChartKind::Growth) => format!("{} ", letter(rank)),
            (_, ChartKind::Area) => {
                let pattern = if ink.patterned() { ink.pattern(rank) } else { '█' };
                [pattern; 2].iter().collect()
            }
        };
        let mut text = String::new();
        let style = Style { ink: shown.map(|shown| shown.paint), ..Style::default() };
        ink.write(&mut text, style, &glyphs);
        text.push(' ');
        text.push_str(line(name, values.each_ref().map(String::as_str)).trim_end());
        lines.push(text);
    }
    lines
}

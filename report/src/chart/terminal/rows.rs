//! The list of keys under a chart in a terminal: last value, growth and peak of each.

use unicode_width::UnicodeWidthStr;

use crate::chart::options::{ChartKind, ChartOptions};
use crate::chart::select::{Selection, Shown};
use crate::chart::stated::Stated;
use crate::chart::terminal::cells::letter;
use crate::chart::terminal::ink::{Ink, Style};
use crate::metric::Unit;

/// The space between two columns.
pub(crate) const GAP: usize = 2;
pub(crate) const HEADINGS: [&str; 3] = ["now", "growth", "peak"];

/// Returns a last value, its growth and the peak in words.
pub(crate) fn values(unit: Unit, first: u64, last: u64, peak: u64) -> [String; 3] {
    let growth = i128::from(last) - i128::from(first);
    [unit.plain(last), unit.signed(growth), unit.plain(peak)]
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
    let of =
        |shown: &Shown| (ink.shown(&shown.name), values(unit, shown.first, shown.last, shown.peak));
    let mut listed: Vec<(String, [String; 3])> = selection.shown.iter().rev().map(of).collect();
    if listed.len() > 1 {
        let finding = &stated.finding;
        let [first, last, peak] = [finding.first, finding.last, finding.highest];
        listed.push(("total".to_owned(), values(unit, first.value, last.value, peak.value)));
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
        text.push_str(&line(name, values.each_ref().map(String::as_str)));
        lines.push(text);
    }
    lines
}

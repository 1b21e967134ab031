//! The list of keys under a chart in a terminal: last value, growth and peak of each.

use unicode_width::UnicodeWidthStr;

use crate::chart::options::{ChartKind, ChartOptions};
use crate::chart::select::{Selection, Shown};
use crate::chart::stated::Stated;
use crate::chart::terminal::cells;
use crate::chart::terminal::ink::{Ink, Style};

/// The space between two columns.
const GAP: usize = 2;
const HEADINGS: [&str; 3] = ["now", "growth", "peak"];

/// Returns the lines of the list, the key that moved most first, with the total.
pub(crate) fn rows(
    stated: &Stated<'_>,
    options: &ChartOptions,
    selection: &Selection,
    ink: Ink,
    columns: usize,
) -> Vec<String> {
    let unit = stated.series.metric.unit();
    let values = |first: u64, last: u64, peak: u64| {
        [unit.plain(last), unit.signed(i128::from(last) - i128::from(first)), unit.plain(peak)]
    };
    let of = |shown: &Shown| (ink.shown(&shown.name), values(shown.first, shown.last, shown.peak));
    let mut listed: Vec<(String, [String; 3])> = selection.shown.iter().rev().map(of).collect();
    if listed.len() > 1 {
        let finding = &stated.finding;
        let [first, last, peak] = [finding.first, finding.last, finding.highest];
        listed.push(("total".to_owned(), values(first.value, last.value, peak.value)));
    }
    let widths: [usize; 3] = std::array::from_fn(|at| {
        let values = listed.iter().map(|(_, values)| values[at].width());
        values.chain([HEADINGS[at].len()]).max().unwrap_or(0)
    });
    let swatch = 3;
    let taken = swatch + widths.iter().map(|width| width + GAP).sum::<usize>();
    let longest = listed.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let room = longest.min(columns.saturating_sub(taken).max(8));
    let line = |name: &str, values: [&str; 3]| {
        let name = ink.cut(name, room);
        let space = " ".repeat(room.saturating_sub(name.width()));
        let values: String = (0..3)
            .map(|at| format!("{:GAP$}{:>width$}", "", values[at], width = widths[at]))
            .collect();
        format!("{name}{space}{values}")
    };
    let mut lines = Vec::new();
    let mut head = " ".repeat(swatch);
    ink.write(&mut head, Style { dim: true, ..Style::default() }, &line("", HEADINGS));
    lines.push(head);
    for (rank, (name, values)) in listed.iter().enumerate() {
        let shown = selection.shown.iter().rev().nth(rank);
        let glyphs = match (shown, options.kind) {
            (None, _) => "  ".to_owned(),
            (_, ChartKind::Growth) => format!("{} ", cells::letter(rank)),
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

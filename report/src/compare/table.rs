//! A comparison as a table for a terminal and as Markdown.

use unicode_width::UnicodeWidthStr;

use crate::compare::figures::{ComparedFigure, Difference, FigureRows, Row, Spread};
use crate::compare::run::ComparedRun;
use crate::compare::{Comparison, words};
use crate::metric::Metric;
use crate::text::escape;
use crate::text::table::{Align, Cell, Column, Table, Tone, cut_middle};
use crate::text::units;

/// The number of parts shown by themselves.
const SHOWN: usize = 8;
/// The minimum of a name that a table shows when it cuts it.
const MIN_NAME: usize = 17;

/// One row of a figure as text.
struct Line {
    name: String,
    /// The median and the range.
    before: (Cell, String),
    after: (Cell, String),
    /// The difference, and in percent.
    change: (Cell, String),
}

/// Returns a comparison as a headline, the runs, a table no wider than `width` where that can be,
/// and notes; with `all` every part has a row.
pub fn compare_table(comparison: &Comparison<'_>, all: bool, width: usize, color: bool) -> String {
    let sides = comparison.sides;
    let several = sides.before.len().max(sides.after.len()) > 1;
    let mut text = String::new();
    for line in headline(comparison, width) {
        text += &format!("{}\n", cut_middle(&line, width));
    }
    text.push('\n');
    for (side, runs) in [("before", &sides.before), ("after", &sides.after)] {
        for (index, run) in runs.iter().enumerate() {
            let side = if index == 0 { side } else { "" };
            let line = format!("{side:<8}{}", escape::terminal(&described(run)));
            text += &format!("{}\n", cut_middle(&line, width));
        }
    }
    text += &format!("{}\n\n", cut_middle(&escape::terminal(&comparison.about()), width));
    let range =
        |rank| Column::new(if several { "RANGE" } else { "" }, Align::Right).droppable(rank);
    let columns = vec![
        Column::named(&sides.metric.words().to_uppercase(), Align::Left),
        Column::new("BEFORE", Align::Right),
        range(2),
        Column::new("AFTER", Align::Right),
        range(3),
        Column::new("CHANGE", Align::Right),
    ];
    let columns = columns.into_iter().enumerate();
    let kept = |index: &usize| several || ![2, 4].contains(index);
    let columns = columns.filter(|(index, _)| kept(index)).map(|(_, column)| column).collect();
    let mut table = Table::new(columns, 0, MIN_NAME);
    for (index, figure) in comparison.figures.iter().enumerate() {
        if index > 0 {
            table.row(Vec::new());
        }
        for (row, line) in comparison.lines(figure, all).into_iter().enumerate() {
            let name = if row == 0 { line.name } else { format!("  {}", line.name) };
            let (change, percent) = line.change;
            // Words stand in place of both.
            let change = match change.text().ends_with(char::is_lowercase) {
                true => change,
                false => change.followed_by(&format!(" {percent:>6}")),
            };
            let cells = [
                Cell::new(&name),
                line.before.0,
                Cell::new(&line.before.1),
                line.after.0,
                Cell::new(&line.after.1),
                change,
            ];
            let cells = cells.into_iter().enumerate().filter(|(index, _)| kept(index));
            table.row(cells.map(|(_, cell)| cell).collect());
        }
    }
    text += &table.render(width, color);
    for note in comparison.notes() {
        text += &format!("{}\n", cut_middle(&escape::terminal(&format!("note: {note}")), width));
    }
    text
}

/// Returns a comparison as Markdown, for a pull request.
pub fn compare_markdown(comparison: &Comparison<'_>, all: bool) -> String {
    let sides = comparison.sides;
    let mut text = format!("### {}\n\n", escape::markdown(&comparison.headline()));
    for (side, runs) in [("before", &sides.before), ("after", &sides.after)] {
        for run in runs {
            text += &format!("- {side}: {}\n", escape::markdown(&described(run)));
        }
    }
    text += &format!("\n{}\n", escape::markdown(&comparison.about()));
    for figure in &comparison.figures {
        text += "\n| | before | range | after | range | change | |\n|---|---:|---:|---:|---:|---:|---:|\n";
        for (row, line) in comparison.lines(figure, all).into_iter().enumerate() {
            let name = escape::markdown(&line.name);
            let name = if row == 0 { format!("**{name}**") } else { name };
            let cells = [line.before, line.after, line.change];
            let cells = cells.map(|(cell, more)| [cell.text().to_owned(), more]).concat();
            text += &format!("| {name} | {} |\n", cells.join(" | "));
        }
    }
    text += "\n";
    for note in comparison.notes() {
        text += &format!("{}  \n", escape::markdown(&note));
    }
    text
}

/// Returns the headline on one line, or its parts on a second one.
fn headline(comparison: &Comparison<'_>, width: usize) -> Vec<String> {
    let headline = escape::terminal(&comparison.headline()).into_owned();
    match headline.split_once(": ") {
        Some((lead, parts)) if headline.width() > width => {
            vec![format!("{lead}:"), format!("  {parts}")]
        }
        _ => vec![headline],
    }
}

/// Returns a run with the samples and the time that count.
fn described(run: &ComparedRun) -> String {
    let samples = units::counted(run.samples() as u64, "sample", "samples");
    let span = Some(run.span_ns()).filter(|span| *span > 0);
    let span = span.map(|span| format!(" in {}", units::duration(span))).unwrap_or_default();
    format!("{}, {samples}{span}", run.name)
}

/// Returns a figure as a cell; `-` where it is unknown.
fn amount(metric: Metric, figure: ComparedFigure, value: Option<f64>) -> Cell {
    let unit = metric.unit();
    match figure {
        ComparedFigure::PerMinute => unit.rate_cell(value).toned(Tone::Plain),
        _ => unit.cell(value.map(|value| value.max(0.0).round() as u64)),
    }
}

/// Returns a difference as a cell.
fn change(metric: Metric, figure: ComparedFigure, value: f64) -> Cell {
    let unit = metric.unit();
    match figure {
        ComparedFigure::PerMinute => unit.rate_cell(Some(value)),
        _ => unit.delta_cell(Some(value.round() as i128)),
    }
}

impl Comparison<'_> {
    /// Returns what is compared.
    pub(crate) fn about(&self) -> String {
        let sides = self.sides;
        format!("{} by {}, aligned at {}", sides.metric.words(), sides.by.name(), sides.aligned)
    }

    /// Returns the lines of a figure: the total, the parts that differ most, and the rest of it.
    fn lines(&self, of: &FigureRows, all: bool) -> Vec<Line> {
        let mut total = self.line(of, &of.total);
        let only = self.figures.len() == 1;
        total.name = if only { "total" } else { of.figure.words() }.to_owned();
        if of.total.difference == Difference::Unknown {
            return vec![total];
        }
        let something = of.rows.iter().filter(|row| !row.is_nothing()).count();
        let differ = of.rows.iter().filter(|row| row.difference.size() > 0.0).count();
        let shown = match all {
            true => of.rows.len(),
            // One more row takes no more space than the line that stands for it.
            false if something <= SHOWN + 1 => something,
            false => differ.clamp(SHOWN / 2, SHOWN),
        };
        let rows = of.rows.iter().take(shown).map(|row| self.line(of, row));
        let mut lines: Vec<Line> = std::iter::once(total).chain(rows).collect();
        let left = of.remainder(shown);
        let nothing = of.rows.iter().skip(shown).all(Row::is_nothing);
        if !nothing || left.iter().any(|left| left.is_none_or(|left| left.abs() >= 1.0)) {
            lines.push(self.rest(of, left, of.rows.len() - shown));
        }
        lines
    }

    fn line(&self, of: &FigureRows, row: &Row) -> Line {
        let metric = self.sides.metric;
        let cells = |spread: &Spread| {
            (amount(metric, of.figure, spread.median), words::range(metric, of.figure, spread))
        };
        let change = match row.difference {
            Difference::Unknown => Cell::new("-"),
            Difference::Same => change(metric, of.figure, 0.0),
            Difference::Within => Cell::new("within spread"),
            Difference::By(by) => change(metric, of.figure, by),
        };
        Line {
            name: row.label.clone(),
            before: cells(&row.before),
            after: cells(&row.after),
            change: (change, words::percent(of.figure, row)),
        }
    }

    /// Returns the line for the total less the parts shown, which may be negative.
    fn rest(&self, of: &FigureRows, left: [Option<f64>; 2], hidden: usize) -> Line {
        let metric = self.sides.metric;
        let signed = |value: Option<f64>| match value {
            Some(negative) if negative < -0.5 => change(metric, of.figure, negative),
            value => amount(metric, of.figure, value),
        };
        let signed = |value| signed(value).toned(Tone::Plain);
        let by = left[0].zip(left[1]).map(|(before, after)| after - before);
        let by = by.map_or_else(|| Cell::new("-"), |by| change(metric, of.figure, by));
        let name = match hidden {
            0 => "remainder".to_owned(),
            1 => format!("other (1 {})", self.sides.by.name()),
            _ => format!("other ({hidden} {})", self.sides.by.plural()),
        };
        Line {
            name,
            before: (signed(left[0]), String::new()),
            after: (signed(left[1]), String::new()),
            change: (by.toned(Tone::Plain), String::new()),
        }
    }
}

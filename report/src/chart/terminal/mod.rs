//! Charts in a terminal: the same series, finding and colours as in pictures, drawn in characters.

pub(crate) mod cells;
pub(crate) mod columns;
pub(crate) mod ink;
pub(crate) mod multiples;
pub(crate) mod rows;
#[cfg(test)]
mod tests;

use unicode_width::UnicodeWidthStr;

use crate::chart::options::{ChartContext, ChartKind, ChartOptions, TimeAxis};
use crate::chart::palette::Paint;
use crate::chart::select::{self, Room, Selection};
use crate::chart::stated::Stated;
use crate::chart::terminal::cells::{Cell, Grid};
use crate::chart::terminal::ink::{Ink, Style, TerminalColors};
use crate::chart::time::TimeTick;
use crate::chart::value::ValueAxis;
use crate::chart::{plot, text, time, value, words};
use crate::error::Error;
use crate::finding::outcome::Verdict;
use crate::metric::Unit;
use crate::series::Series;

/// The terminal a chart is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// How many columns it has.
    pub columns: usize,
    /// How many lines it has.
    pub lines: usize,
    /// Whether and how it shows colours.
    pub colors: TerminalColors,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
}

/// Bounds of the plot, in columns and lines.
const MIN_COLUMNS: usize = 16;
const MAX_COLUMNS: usize = 400;
const MIN_LINES: usize = 8;
const MAX_LINES: usize = 24;
/// How many lines of a plot lie between two labels of its axis, at least.
const MIN_LINES_A_LABEL: usize = 2;
/// The maximum number of marks listed, and of the columns that the text of one takes.
const MAX_LISTED: usize = 12;
const MAX_MARK: usize = 28;
/// The width of a character in the pixels that the steps of time are chosen by.
const CHARACTER: f64 = 7.5;

/// Draws the first of `series` in characters; the others are of the same samples, and show whether
/// memory that the first one no longer counts was freed.
pub fn draw_terminal(
    series: &[Series],
    options: &ChartOptions,
    context: &ChartContext,
    terminal: &Terminal,
) -> Result<String, Error> {
    let stated = Stated::of_first(series, options, context)?;
    let ink = Ink { colors: terminal.colors, theme: options.theme, unicode: terminal.unicode };
    let screen = Screen { stated: &stated, options, context, terminal, ink };
    let mut lines = screen.header();
    if stated.finding.verdict != Verdict::Zero {
        lines.extend(screen.body(lines.len()));
    }
    Ok(lines.iter().map(|line| format!("{}\n", line.trim_end())).collect())
}

/// An axis, its steps, and how many lines each of them takes.
struct Axis {
    axis: ValueAxis,
    steps: usize,
    each: usize,
}

/// Returns the axis that leaves least of `lines` empty.
fn best_axis((low, high): (f64, f64), unit: Unit, signed: bool, lines: usize) -> Axis {
    let of = |max_steps: usize| {
        let axis = value::axis(low, high, unit, signed, max_steps);
        let steps = axis.ticks.len().saturating_sub(1).max(1);
        Axis { axis, steps, each: (lines / steps).max(1) }
    };
    // The lines that the data reaches: more is better, then fewer labels.
    let rank = |one: &Axis| {
        let used = (high - low) / (one.axis.high - one.axis.low) * (one.steps * one.each) as f64;
        let crowded = one.each < MIN_LINES_A_LABEL;
        (crowded, -(used * 4.0).round() as i64, one.steps)
    };
    let candidates = (2..=(lines / MIN_LINES_A_LABEL).max(2)).map(of);
    candidates.min_by_key(rank).unwrap_or_else(|| of(2))
}

/// The contents of a drawing, and their cells.
struct Screen<'a> {
    stated: &'a Stated<'a>,
    options: &'a ChartOptions,
    context: &'a ChartContext,
    terminal: &'a Terminal,
    ink: Ink,
}

impl Screen<'_> {
    /// Returns the lines above the plot: the finding, its course, and what is drawn.
    fn header(&self) -> Vec<String> {
        let room = self.terminal.columns;
        let titles: Vec<String> =
            self.stated.titles.iter().map(|title| self.ink.shown(title)).collect();
        let title = titles.iter().find(|title| title.width() <= room).or(titles.last());
        let course = self.ink.shown(&self.stated.course.join(" · "));
        let about = words::about_briefly(self.stated.series, self.options, self.context);
        let mut about = self.ink.shown(&about);
        // Its last parts are in the other lines too.
        let separator = if self.ink.unicode { " · " } else { " - " };
        while about.width() > room
            && let Some((most, _)) = about.rsplit_once(separator)
        {
            about.truncate(most.len());
        }
        let about = self.ink.cut(&about, room);
        let (bold, plain) = (Style { bold: true, ..Style::default() }, Style::default());
        let dim = Style { dim: true, ..Style::default() };
        let mut lines = Vec::new();
        let title = title.map_or("", String::as_str);
        for (words, style) in [(title, bold), (&*course, plain), (&*about, dim)] {
            if words.is_empty() {
                continue;
            }
            lines.extend(ink::wrap(words, room).iter().map(|line| self.styled(style, line)));
        }
        lines
    }

    fn styled(&self, style: Style, text: &str) -> String {
        let mut line = String::new();
        self.ink.write(&mut line, style, text);
        line
    }

    /// Returns the plot, its axes, the list of marks and that of the keys.
    fn body(&self, above: usize) -> Vec<String> {
        let Stated { series, counted, finding, .. } = self.stated;
        let most = self.ink.max_keys();
        let begin = finding.first.index;
        let select = |columns: usize, keys: usize| {
            let room = Room { columns, keys: keys.saturating_sub(1).max(1), one_legend: false };
            select::select(series, counted, self.options, self.context.naming, room, begin)
        };
        let marks = self.marks();
        let listed = if marks.is_empty() { 0 } else { self.mark_list().len() + 1 };
        // A low terminal has fewer keys, so that the plot keeps its room.
        let listed = listed + self.stated.limits.sentences().count();
        let spare = self.terminal.lines.saturating_sub(above + listed + 2 + 3 + MIN_LINES);
        let most = most.min(spare.max(3));
        let columns = self.terminal.columns.min(MAX_COLUMNS);
        let selection = select(columns, most);
        let keys = rows::rows(self.stated, self.options, &selection, self.ink, columns);
        let taken = above + listed + 3 + keys.len();
        let lines = self.terminal.lines.saturating_sub(taken + 1).clamp(MIN_LINES, MAX_LINES);

        let highest = counted.totals.max().unwrap_or(0);
        let (low, high) = plot::extent(&selection, highest, self.options.kind);
        let high = self.stated.limits.reach(high);
        let signed = self.options.kind == ChartKind::Growth;
        let unit = series.metric.unit();
        let Axis { axis, steps, each } = best_axis((low, high), unit, signed, lines);
        // Labels lie at the upper edge of a line each, so that heights can be read.
        let height = steps * each;
        let labels: Vec<String> = axis.ticks.iter().map(|tick| tick.label.clone()).collect();
        let label_width = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        let width = columns.saturating_sub(label_width + 2).max(MIN_COLUMNS);
        // The samples kept depend on the number of columns.
        let selection = select(width, most);

        let grid = self.grid(&selection, &axis, (width, height), &marks);
        let mut out = Vec::new();
        if !marks.is_empty() {
            let numbers = self.numbers(&marks, width);
            out.push(format!("{:label_width$}  {numbers}", ""));
        }
        let (edge, corner, rule) =
            if self.ink.unicode { ('┤', '└', '─') } else { ('|', '+', '-') };
        for (index, cells) in grid.lines.iter().enumerate() {
            let from_top = index / each;
            let label = match index % each {
                0 => labels.get(steps - from_top).map_or("", String::as_str),
                _ => "",
            };
            let mut line = format!("{label:>label_width$} ");
            line.push(if label.is_empty() && self.ink.unicode { '│' } else { edge });
            self.push_cells(&mut line, cells);
            out.push(line);
        }
        let base = labels.first().map_or("", String::as_str);
        let rule: String = std::iter::repeat_n(rule, width).collect();
        out.push(format!("{base:>label_width$} {corner}{rule}"));
        let times = self.times(width);
        out.push(format!("{:label_width$}  {times}", ""));
        if !marks.is_empty() {
            out.extend(self.mark_list());
        }
        out.extend(keys);
        let dim = Style { dim: true, ..Style::default() };
        for words in self.stated.limits.sentences() {
            let lines = ink::wrap(&self.ink.shown(&words), columns);
            out.extend(lines.iter().map(|line| self.styled(dim, line)));
        }
        out
    }

    /// Draws the data.
    fn grid(
        &self,
        selection: &Selection,
        axis: &ValueAxis,
        (width, height): (usize, usize),
        marks: &[usize],
    ) -> Grid {
        let columns = columns::columns(self.stated.series, selection, width);
        let mut grid = Grid::new(&columns, height, self.ink);
        let paints: Vec<Paint> = selection.shown.iter().map(|shown| shown.paint).collect();
        match self.options.kind {
            ChartKind::Area => grid.areas(&columns, &paints, axis.high),
            ChartKind::Growth => {
                grid.lines(&columns, &paints, (axis.low, axis.high));
                let down = axis.high / (axis.high - axis.low) * height as f64;
                if axis.low < 0.0 {
                    grid.across(down as usize);
                }
            }
        }
        for limit in &self.stated.limits.lines {
            let down = (axis.high - limit.value as f64) / (axis.high - axis.low) * height as f64;
            grid.across(down as usize);
        }
        marks.iter().for_each(|at| grid.rule(self.column(*at, width)));
        grid
    }

    /// Returns the column of a mark, or the first or last one.
    fn column(&self, mark: usize, width: usize) -> usize {
        let elapsed = self.stated.moments.get(mark).map_or(0, |moment| moment.at_ns);
        columns::column_of(elapsed, self.stated.series.span_ns(), width)
    }

    /// Adds cells, those of one look in one piece.
    fn push_cells(&self, line: &mut String, cells: &[Cell]) {
        for run in cells.chunk_by(|a, b| a.style == b.style) {
            let glyphs: String = run.iter().map(|cell| cell.glyph).collect();
            let style = run.first().map_or(Style::default(), |cell| cell.style);
            self.ink.write(line, style, &glyphs);
        }
    }

    /// Returns the indexes of the marks drawn: all but those beyond the numbers there are.
    fn marks(&self) -> Vec<usize> {
        (0..self.stated.moments.len().min(MAX_LISTED)).collect()
    }

    fn number(&self, mark: usize) -> String {
        let circled = u32::try_from(mark).ok().and_then(|mark| char::from_u32(0x2460 + mark));
        match circled.filter(|_| self.ink.unicode && mark < 20) {
            Some(circled) => circled.to_string(),
            None => (mark + 1).to_string(),
        }
    }

    /// Returns the line of numbers above the plot; where two would touch, the first one's is shown.
    fn numbers(&self, marks: &[usize], width: usize) -> String {
        let mut line = vec![' '; width];
        let bar = if self.ink.unicode { '━' } else { '=' };
        let span_ns = self.stated.series.span_ns();
        for mark in marks {
            let until = self.stated.moments.get(*mark).and_then(|moment| moment.until_ns);
            let until = until.map(|until| columns::column_of(until, span_ns, width));
            for column in until.map_or(0..0, |until| self.column(*mark, width)..until + 1) {
                line[column] = bar;
            }
        }
        let mut taken = 0;
        for mark in marks {
            let (at, number) = (self.column(*mark, width), self.number(*mark));
            if at < taken || at + number.width() > width {
                continue;
            }
            for (column, glyph) in line[at..].iter_mut().zip(number.chars()) {
                *column = glyph;
            }
            taken = at + number.width() + 1;
        }
        line.into_iter().collect()
    }

    /// Returns the lines that name marks by number, with their times.
    fn mark_list(&self) -> Vec<String> {
        let Stated { moments: marks, clock, .. } = self.stated;
        let named = marks.iter().take(MAX_LISTED).enumerate().map(|(index, moment)| {
            let text = self.ink.shown(&text::clean(moment.text));
            let text = self.ink.cut(&text, MAX_MARK);
            let until = moment
                .until_ns
                .map_or(String::new(), |until| format!(" to {}", clock.moment(until)));
            format!("{} {text} {}{until}", self.number(index), clock.moment(moment.at_ns))
        });
        let mut words: Vec<String> = named.collect();
        if marks.len() > MAX_LISTED {
            words.push(format!("and {} more", marks.len() - MAX_LISTED));
        }
        ink::flow(words.iter().map(String::as_str), "  ", self.terminal.columns)
    }

    /// Returns the line of times below the plot.
    fn times(&self, width: usize) -> String {
        let series = self.stated.series;
        let span_ns = series.span_ns();
        let room = width as f64 * CHARACTER;
        let ticks: Vec<TimeTick> = match (self.options.axis, series.ticks.first()) {
            (TimeAxis::Wall, Some(first)) => {
                time::wall_ticks(first.taken.utc_ns, span_ns, &self.options.zone, room)
            }
            _ => time::elapsed_ticks(span_ns, room),
        };
        let mut line = String::new();
        for tick in ticks {
            let length = tick.label.width();
            let middle = match span_ns {
                0 => width / 2,
                _ => columns::column_of(tick.elapsed_ns, span_ns, width),
            };
            let at = middle.saturating_sub(length / 2).min(width.saturating_sub(length));
            if at < line.width() + usize::from(!line.is_empty()) {
                continue;
            }
            line.extend(std::iter::repeat_n(' ', at - line.width()));
            line.push_str(&tick.label);
        }
        line
    }
}

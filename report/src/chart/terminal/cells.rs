//! The cells of a plot: areas stacked in eighths of a line, or lines of box-drawing characters.

use vmrec_sampler::sort_by_key;

use crate::chart::palette::{self, Paint};
use crate::chart::terminal::columns::PlotColumn;
use crate::chart::terminal::ink::{Ink, Style};

/// The parts of a cell's height that can be drawn.
const EIGHTHS: usize = 8;
pub(crate) const BLOCKS: [char; EIGHTHS + 1] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A character and its look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    pub(crate) glyph: char,
    pub(crate) style: Style,
}

const BLANK: Cell =
    Cell { glyph: ' ', style: Style { bold: false, dim: false, ink: None, ground: None } };

/// A plot's cells, from its top line to its bottom one.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) lines: Vec<Vec<Cell>>,
    ink: Ink,
}

impl Grid {
    /// Creates an empty plot; stretches that were not measured are hatched.
    pub(crate) fn new(columns: &[PlotColumn], height: usize, ink: Ink) -> Self {
        let hatch = if ink.unicode { '╱' } else { '/' };
        let style = Style { ink: Some(palette::GAP), ..Style::default() };
        let cell = |column: &PlotColumn| match column {
            PlotColumn::Gap => Cell { glyph: hatch, style },
            _ => BLANK,
        };
        let line: Vec<Cell> = columns.iter().map(cell).collect();
        Self { lines: vec![line; height], ink }
    }

    /// Stacks the values of each column; `high` is the top of the plot.
    pub(crate) fn areas(&mut self, columns: &[PlotColumn], paints: &[Paint], high: f64) {
        let height = self.lines.len();
        for (x, column) in columns.iter().enumerate() {
            let PlotColumn::Measured(values) = column else { continue };
            let mut sum = 0.0;
            let tops: Vec<usize> = values
                .iter()
                .map(|value| {
                    sum += value.max(0.0);
                    eighths(sum, high, height)
                })
                .collect();
            for y in 0..height {
                self.lines[height - 1 - y][x] = area_cell(y * EIGHTHS, &tops, paints, self.ink);
            }
        }
    }

    /// Draws a line for each key, those that moved most last and so on top, each ending in its
    /// letter.
    pub(crate) fn lines(
        &mut self,
        columns: &[PlotColumn],
        paints: &[Paint],
        (low, high): (f64, f64),
    ) {
        let height = self.lines.len();
        let row = |value: f64| {
            let part = (high - value) / (high - low) * height as f64;
            (part.floor().max(0.0) as usize).min(height.saturating_sub(1))
        };
        let is_measured = |column: &PlotColumn| matches!(column, PlotColumn::Measured(_));
        let last = columns.iter().rposition(is_measured);
        for (key, paint) in paints.iter().enumerate() {
            let letter = letter(paints.len() - 1 - key);
            let style = Style { ink: Some(*paint), ..Style::default() };
            let mut before: Option<usize> = None;
            for (x, column) in columns.iter().enumerate() {
                let PlotColumn::Measured(values) = column else {
                    before = None;
                    continue;
                };
                let y = row(values[key]);
                let from = before.unwrap_or(y);
                for (at, glyph) in self.steps(from, y, letter) {
                    self.lines[at][x] = Cell { glyph, style };
                }
                if last == Some(x) {
                    let style = Style { bold: true, ..style };
                    self.lines[y][x] = Cell { glyph: letter, style };
                }
                before = Some(y);
            }
        }
    }

    /// Returns the characters of a line that comes from the height `from` and leaves at `to`.
    fn steps(&self, from: usize, to: usize, letter: char) -> Vec<(usize, char)> {
        if !self.ink.unicode {
            return vec![(to, letter)];
        }
        if from == to {
            return vec![(to, '─')];
        }
        // Heights are counted from the top.
        let (first, last) = if to < from { ('╯', '╭') } else { ('╮', '╰') };
        let inner = (from.min(to) + 1..from.max(to)).map(|at| (at, '│'));
        inner.chain([(from, first), (to, last)]).collect()
    }

    /// Draws a rule where there are no data, such as that of a mark.
    pub(crate) fn rule(&mut self, x: usize) {
        let glyph = if self.ink.unicode { '┊' } else { ':' };
        for line in &mut self.lines {
            if let Some(cell) = line.get_mut(x).filter(|cell| **cell == BLANK || is_hatched(cell)) {
                *cell = Cell { glyph, style: Style { dim: true, ..Style::default() } };
            }
        }
    }

    /// Draws a line across where there are no data: that of 0, or of a limit.
    pub(crate) fn across(&mut self, row: usize) {
        let glyph = if self.ink.unicode { '┄' } else { '.' };
        for cell in self.lines.get_mut(row).into_iter().flatten().filter(|cell| **cell == BLANK) {
            *cell = Cell { glyph, style: Style { dim: true, ..Style::default() } };
        }
    }
}

fn is_hatched(cell: &Cell) -> bool {
    cell.style.ink == Some(palette::GAP)
}

/// Returns the letter of the key at `rank` in the list below a plot.
pub(crate) fn letter(rank: usize) -> char {
    char::from(b'a' + u8::try_from(rank % 26).unwrap_or(0))
}

/// Returns a value's height; whatever is more than nothing is seen.
fn eighths(value: f64, high: f64, height: usize) -> usize {
    let full = height * EIGHTHS;
    let part = (value / high * full as f64).round().max(if value > 0.0 { 1.0 } else { 0.0 });
    (part as usize).min(full)
}

/// Returns the cell that begins `bottom` eighths above 0; `tops` are those of the stacked keys.
fn area_cell(bottom: usize, tops: &[usize], paints: &[Paint], ink: Ink) -> Cell {
    let top = tops.last().copied().unwrap_or(0);
    let filled = top.saturating_sub(bottom).min(EIGHTHS);
    // How much of the cell each key has.
    let mut from = 0;
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for (key, top) in tops.iter().enumerate() {
        let (low, high) = (from.max(bottom), (*top).min(bottom + EIGHTHS));
        if high > low {
            parts.push((high - low, key));
        }
        from = *top;
    }
    sort_by_key(&mut parts, |(part, key)| (std::cmp::Reverse(*part), *key));
    let Some((_, key)) = parts.first().copied() else { return BLANK };
    let style = Style { ink: paints.get(key).copied(), ..Style::default() };
    if ink.patterned() {
        let pattern = ink.pattern(tops.len() - 1 - key);
        let glyph = match (filled, pattern) {
            (EIGHTHS, pattern) => pattern,
            (filled, '█') => BLOCKS[filled],
            (filled, pattern) if filled * 2 >= EIGHTHS => pattern,
            _ => ' ',
        };
        return Cell { glyph, style };
    }
    match parts.get(1) {
        Some((_, second)) if filled == EIGHTHS => {
            let (below, above) = (key.min(*second), key.max(*second));
            let edge = tops[below].saturating_sub(bottom).clamp(1, EIGHTHS - 1);
            let paint = |key: usize| paints.get(key).copied();
            let style = Style { ink: paint(below), ground: paint(above), ..Style::default() };
            Cell { glyph: BLOCKS[edge], style }
        }
        _ => Cell { glyph: BLOCKS[filled], style },
    }
}

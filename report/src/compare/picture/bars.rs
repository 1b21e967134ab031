//! The bars at the right: the parts that differ most in the highest sample.

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::layout::Place;
use crate::chart::{palette, text};
use crate::compare::figures::{Difference, FigureRows, Row};
use crate::compare::picture::colours;
use crate::compare::{Comparison, words};
use crate::error::Error;

/// Height of a name with its bar below.
const ROW: f64 = 34.0;
/// Height of a bar.
const BAR: f64 = 8.0;
const NAME_SIZE: f64 = 11.5;
const TITLE_SIZE: f64 = 11.0;

/// A bar: a name, the difference in words, and its size.
struct Bar {
    name: String,
    words: String,
    by: f64,
}

/// Draws a bar for each part that differs, as many as there is room for, then the rest as one.
pub(crate) fn draw(
    canvas: &mut Canvas<'_>,
    comparison: &Comparison<'_>,
    place: Place,
) -> Result<(), Error> {
    let Some(of) = comparison.figures.first() else { return Ok(()) };
    let title = Face { size: TITLE_SIZE, bold: false, paint: palette::MUTED };
    let only = comparison.figures.len() == 1;
    let words = if only { "change" } else { "change in the highest sample" };
    canvas.text(words, (place.left, place.top), Anchor::Start, title)?;
    let room = ((place.bottom - place.top - 14.0) / ROW).max(0.0) as usize;
    let bars = bars(comparison, of, room);
    let reach = bars.iter().map(|bar| bar.by.abs()).fold(0.0, f64::max);
    let low = if bars.iter().any(|bar| bar.by < 0.0) { -1.0 } else { 0.0 };
    let high = if bars.iter().any(|bar| bar.by > 0.0) { 1.0 } else { 0.0 };
    let width = place.right - place.left;
    let x = |part: f64| place.left + width * (part - low) / (high - low);
    if bars.is_empty() || reach == 0.0 || low == high {
        let face = Face { size: NAME_SIZE, bold: false, paint: palette::INK };
        let none = "no part differs beyond its spread";
        return canvas.text(none, (place.left, place.top + 24.0), Anchor::Start, face);
    }
    for (index, bar) in bars.iter().enumerate() {
        let y = place.top + 24.0 + index as f64 * ROW;
        let value_width = text::width(&bar.words, NAME_SIZE) + 10.0;
        let name = text::fit(&text::clean(&bar.name), NAME_SIZE, width - value_width);
        let face = Face { size: NAME_SIZE, bold: false, paint: palette::INK };
        canvas.text(&name, (place.left, y), Anchor::Start, face)?;
        canvas.text(&bar.words, (place.right, y), Anchor::End, Face { bold: true, ..face })?;
        let (from, to) = (x(0.0_f64.min(bar.by / reach)), x(0.0_f64.max(bar.by / reach)));
        let paint = if bar.by > 0.0 { colours::AFTER } else { colours::BEFORE };
        let (top, bottom) = (y + 9.0, y + 9.0 + BAR);
        if to > from {
            canvas.rect((from, top), (to.max(from + 1.0), bottom), paint)?;
        }
        canvas.line((x(0.0), top - 2.0), (x(0.0), bottom + 2.0), palette::AXIS, 1.0, 1.0)?;
    }
    Ok(())
}

/// Returns the bars for so many rows; the last stands for all that have none.
fn bars(comparison: &Comparison<'_>, of: &FigureRows, room: usize) -> Vec<Bar> {
    let metric = comparison.sides.metric;
    let differing = |row: &&Row| row.difference.size() > 0.0;
    let rows: Vec<&Row> = of.rows.iter().filter(differing).collect();
    let shown = if rows.len() <= room { rows.len() } else { room.saturating_sub(1) };
    let bar = |row: &&Row| {
        let Difference::By(by) = row.difference else { return None };
        let words = words::change(metric, of.figure, by);
        Some(Bar { name: row.label.clone(), words, by })
    };
    let mut bars: Vec<Bar> = rows.iter().take(shown).filter_map(bar).collect();
    let [before, after] = of.remainder(shown);
    // Of totals that differ by no more than their spread there is nothing to share out.
    let differs = matches!(of.total.difference, Difference::By(_));
    let rest = before.zip(after).map(|(before, after)| after - before).filter(|_| differs);
    if let Some(by) = rest.filter(|by| by.abs() >= 1.0 && bars.len() < room) {
        let words = words::change(metric, of.figure, by);
        bars.push(Bar { name: "other".to_owned(), words, by });
    }
    bars
}

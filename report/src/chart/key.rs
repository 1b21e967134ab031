//! Draws the labels of areas and lines: beside them, or in rows above.

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::layout::{Label, Layout, Legend};
use crate::chart::options::ChartKind;
use crate::chart::select::Selection;
use crate::chart::{labels, layout, palette};
use crate::error::Error;

/// Space between the piece of a line and its name.
const ASIDE: f64 = 4.0;

/// Draws the labels, at the right edge or above; `wanted` is the height
/// each series ends at, `end` its right edge.
pub(crate) fn draw(
    canvas: &mut Canvas<'_>,
    selection: &Selection,
    layout: &Layout,
    wanted: &[f64],
    end: f64,
) -> Result<(), Error> {
    match &layout.key {
        Legend::Beside(labels, peaks) => {
            let (swatch, right) = (layout.right + layout::LEADER, layout.width - layout::MARGIN);
            let values = Some((right - peaks, right));
            let (top, bottom) = (layout.top + 4.0, layout.bottom - 4.0);
            let face = Face { size: layout::TICK_SIZE, bold: false, paint: palette::MUTED };
            let top = top + labels::LINE;
            // Those that moved most are above; lines may end in another order than that.
            let in_order = wanted.is_sorted_by(|lower, upper| lower >= upper);
            let heights = match in_order {
                true => labels::spread(wanted, top, bottom),
                false => (0..labels.len()).rev().map(|n| top + n as f64 * labels::LINE).collect(),
            };
            // The heads of the columns lie right above the first label, wherever that is.
            let heads = heights.iter().copied().fold(bottom, f64::min) - labels::LINE;
            canvas.text(layout::NOW, (right - peaks, heads), Anchor::End, face)?;
            canvas.text(layout::PEAK, (right, heads), Anchor::End, face)?;
            for (index, label) in labels.iter().enumerate() {
                let y = heights[index];
                if in_order {
                    let (from, to) = ((end + 2.0, wanted[index]), (swatch - 3.0, y));
                    canvas.line(from, to, palette::AXIS, 1.0, 0.8)?;
                }
                let paint = selection.shown[index].paint;
                entry(canvas, layout, paint, label, (swatch, y), values)?;
            }
        }
        Legend::Above(entries) => {
            for (index, label, left, row) in entries {
                let y = layout.legend_top + *row as f64 * labels::LINE;
                let at = (layout::MARGIN + left, y);
                entry(canvas, layout, selection.shown[*index].paint, label, at, None)?;
            }
        }
    }
    Ok(())
}

/// Draws a swatch with name and values, which end at two columns, or follow the name.
fn entry(
    canvas: &mut Canvas<'_>,
    layout: &Layout,
    paint: palette::Paint,
    label: &Label,
    (x, y): (f64, f64),
    columns: Option<(f64, f64)>,
) -> Result<(), Error> {
    match layout.kind {
        ChartKind::Area => canvas.rect((x, y - 4.5), (x + 9.0, y + 4.5), paint)?,
        // A piece of the line, with its dashes.
        ChartKind::Growth => {
            let end = x + layout.swatch - ASIDE;
            canvas.polyline([(x, y), (end, y)], paint, 3.0)?;
        }
    }
    let face = Face { size: labels::SIZE, bold: false, paint: palette::INK };
    let at = (x + layout.swatch, y);
    let Some((now, peak)) = columns else {
        return canvas.text(&label.line(), at, Anchor::Start, face);
    };
    canvas.text(&label.name, at, Anchor::Start, face)?;
    canvas.text(&label.now, (now, y), Anchor::End, Face { bold: true, ..face })?;
    canvas.text(&label.peak, (peak, y), Anchor::End, face)
}

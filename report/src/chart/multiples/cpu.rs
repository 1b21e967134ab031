//! The strip of processor time under the panels of memory.

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::layout::{self, Place};
use crate::chart::plot::Scales;
use crate::chart::{palette, text};
use crate::error::Error;
use crate::series::Series;
use crate::text::units;

/// Height of the strip with its title, in pixels.
pub(crate) const HEIGHT: f64 = 44.0;
/// Height of the title.
pub(crate) const TITLE: f64 = 15.0;
/// The part of one processor that a full strip stands for, at least, in percent.
const FULL_PERCENT: f64 = 100.0;

/// The processor time of a process over the time of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CpuLoad {
    /// Begin and end since the first tick, and the percent of one processor used between them.
    pub(crate) steps: Vec<(u64, u64, f64)>,
    /// Processor time used from the first known value to the last.
    pub(crate) used_ns: u64,
    /// The highest of the steps, in percent.
    pub(crate) highest: f64,
}

impl CpuLoad {
    /// Returns the load in at most `columns` steps, from the processor time since the process began
    /// at each tick; `None` if it is not known twice.
    pub(crate) fn of(series: &Series, cpu_ns: &[Option<u64>], columns: usize) -> Option<Self> {
        let known: Vec<(u64, u64)> = (0..series.ticks.len())
            .filter_map(|at| Some((series.elapsed_ns(at), (*cpu_ns.get(at)?)?)))
            .collect();
        let ((begin_ns, first), (end_ns, last)) = (*known.first()?, *known.last()?);
        let span_ns = end_ns.checked_sub(begin_ns).filter(|span| *span > 0)?;
        let column_ns = span_ns.div_ceil(columns.max(1) as u64);
        // The values at the ends of the steps: a step has at least a column's time, since the clock
        // of processor time is coarse.
        let mut ends = vec![(begin_ns, first)];
        for (at, used) in &known[1..] {
            let since = ends.last().map_or(0, |(before, _)| at - before);
            if since >= column_ns {
                ends.push((*at, *used));
            }
        }
        match ends.as_mut_slice() {
            [_, .., end] => *end = (end_ns, last),
            _ => ends.push((end_ns, last)),
        }
        let step = |pair: &[(u64, u64)]| {
            let ((from, before), (to, after)) = (*pair.first()?, *pair.get(1)?);
            let used = after.saturating_sub(before) as f64;
            Some((from, to, used / to.saturating_sub(from).max(1) as f64 * 100.0))
        };
        let steps: Vec<(u64, u64, f64)> = ends.windows(2).filter_map(step).collect();
        let highest = steps.iter().map(|(.., percent)| *percent).fold(0.0, f64::max);
        Some(Self { steps, used_ns: last.saturating_sub(first), highest })
    }
}

/// Draws the strip below the panels of a column.
pub(crate) fn draw(
    canvas: &mut Canvas<'_>,
    load: &CpuLoad,
    place: &Place,
    span_ns: u64,
) -> Result<(), Error> {
    let (top, bottom) = (place.top + TITLE, place.bottom);
    let high = load.highest.max(FULL_PERCENT);
    let scales =
        Scales { span_ns, left: place.left, right: place.right, top, bottom, low: 0.0, high };
    let title = Face { size: layout::TICK_SIZE, bold: true, paint: palette::INK };
    let words = Face { size: layout::TICK_SIZE, bold: false, paint: palette::MUTED };
    let y = place.top + 5.0;
    canvas.text("CPU", (place.left, y), Anchor::Start, title)?;
    let used = format!(
        "{} used, at most {:.0}% of one",
        units::duration(load.used_ns),
        load.highest.round()
    );
    canvas.text(
        &used,
        (place.left + text::width("CPU", layout::TICK_SIZE) + 10.0, y),
        Anchor::Start,
        words,
    )?;
    canvas.text(&format!("{high:.0}%"), (place.left - 8.0, top + 3.0), Anchor::End, words)?;
    canvas.line((place.left, top), (place.right, top), palette::GRID, 1.0, 1.0)?;
    let mut points = vec![(place.left, bottom)];
    for (from, to, percent) in &load.steps {
        let y = scales.y(*percent);
        points.extend([(scales.x(*from), y), (scales.x(*to), y)]);
    }
    if let Some((x, _)) = points.last().copied() {
        points.push((x, bottom));
    }
    canvas.polygon(points, palette::AXIS)?;
    canvas.line((place.left, bottom), (place.right, bottom), palette::AXIS, 1.0, 1.0)
}

//! Draws the data: areas or lines, gaps, axes and marks.

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::marks::{Moment, PlacedMark};
use crate::chart::options::ChartKind;
use crate::chart::palette::Paint;
use crate::chart::select::Selection;
use crate::chart::time::TimeTick;
use crate::chart::value::ValueAxis;
use crate::chart::{layout, marks, palette, text};
use crate::error::Error;
use crate::series::Series;
use crate::series::tick::TickState;

/// The maximum number of stretches of torn samples shown on the axis.
const MAX_TORN: usize = 150;
/// Torn samples nearer to each other than this share a triangle, in pixels.
const MIN_TORN_APART: f64 = 8.0;

/// The maximum number of spans drawn, and how dark they are.
const MAX_BANDS: usize = 60;
const BAND_ALPHA: f64 = 0.16;

/// The part of the other side of 0 from which on a side has an axis: a two hundredth.
const MIN_SEEN: f64 = 200.0;

/// Maps time and values to pixels.
#[derive(Clone, Debug)]
pub(crate) struct Scales {
    pub(crate) span_ns: u64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Scales {
    /// Returns the column of a time; that of a single moment is in the middle.
    pub(crate) fn x(&self, elapsed_ns: u64) -> f64 {
        match self.span_ns {
            0 => f64::midpoint(self.left, self.right),
            span => self.left + (self.right - self.left) * (elapsed_ns as f64 / span as f64),
        }
    }

    /// Returns the height of a value.
    pub(crate) fn y(&self, value: f64) -> f64 {
        let part = (value - self.low) / (self.high - self.low);
        self.bottom - (self.bottom - self.top) * part
    }

    /// Returns the right edge of the data.
    pub(crate) fn end(&self) -> f64 {
        if self.span_ns == 0 { self.x(0) + self.alone() } else { self.right }
    }

    /// Half the width of a sample that stands alone.
    fn alone(&self) -> f64 {
        if self.span_ns == 0 { (self.right - self.left) / 10.0 } else { 0.8 }
    }
}

/// Returns the lowest and highest value drawn; `highest` is that of the total.
pub(crate) fn extent(selection: &Selection, highest: u64, kind: ChartKind) -> (f64, f64) {
    match kind {
        ChartKind::Area => (0.0, highest as f64),
        ChartKind::Growth => {
            let values = || selection.shown.iter().flat_map(|shown| &shown.values);
            let low = values().min().copied().unwrap_or(0).min(0) as f64;
            let high = values().max().copied().unwrap_or(0).max(0) as f64;
            // What cannot be seen on one side of 0 gets no part of the axis.
            let seen = |side: f64, other: f64| if side * MIN_SEEN < other { 0.0 } else { side };
            (-seen(-low, high), seen(high, -low))
        }
    }
}

/// Draws hatching over the stretches without measurements.
pub(crate) fn gaps(
    canvas: &mut Canvas<'_>,
    series: &Series,
    selection: &Selection,
    scales: &Scales,
) -> Result<(), Error> {
    for gap in &selection.gaps {
        let [left, right] = [gap.after, gap.before].map(|at| scales.x(series.elapsed_ns(at)));
        canvas.rect((left, scales.top), (right, scales.bottom), palette::GAP)?;
        let face = Face { size: marks::SIZE, bold: false, paint: palette::MUTED };
        if right - left > 90.0 {
            let (x, y) = (f64::midpoint(left, right), f64::midpoint(scales.top, scales.bottom));
            canvas.rect((x - 40.0, y - 9.0), (x + 40.0, y + 9.0), palette::PAPER)?;
            canvas.text("not measured", (x, y), Anchor::Middle, face)?;
        }
    }
    Ok(())
}

/// Draws the stacked areas and returns the height of each one's middle at the right edge.
///
/// The areas all reach down to zero and are drawn from the top of the stack to its bottom, so that
/// neighbours share their edge and each costs one edge only.
pub(crate) fn areas(
    canvas: &mut Canvas<'_>,
    series: &Series,
    selection: &Selection,
    scales: &Scales,
) -> Result<Vec<f64>, Error> {
    let kept = &selection.thinned.kept;
    let mut tops: Vec<Vec<f64>> = Vec::with_capacity(selection.shown.len());
    for shown in &selection.shown {
        let below = tops.last();
        let top = |(index, value): (usize, &i128)| {
            *value as f64 + below.map_or(0.0, |below| below[index])
        };
        tops.push(shown.values.iter().enumerate().map(top).collect());
    }
    let x = |index: usize| scales.x(series.elapsed_ns(kept[index]));
    for (shown, top) in selection.shown.iter().zip(&tops).rev() {
        let mut points = Vec::with_capacity(kept.len() + 2 * selection.runs.len());
        for run in &selection.runs {
            let (begin, end) = (x(run.start), x(run.end - 1));
            let alone = if end - begin < 0.1 { scales.alone() } else { 0.0 };
            points.push((begin - alone, scales.bottom));
            points.push((begin - alone, scales.y(top[run.start])));
            points.extend(run.clone().map(|index| (x(index), scales.y(top[index]))));
            points.push((end + alone, scales.y(top[run.end - 1])));
            points.push((end + alone, scales.bottom));
        }
        canvas.polygon(points, shown.paint)?;
    }
    let mut below = 0.0;
    let middle = |top: &Vec<f64>| {
        let top = top.last().copied().unwrap_or(0.0);
        let middle = scales.y(f64::midpoint(top, below));
        below = top;
        middle
    };
    Ok(tops.iter().map(middle).collect())
}

/// Draws a line for each key and returns the height of each one's end.
pub(crate) fn lines(
    canvas: &mut Canvas<'_>,
    series: &Series,
    selection: &Selection,
    scales: &Scales,
) -> Result<Vec<f64>, Error> {
    let kept = &selection.thinned.kept;
    let x = |index: usize| scales.x(series.elapsed_ns(kept[index]));
    for shown in &selection.shown {
        let point = |index: usize| (x(index), scales.y(shown.values[index] as f64));
        for run in &selection.runs {
            if run.len() == 1 {
                canvas.dot(point(run.start), 2.0, shown.paint)?;
            } else {
                canvas.polyline(run.clone().map(point), shown.paint, 2.0)?;
            }
        }
    }
    let end = |values: &Vec<i128>| scales.y(values.last().map_or(0.0, |value| *value as f64));
    Ok(selection.shown.iter().map(|shown| end(&shown.values)).collect())
}

/// Draws the value axis: lines of the grid, either below the data or as a faint trace above it.
pub(crate) fn grid(
    canvas: &mut Canvas<'_>,
    axis: &ValueAxis,
    scales: &Scales,
    above: bool,
) -> Result<(), Error> {
    let face = Face { size: layout::TICK_SIZE, bold: false, paint: palette::MUTED };
    for tick in &axis.ticks {
        let y = scales.y(tick.value);
        let ends = ((scales.left, y), (scales.right, y));
        if above {
            if tick.value != 0.0 {
                canvas.line(ends.0, ends.1, palette::PAPER, 1.0, 0.3)?;
            }
        } else {
            canvas.text(&tick.label, (scales.left - 8.0, y), Anchor::End, face)?;
            canvas.line(ends.0, ends.1, palette::GRID, 1.0, 1.0)?;
        }
    }
    Ok(())
}

/// Draws the time axis, with a hollow triangle below it where samples are torn, and the zero line, which for
/// growth is not the lowest one.
pub(crate) fn time_axis(
    canvas: &mut Canvas<'_>,
    ticks: &[TimeTick],
    torn: &[(f64, f64)],
    scales: &Scales,
    picture_width: f64,
) -> Result<(), Error> {
    let (bottom, face) =
        (scales.bottom, Face { size: layout::TICK_SIZE, bold: false, paint: palette::MUTED });
    for y in [scales.y(0.0), bottom] {
        canvas.line((scales.left, y), (scales.right, y), palette::AXIS, 1.0, 1.0)?;
    }
    for (left, right) in torn {
        let (x, top, foot) = (f64::midpoint(*left, *right), bottom + 1.5, bottom + 6.5);
        let corners = [(x, top), (x + 3.0, foot), (x - 3.0, foot), (x, top)];
        canvas.polyline(corners, palette::MARK, 1.0)?;
    }
    for tick in ticks {
        let x = scales.x(tick.elapsed_ns);
        canvas.line((x, bottom), (x, bottom + 5.0), palette::AXIS, 1.0, 1.0)?;
        let rows = [Some(&tick.label), tick.date.as_ref()];
        for (row, words) in
            rows.into_iter().enumerate().filter_map(|(row, words)| Some((row, words?)))
        {
            // The last one may be at the very edge.
            let half = text::width(words, layout::TICK_SIZE) / 2.0 + 4.0;
            let x = x.min(picture_width - half).max(half);
            let y = bottom + 14.0 + row as f64 * layout::DATE_ROW;
            canvas.text(words, (x, y), Anchor::Middle, face)?;
        }
    }
    Ok(())
}

/// Returns the stretches of torn samples on the axis, those less than a few pixels apart as one.
pub(crate) fn torn(series: &Series, scales: &Scales) -> Vec<(f64, f64)> {
    let mut stretches: Vec<(f64, f64)> = Vec::new();
    for index in (0..series.ticks.len()).filter(|n| series.ticks[*n].state == TickState::Torn) {
        let x = scales.x(series.elapsed_ns(index));
        match stretches.last_mut() {
            Some((_, right)) if x - *right < MIN_TORN_APART => *right = x + 0.6,
            _ => stretches.push((x - 0.6, x + 0.6)),
        }
    }
    if stretches.len() > MAX_TORN { Vec::new() } else { stretches }
}

/// Draws the marks: a rule between two heights with its number at a third, and its text where there
/// is room.
pub(crate) fn mark_rules(
    canvas: &mut Canvas<'_>,
    placed: &[PlacedMark],
    (top, bottom): (f64, f64),
    middle: f64,
) -> Result<(), Error> {
    for mark in placed {
        // A pale edge keeps the rule visible on dark areas.
        let from = if mark.number.is_some() { middle } else { top };
        canvas.line((mark.x, top), (mark.x, bottom), palette::PAPER, 3.0, 0.5)?;
        canvas.line((mark.x, from), (mark.x, bottom), palette::MARK, 1.0, 1.0)?;
    }
    mark_numbers(canvas, placed, middle)
}

/// Draws the numbers of marks, and their texts where there is room.
pub(crate) fn mark_numbers(
    canvas: &mut Canvas<'_>,
    placed: &[PlacedMark],
    middle: f64,
) -> Result<(), Error> {
    let face = Face { size: marks::SIZE, bold: false, paint: palette::MARK };
    let number_face = Face { size: marks::NUMBER_SIZE, bold: true, paint: palette::PAPER };
    for mark in placed {
        if let Some(number) = mark.number {
            canvas.dot((mark.x, middle), marks::RADIUS, palette::MARK)?;
            canvas.text(&number.to_string(), (mark.x, middle), Anchor::Middle, number_face)?;
        }
        if let Some((text, anchor)) = &mark.text {
            let aside = marks::RADIUS + marks::ASIDE;
            let x = if *anchor == Anchor::End { mark.x - aside } else { mark.x + aside };
            canvas.text(text, (x, middle), *anchor, face)?;
        }
    }
    Ok(())
}

/// Tints the spans, behind the data.
pub(crate) fn bands(
    canvas: &mut Canvas<'_>,
    moments: &[Moment<'_>],
    scales: &Scales,
) -> Result<(), Error> {
    for (from, to) in spans(moments, scales) {
        canvas.tint((from, scales.top), (to, scales.bottom), palette::AXIS, BAND_ALPHA)?;
    }
    Ok(())
}

/// Draws a bar above the plot for each span, and a rule where it ends.
pub(crate) fn band_ends(
    canvas: &mut Canvas<'_>,
    moments: &[Moment<'_>],
    scales: &Scales,
) -> Result<(), Error> {
    for (from, to) in spans(moments, scales) {
        let y = scales.top - 1.5;
        canvas.line((from, y), (to, y), palette::MARK, 3.0, 1.0)?;
        canvas.line((to, scales.top), (to, scales.bottom), palette::PAPER, 3.0, 0.5)?;
        canvas.line((to, scales.top), (to, scales.bottom), palette::MARK, 1.0, 0.6)?;
    }
    Ok(())
}

/// Returns the columns of the spans: only so many, since each costs some shapes.
fn spans(moments: &[Moment<'_>], scales: &Scales) -> Vec<(f64, f64)> {
    let span = |moment: &Moment<'_>| {
        let until = moment.until_ns?;
        Some((scales.x(moment.at_ns), scales.x(until)))
    };
    moments.iter().filter_map(span).take(MAX_BANDS).collect()
}

/// A value worth a dot: its time, height and value, and the colour of what it is of.
#[derive(Clone, Debug)]
pub(crate) struct Peak {
    pub(crate) elapsed_ns: u64,
    pub(crate) height: f64,
    pub(crate) words: String,
    pub(crate) paint: Paint,
}

/// Draws a dot at each peak, and the value of the last one beside it, away from marks.
pub(crate) fn peaks(
    canvas: &mut Canvas<'_>,
    peaks: &[Peak],
    rules: &[PlacedMark],
    scales: &Scales,
) -> Result<(), Error> {
    for (index, peak) in peaks.iter().enumerate() {
        let (x, y) = (scales.x(peak.elapsed_ns), scales.y(peak.height));
        canvas.dot((x, y), 4.0, palette::PAPER)?;
        canvas.dot((x, y), 3.0, peak.paint)?;
        if index + 1 < peaks.len() {
            continue;
        }
        let face = Face { size: layout::TICK_SIZE, bold: true, paint: palette::INK };
        let room = text::bold_width(&peak.words, layout::TICK_SIZE) + 8.0;
        let is_free = |from: f64, to: f64| rules.iter().all(|rule| rule.x < from || rule.x > to);
        let (fits_left, fits_right) = (x - room > scales.left, x + room < scales.right);
        let left = fits_left && (!fits_right || !is_free(x, x + room) && is_free(x - room, x));
        let (x, anchor) = match left || !fits_right {
            false => (x + 7.0, Anchor::Start),
            true => (x - 7.0, Anchor::End),
        };
        let y = if peak.height >= 0.0 { y - 8.0 } else { y + 8.0 };
        let y = y.clamp(scales.top + 6.0, scales.bottom - 6.0);
        canvas.text(&peak.words, (x, y), anchor, face)?;
    }
    Ok(())
}

//! Charts: a series drawn as an SVG picture that explains itself.
//!
//! [`draw`] needs plain values only. The picture has no scripts and no fonts
//! of its own, describes the drawing in words, and stays under 200 KB however
//! long the recording.

pub(crate) mod canvas;
pub(crate) mod downsample;
pub(crate) mod labels;
pub(crate) mod layout;
pub(crate) mod marks;
pub(crate) mod options;
pub(crate) mod palette;
pub(crate) mod plot;
pub(crate) mod select;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod value;
pub(crate) mod words;

use crate::chart::canvas::{Anchor, Canvas, Face, SvgDocument};
use crate::chart::layout::{Layout, Needs};
use crate::chart::options::{ChartContext, ChartKind, ChartMark, ChartOptions, TimeAxis};
use crate::chart::plot::Scales;
use crate::chart::time::TimeTick;
use crate::chart::value::{ValueAxis, ValueTick};
use crate::chart::words::LeftOut;
use crate::error::Error;
use crate::series::Series;
use crate::series::tick::TickState;
use crate::text::units;

/// The minimum and maximum size of a picture, in pixels.
const MIN_WIDTH: u32 = 320;
const MIN_HEIGHT: u32 = 260;
const MAX_SIDE: u32 = 10_000;
/// The maximum number of columns samples are thinned to: more could not be distinguished, and cost bytes.
const MAX_COLUMNS: f64 = 640.0;

/// Draws `series` and returns the SVG document.
pub fn draw(
    series: &Series,
    options: &ChartOptions,
    context: &ChartContext,
) -> Result<String, Error> {
    check(series, options)?;
    let (width, height) = (f64::from(options.width), f64::from(options.height));
    // The plot is narrower than the picture by labels on both sides, about a quarter.
    let columns = (width * 0.74).min(MAX_COLUMNS) as usize;
    let selection = crate::chart::select::select(series, options, context.naming, columns);
    let (low, high) = crate::chart::plot::extent(&selection, options.kind);
    let signed = options.kind == ChartKind::Growth;
    let value_axis = crate::chart::value::axis(
        low,
        high,
        series.metric.unit(),
        signed,
        (height / 90.0) as usize,
    );

    let title = crate::chart::words::title(series, options, context);
    let period = crate::chart::words::period(series, options, context);
    let headline = crate::chart::words::headline(series, options, context, &selection);
    let marks = crate::chart::marks::within(series, &context.marks);
    let labels = crate::chart::layout::labels(series, &selection, options.kind);
    let footer_room = width - 2.0 * crate::chart::layout::MARGIN;
    let footer = |left_out| {
        let parts = crate::chart::words::footer(series, context, &selection, left_out);
        crate::chart::text::wrap(&parts, " · ", crate::chart::layout::FOOTER_SIZE, footer_room)
    };
    let mut needs = Needs {
        width,
        height,
        value_labels: widest(&value_axis),
        mark_rows: 0,
        max_rows: 1 + if marks.is_empty() { 0 } else { crate::chart::marks::MAX_ROWS },
        date_row: false,
        // Laid out for the longest footer there may be.
        footer_lines: footer(LeftOut { mark_texts: marks.len(), torn_shown: true }).len(),
    };
    // Rows of texts and dates change heights only, so what is placed across now stays true.
    let across =
        scales(series, &crate::chart::layout::lay_out(labels.clone(), &needs), &value_axis);
    let named: Vec<(f64, &str)> =
        marks.iter().map(|(at, mark)| (across.x(*at), mark.text.as_str())).collect();
    let (rules, mark_rows, mark_texts) =
        crate::chart::marks::place(&named, width - crate::chart::layout::MARGIN);
    let time_ticks = time_ticks(series, options, &across);
    needs.mark_rows = mark_rows;
    needs.date_row = time_ticks.iter().any(|tick| tick.date.is_some());
    let layout = crate::chart::layout::lay_out(labels, &needs);
    let scales = scales(series, &layout, &value_axis);
    let torn = crate::chart::plot::torn(series, &scales);
    let footer = footer(LeftOut { mark_texts, torn_shown: !torn.is_empty() });

    let mut drawn = String::new();
    let mut canvas = Canvas::new(&mut drawn, options.width, options.height, options.theme);
    canvas.rect((0.0, 0.0), (width, height), crate::chart::palette::PAPER)?;
    header(&mut canvas, width, [&title, &period, &headline])?;
    crate::chart::plot::grid(&mut canvas, &value_axis, &scales, false)?;
    crate::chart::plot::gaps(&mut canvas, series, &selection, &scales)?;
    let ends = match options.kind {
        ChartKind::Area => {
            let ends = crate::chart::plot::areas(&mut canvas, series, &selection, &scales)?;
            crate::chart::plot::grid(&mut canvas, &value_axis, &scales, true)?;
            ends
        }
        ChartKind::Growth => crate::chart::plot::lines(&mut canvas, series, &selection, &scales)?,
    };
    crate::chart::plot::time_axis(&mut canvas, &time_ticks, &torn, &scales, width)?;
    crate::chart::plot::mark_rules(&mut canvas, &rules, &layout)?;
    crate::chart::plot::key(&mut canvas, &selection, &layout, &ends)?;
    let face = Face {
        size: crate::chart::layout::FOOTER_SIZE,
        bold: false,
        paint: crate::chart::palette::MUTED,
    };
    for (line, words) in footer.iter().rev().enumerate() {
        let y = layout.height - 12.0 - line as f64 * crate::chart::layout::FOOTER_LINE;
        canvas.text(words, (crate::chart::layout::MARGIN, y), Anchor::Start, face)?;
    }
    let used = canvas.finish()?;

    let mark_words = mark_words(&marks);
    let description = crate::chart::words::description(
        series,
        context,
        &[&period, &headline],
        &selection,
        &mark_words,
    );
    let about = SvgDocument {
        id: &identifier(&options.id),
        title: &title,
        description: &description,
        width: options.width,
        height: options.height,
        theme: options.theme,
        dense: selection.thinned.is_thinned(),
    };
    Ok(crate::chart::canvas::document(&drawn, &used, &about))
}

fn check(series: &Series, options: &ChartOptions) -> Result<(), Error> {
    let (width, height) = (options.width, options.height);
    if !(MIN_WIDTH..=MAX_SIDE).contains(&width) || !(MIN_HEIGHT..=MAX_SIDE).contains(&height) {
        return Err(Error::Size {
            width,
            height,
            min_width: MIN_WIDTH,
            min_height: MIN_HEIGHT,
            max: MAX_SIDE,
        });
    }
    let missed = series.ticks.iter().filter(|tick| tick.state == TickState::Missed).count();
    if series.ticks.is_empty() {
        Err(Error::NoSamples)
    } else if missed == series.ticks.len() {
        Err(Error::NothingMeasured { missed })
    } else if series.totals.last_known().is_none() {
        Err(Error::Unknown { metric: series.metric.words() })
    } else {
        Ok(())
    }
}

fn scales(series: &Series, layout: &Layout, axis: &ValueAxis) -> Scales {
    Scales {
        span_ns: series.span_ns(),
        left: layout.left,
        right: layout.right,
        top: layout.top,
        bottom: layout.bottom,
        low: axis.low,
        high: axis.high,
    }
}

fn widest(axis: &ValueAxis) -> f64 {
    let width =
        |tick: &ValueTick| crate::chart::text::width(&tick.label, crate::chart::layout::TICK_SIZE);
    axis.ticks.iter().map(width).fold(0.0, f64::max)
}

fn header(canvas: &mut Canvas<'_>, width: f64, lines: [&str; 3]) -> Result<(), Error> {
    let faces = [
        (16.0, true, crate::chart::palette::INK),
        (11.5, false, crate::chart::palette::MUTED),
        (13.0, true, crate::chart::palette::INK),
    ];
    let heights = [
        crate::chart::layout::TITLE_Y,
        crate::chart::layout::PERIOD_Y,
        crate::chart::layout::HEADLINE_Y,
    ];
    for ((words, (size, bold, paint)), y) in lines.into_iter().zip(faces).zip(heights) {
        let words =
            crate::chart::text::fit(words, size, width - 2.0 * crate::chart::layout::MARGIN);
        canvas.text(
            &words,
            (crate::chart::layout::MARGIN, y),
            Anchor::Start,
            Face { size, bold, paint },
        )?;
    }
    Ok(())
}

fn time_ticks(series: &Series, options: &ChartOptions, scales: &Scales) -> Vec<TimeTick> {
    let room = scales.right - scales.left;
    match (options.axis, series.ticks.first()) {
        (TimeAxis::Wall, Some(first)) => {
            crate::chart::time::wall_ticks(first.taken.utc_ns, scales.span_ns, &options.zone, room)
        }
        _ => crate::chart::time::elapsed_ticks(scales.span_ns, room),
    }
}

/// The marks in words for the description: the first ones, since it is read aloud.
fn mark_words(marks: &[(u64, &ChartMark)]) -> Vec<String> {
    const MAX_WORDS: usize = 20;
    let mut words: Vec<String> = marks
        .iter()
        .take(MAX_WORDS)
        .map(|(at, mark)| {
            let words: String = crate::chart::text::clean(&mark.text).chars().take(200).collect();
            format!("{words} after {}", units::duration(*at))
        })
        .collect();
    if marks.len() > MAX_WORDS {
        words.push(format!("and {} more", units::count((marks.len() - MAX_WORDS) as u64)));
    }
    words
}

/// An element id of the letters a style sheet takes without escaping.
fn identifier(id: &str) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let kept: String = id.chars().filter(allowed).collect();
    match kept.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => kept,
        _ => format!("chart-{kept}"),
    }
}

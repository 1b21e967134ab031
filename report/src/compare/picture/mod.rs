//! A comparison as a picture: both totals over time, the area between them filled, and bars of the
//! parts that differ.

mod bars;
mod colours;
pub(crate) mod curve;

use crate::chart::canvas::{Anchor, Canvas, Face, SvgDocument};
use crate::chart::header::Header;
use crate::chart::layout::{self, Place};
use crate::chart::options::Theme;
use crate::chart::palette::Paint;
use crate::chart::plot::Scales;
use crate::chart::time::elapsed_ticks;
use crate::chart::{canvas, palette, plot, text, unique, value};
use crate::compare::figures::Spread;
use crate::compare::picture::curve::{Curve, Point};
use crate::compare::run::ComparedRun;
use crate::compare::{Comparison, words};
use crate::error::Error;
use crate::text::units;

const WIDTH: u32 = 960;
const HEIGHT: u32 = 480;
/// The number of columns that curves are thinned to.
const COLUMNS: usize = 400;
/// The number of times that a median is drawn at.
const MEDIAN_COLUMNS: usize = 240;
/// The part of the width that bars have beside a plot.
const BARS_PART: f64 = 0.29;
const NAME_SIZE: f64 = 11.5;
const NAME_LINE: f64 = 18.0;

/// One side, ready to be drawn.
struct Side {
    word: &'static str,
    name: String,
    highest: String,
    paint: Paint,
    one: Paint,
    runs: Vec<Curve>,
    median: Curve,
}

/// Draws a comparison as SVG, light and dark.
pub fn draw_comparison(comparison: &Comparison<'_>) -> Result<String, Error> {
    let sides = comparison.sides;
    let titles = titles(&text::clean(&comparison.headline()));
    let course: Vec<String> = comparison.course().iter().map(|line| text::clean(line)).collect();
    let about = text::clean(&comparison.about());
    let (width, height) = (f64::from(WIDTH), f64::from(HEIGHT));
    let header = Header::fit(&titles, &course, &about, width);
    let drawn_sides = [("before", &sides.before), ("after", &sides.after)]
        .map(|(word, runs)| side(comparison, word, runs));
    let mut drawn = String::new();
    let mut canvas = Canvas::new(&mut drawn, WIDTH, HEIGHT, Theme::Auto);
    canvas.rect((0.0, 0.0), (width, height), palette::PAPER)?;
    header.draw(&mut canvas)?;
    let top = names(&mut canvas, &drawn_sides, header.height() + 4.0)?;
    let bottom = height - 34.0;
    let timed = sides.runs().any(|run| run.span_ns() > 0);
    let right = if timed { width * (1.0 - BARS_PART) } else { layout::MARGIN };
    if timed {
        plot_sides(&mut canvas, comparison, &drawn_sides, (top, bottom, right - 30.0))?;
    }
    let place = Place { left: right, right: width - layout::MARGIN, top, bottom };
    bars::draw(&mut canvas, comparison, place)?;
    let face = Face { size: layout::FOOTER_SIZE, bold: false, paint: palette::MUTED };
    let notes = text::clean(&comparison.notes().join(" · "));
    let notes = text::fit(&notes, layout::FOOTER_SIZE, width - 2.0 * layout::MARGIN);
    canvas.text(&notes, (layout::MARGIN, height - 10.0), Anchor::Start, face)?;
    let used = canvas.finish()?;
    let description = description(comparison, &drawn_sides);
    let document = SvgDocument {
        id: &unique("compare", &[&drawn, &description]),
        title: &header.title,
        description: &description,
        width: WIDTH,
        height: HEIGHT,
        scale: 1.0,
        theme: Theme::Auto,
        dense: false,
        lines: &[],
    };
    Ok(canvas::document(&drawn, &used, &document))
}

/// Returns the headline in its forms, the most complete first.
fn titles(headline: &str) -> Vec<String> {
    let mut forms = vec![headline.to_owned()];
    let mut form = headline;
    while let Some((shorter, _)) = form.rsplit_once(", ") {
        forms.push(shorter.to_owned());
        form = shorter;
    }
    forms.extend(headline.split_once(": ").map(|(lead, _)| lead.to_owned()));
    forms
}

fn side(comparison: &Comparison<'_>, word: &'static str, runs: &[ComparedRun]) -> Side {
    let sides = comparison.sides;
    let curves: Vec<Curve> = runs.iter().map(|run| Curve::of(run, sides, COLUMNS)).collect();
    let times = || curves.iter().flat_map(Curve::points).map(|point| point.0);
    let ends = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let median = Curve::median(&curves, ends, MEDIAN_COLUMNS);
    let more = runs.len().saturating_sub(1) as u64;
    let name = runs.first().map(|run| text::clean(&run.name)).unwrap_or_default();
    let name = match more {
        0 => name,
        _ => format!("median of {} runs: {name} and {more} more", more + 1),
    };
    let spread = comparison.figures.first().map(|of| match word {
        "before" => &of.total.before,
        _ => &of.total.after,
    });
    let highest = |spread: &Spread| {
        let figure = comparison.figures.first()?.figure;
        Some(words::median(sides.metric, figure, spread))
    };
    let (paint, one) = match word {
        "before" => (colours::BEFORE, colours::ONE_BEFORE),
        _ => (colours::AFTER, colours::ONE_AFTER),
    };
    let highest = spread.and_then(highest).unwrap_or_default();
    Side { word, name, highest, paint, one, runs: curves, median }
}

/// Writes which colour is which side, and returns the height below.
fn names(canvas: &mut Canvas<'_>, sides: &[Side; 2], top: f64) -> Result<f64, Error> {
    let face = Face { size: NAME_SIZE, bold: false, paint: palette::INK };
    let room = f64::from(WIDTH) - 2.0 * layout::MARGIN - 160.0;
    for (index, side) in sides.iter().enumerate() {
        let y = top + index as f64 * NAME_LINE;
        let left = layout::MARGIN;
        canvas.rect((left, y - 5.0), (left + 10.0, y + 5.0), side.paint)?;
        let bold = Face { bold: true, ..face };
        canvas.text(side.word, (left + 16.0, y), Anchor::Start, bold)?;
        canvas.text(&side.highest, (left + 112.0, y), Anchor::End, bold)?;
        let name = text::fit(&side.name, NAME_SIZE, room);
        canvas.text(&name, (left + 124.0, y), Anchor::Start, face)?;
    }
    Ok(top + 2.0 * NAME_LINE + 12.0)
}

/// Draws both sides over time, between two heights and to the left of a column.
fn plot_sides(
    canvas: &mut Canvas<'_>,
    comparison: &Comparison<'_>,
    sides: &[Side; 2],
    (top, bottom, right): (f64, f64, f64),
) -> Result<(), Error> {
    let points = || sides.iter().flat_map(|side| side.runs.iter().flat_map(Curve::points));
    let (Some(begin), Some(end)) =
        (points().map(|point| point.0).min(), points().map(|point| point.0).max())
    else {
        return Ok(());
    };
    let highest = points().map(|point| point.1).fold(0.0, f64::max);
    let unit = comparison.sides.metric.unit();
    let axis = value::axis(0.0, highest, unit, false, 6);
    let labels = axis.ticks.iter().map(|tick| text::width(&tick.label, layout::TICK_SIZE));
    let left = layout::MARGIN + labels.fold(0.0, f64::max) + 10.0;
    let bottom = bottom - layout::TIME_ROW;
    let span_ns = begin.abs_diff(end);
    let scales = Scales { span_ns, left, right, top, bottom, low: axis.low, high: axis.high };
    let at = |(time, value): Point| (scales.x(begin.abs_diff(time)), scales.y(value));
    plot::grid(canvas, &axis, &scales, false)?;
    let [before, after] = sides;
    // Before the moment they are aligned at, runs are shown and not compared.
    let from = if comparison.sides.from_end { begin } else { 0 };
    for area in before.median.between(&after.median, from) {
        canvas.polygon(area.into_iter().map(at), colours::BETWEEN)?;
    }
    for side in sides {
        if side.runs.len() > 1 {
            for curve in &side.runs {
                lines(canvas, curve, &at, side.one, 1.0)?;
            }
        }
    }
    for side in sides {
        lines(canvas, &side.median, &at, side.paint, 2.2)?;
    }
    if begin < 0 && end > 0 {
        let x = scales.x(begin.unsigned_abs());
        canvas.line((x, top), (x, bottom), palette::MARK, 1.0, 1.0)?;
        let face = Face { size: layout::TICK_SIZE, bold: false, paint: palette::MARK };
        let aligned = text::fit(&text::clean(&comparison.sides.aligned), layout::TICK_SIZE, 120.0);
        canvas.text(&aligned, (x + 5.0, top + 7.0), Anchor::Start, face)?;
    }
    time_axis(canvas, &scales, begin)
}

fn lines(
    canvas: &mut Canvas<'_>,
    curve: &Curve,
    at: &dyn Fn(Point) -> (f64, f64),
    paint: Paint,
    width: f64,
) -> Result<(), Error> {
    for stretch in &curve.stretches {
        match stretch.as_slice() {
            [alone] => canvas.dot(at(*alone), width, paint)?,
            points => canvas.polyline(points.iter().map(|point| at(*point)), paint, width)?,
        }
    }
    Ok(())
}

/// Draws the time since the moment that runs are aligned at; before it, time is negative.
fn time_axis(canvas: &mut Canvas<'_>, scales: &Scales, begin: i64) -> Result<(), Error> {
    let Scales { left, right, bottom, span_ns, .. } = *scales;
    canvas.line((left, bottom), (right, bottom), palette::AXIS, 1.0, 1.0)?;
    let ticks = elapsed_ticks(span_ns, right - left);
    let face = Face { size: layout::TICK_SIZE, bold: false, paint: palette::MUTED };
    let negative = begin.min(0).unsigned_abs();
    let positive = span_ns.saturating_sub(negative);
    let after = ticks.iter().filter(|tick| tick.elapsed_ns <= positive);
    let after = after.map(|tick| (negative + tick.elapsed_ns, tick.label.clone()));
    let before = ticks.iter().filter(|tick| (1..=negative).contains(&tick.elapsed_ns));
    let before = before.map(|tick| (negative - tick.elapsed_ns, format!("-{}", tick.label)));
    for (elapsed_ns, label) in before.chain(after) {
        let x = scales.x(elapsed_ns);
        canvas.line((x, bottom), (x, bottom + 5.0), palette::AXIS, 1.0, 1.0)?;
        canvas.text(&label, (x, bottom + 14.0), Anchor::Middle, face)?;
    }
    Ok(())
}

/// Returns all of it in words, for readers who do not see it.
fn description(comparison: &Comparison<'_>, sides: &[Side; 2]) -> String {
    let side = |side: &Side| format!("{}: {}", side.word, side.name);
    let figures = comparison.course();
    let about = [comparison.headline(), comparison.about()];
    let words = about.into_iter().chain(sides.iter().map(side)).chain(figures);
    let spans = comparison.sides.runs().map(ComparedRun::span_ns).max().unwrap_or(0);
    let time = format!("time: {}", units::duration(spans));
    let words: Vec<String> = words.chain([time]).chain(comparison.notes()).collect();
    text::clean(&words.join(". "))
}

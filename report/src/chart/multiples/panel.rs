//! One panel: a metric over time with an axis of its own, under its name and change.

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::layout::{self, Place};
use crate::chart::options::{ChartKind, ChartOptions};
use crate::chart::plot::Scales;
use crate::chart::select::Selection;
use crate::chart::stated::Stated;
use crate::chart::value::ValueAxis;
use crate::chart::{palette, plot, text, value};
use crate::error::Error;
use crate::finding::outcome::Verdict;

/// Height of a panel's title, in pixels.
pub(crate) const TITLE: f64 = 18.0;
/// About how high a step of a panel's axis is, in pixels.
const STEP: f64 = 34.0;

/// A metric to be drawn.
pub(crate) struct Panel<'a> {
    pub(crate) stated: Stated<'a>,
    pub(crate) selection: Selection,
    pub(crate) axis: ValueAxis,
}

impl<'a> Panel<'a> {
    /// Makes the panel of a metric that is not 0 throughout, `height` pixels high with its title.
    pub(crate) fn new(
        stated: Stated<'a>,
        selection: Selection,
        options: &ChartOptions,
        height: f64,
    ) -> Self {
        let highest = stated.counted.totals.max().unwrap_or(0);
        let (low, high) = plot::extent(&selection, highest, options.kind);
        let high = stated.limits.reach(high);
        let signed = options.kind == ChartKind::Growth;
        let steps = ((height - TITLE) / STEP) as usize;
        let axis = value::axis(low, high, stated.series.metric.unit(), signed, steps);
        Self { stated, selection, axis }
    }

    /// Returns its name and change, and its course.
    pub(crate) fn title(&self) -> (String, String) {
        let finding = &self.stated.finding;
        let metric = self.stated.series.metric;
        let star = if self.stated.counted.left_out.is_some() { "*" } else { "" };
        let change = match finding.verdict {
            Verdict::Single => String::new(),
            _ => format!(" {}", metric.unit().signed(finding.change())),
        };
        let course = self.stated.course.iter().take(2).cloned().collect::<Vec<_>>().join(" · ");
        (format!("{}{star}{change}", metric.words()), course)
    }

    /// Draws it and returns its scales.
    pub(crate) fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        place: &Place,
        kind: ChartKind,
    ) -> Result<Scales, Error> {
        let series = self.stated.series;
        let scales = Scales {
            span_ns: series.span_ns(),
            left: place.left,
            right: place.right,
            top: place.top + TITLE,
            bottom: place.bottom,
            low: self.axis.low,
            high: self.axis.high,
        };
        let (name, course) = self.title();
        let bold = Face { size: layout::TICK_SIZE, bold: true, paint: palette::INK };
        let plain = Face { size: layout::TICK_SIZE, bold: false, paint: palette::MUTED };
        let y = place.top + 6.0;
        canvas.text(&name, (place.left, y), Anchor::Start, bold)?;
        let after = place.left + text::bold_width(&name, bold.size) + 4.0;
        // Only whole parts, since half a figure is another one.
        let mut course = course.as_str();
        while text::width(course, plain.size) > place.right - after {
            course = course.rsplit_once(" · ").map_or("", |(most, _)| most);
        }
        if !course.is_empty() {
            canvas.text(course, (after, y), Anchor::Start, plain)?;
        }
        plot::grid(canvas, &self.axis, &scales, false)?;
        plot::gaps(canvas, series, &self.selection, &scales)?;
        match kind {
            ChartKind::Area => {
                plot::areas(canvas, series, &self.selection, &scales)?;
                plot::grid(canvas, &self.axis, &scales, true)?;
            }
            ChartKind::Growth => {
                plot::lines(canvas, series, &self.selection, &scales)?;
            }
        }
        plot::time_axis(canvas, &[], &[], &scales, place.right)?;
        self.stated.limits.draw(canvas, &scales)?;
        Ok(scales)
    }
}

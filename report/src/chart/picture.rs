//! Puts a chart together: what is drawn where.

use std::collections::BTreeMap;

use crate::chart::canvas::{Anchor, Canvas, Face};
use crate::chart::header::Header;
use crate::chart::layout::{Label, Layout, Needs};
use crate::chart::limits::ShownLimits;
use crate::chart::marks::Moment;
use crate::chart::options::{ChartContext, ChartKind, ChartOptions, TimeAxis};
use crate::chart::palette::Rgb;
use crate::chart::plot::{Peak, Scales};
use crate::chart::select::{CountedKeys, Room, Selection, Shown};
use crate::chart::time::TimeTick;
use crate::chart::value::{ValueAxis, ValueTick};
use crate::chart::words::LeftOut;
use crate::chart::{key, layout, marks, palette, plot, select, text, time, value, words};
use crate::error::Error;
use crate::finding::Finding;
use crate::series::Series;

/// The maximum number of columns samples are thinned to: more could not be distinguished, and cost bytes.
const MAX_COLUMNS: f64 = 540.0;

/// What a picture is of.
pub(crate) struct Picture<'a> {
    pub(crate) series: &'a Series,
    pub(crate) options: &'a ChartOptions,
    pub(crate) context: &'a ChartContext,
    pub(crate) counted: &'a CountedKeys<'a>,
    pub(crate) limits: &'a ShownLimits,
    pub(crate) header: &'a Header,
}

/// A picture as the backend wrote it.
pub(crate) struct DrawnPicture {
    pub(crate) drawn: String,
    /// The colours used, light and dark.
    pub(crate) used: BTreeMap<Rgb, Rgb>,
    pub(crate) height: u32,
    /// Whether areas may have spikes as thin as a pixel.
    pub(crate) dense: bool,
    pub(crate) shown: Vec<Shown>,
}

impl Picture<'_> {
    /// Draws the words alone, for values that are 0 throughout.
    pub(crate) fn without_plot(&self) -> Result<DrawnPicture, Error> {
        let Self { options, header, .. } = *self;
        let footer = self.footer(None, LeftOut { mark_texts: 0, torn_shown: false });
        let height = header.height() + footer.len() as f64 * layout::FOOTER_LINE + 8.0;
        let height = (height.ceil() as u32).min(options.height);
        let mut drawn = String::new();
        let mut canvas = Canvas::new(&mut drawn, options.width, height, options.theme);
        let size = (f64::from(options.width), f64::from(height));
        canvas.rect((0.0, 0.0), size, palette::PAPER)?;
        header.draw(&mut canvas)?;
        draw_footer(&mut canvas, &footer, size.1)?;
        let used = canvas.finish()?;
        Ok(DrawnPicture { drawn, used, height, dense: false, shown: Vec::new() })
    }

    /// Draws all.
    pub(crate) fn with_plot(
        &self,
        finding: &Finding,
        marks: &[Moment<'_>],
    ) -> Result<DrawnPicture, Error> {
        let Self { series, options, context, counted, header, .. } = *self;
        let (width, height) = (f64::from(options.width), f64::from(options.height));
        // The plot is narrower than the picture by labels on both sides, about a quarter.
        let columns = (width * 0.74).min(MAX_COLUMNS) as usize;
        let begin = finding.first.index;
        let room = Room { columns, keys: select::MAX_KEYS, one_legend: false };
        let selection = select::select(series, counted, options, context.naming, room, begin);
        let highest = counted.totals.max().unwrap_or(0);
        let (low, high) = plot::extent(&selection, highest, options.kind);
        let high = self.limits.reach(high);
        let signed = options.kind == ChartKind::Growth;
        let unit = series.metric.unit();
        let value_axis = value::axis(low, high, unit, signed, (height / 90.0) as usize);

        let labels = layout::labels(series, &selection, options.kind);
        let peaks = self.peaks(finding, &selection, &labels);
        let longest = LeftOut { mark_texts: marks.len(), torn_shown: true };
        let mut needs = Needs {
            kind: options.kind,
            width,
            height,
            header: header.height(),
            value_labels: widest(&value_axis),
            marks: !marks.is_empty(),
            list_lines: 0,
            date_row: false,
            // Laid out for the longest footer there may be.
            footer_lines: self.footer(Some(&selection), longest).len(),
        };
        // Lines below the plot change heights only, so what is placed across now stays true.
        let across = scales(series, &layout::lay_out(labels.clone(), &needs), &value_axis);
        let named: Vec<(f64, &str)> =
            marks.iter().map(|moment| (across.x(moment.at_ns), moment.text)).collect();
        let (left, right) = (layout::MARGIN, width - layout::MARGIN);
        let placed = marks::place(&named, !needs.is_narrow(), left, right);
        let clock = words::clock(series, options);
        let mark_words = |at: usize| marks[at].words(&clock);
        let (list, mark_texts) =
            marks::list(&placed.unnamed, mark_words, right - left, needs.max_list_lines());
        let mut time_ticks = time_ticks(series, options, &across);
        if needs.is_narrow() {
            time_ticks.iter_mut().for_each(|tick| tick.date = None);
        }
        needs.list_lines = list.len();
        needs.date_row = time_ticks.iter().any(|tick| tick.date.is_some());
        let torn = plot::torn(series, &across);
        let left_out = LeftOut { mark_texts, torn_shown: !torn.is_empty() };
        let footer = self.footer(Some(&selection), left_out);
        needs.footer_lines = footer.len();
        let layout = layout::lay_out(labels, &needs);
        let scales = scales(series, &layout, &value_axis);

        let mut drawn = String::new();
        let mut canvas = Canvas::new(&mut drawn, options.width, options.height, options.theme);
        canvas.rect((0.0, 0.0), (width, height), palette::PAPER)?;
        header.draw(&mut canvas)?;
        plot::grid(&mut canvas, &value_axis, &scales, false)?;
        plot::gaps(&mut canvas, series, &selection, &scales)?;
        plot::bands(&mut canvas, marks, &scales)?;
        let ends = match options.kind {
            ChartKind::Area => {
                let ends = plot::areas(&mut canvas, series, &selection, &scales)?;
                plot::grid(&mut canvas, &value_axis, &scales, true)?;
                ends
            }
            ChartKind::Growth => plot::lines(&mut canvas, series, &selection, &scales)?,
        };
        plot::time_axis(&mut canvas, &time_ticks, &torn, &scales, width)?;
        self.limits.draw(&mut canvas, &scales)?;
        plot::peaks(&mut canvas, &peaks, &placed.rules, &scales)?;
        plot::band_ends(&mut canvas, marks, &scales)?;
        let middle = layout.marks_top + crate::chart::marks::ROW / 2.0;
        plot::mark_rules(&mut canvas, &placed.rules, (layout.top, layout.bottom), middle)?;
        key::draw(&mut canvas, &selection, &layout, &ends, scales.end())?;
        draw_footer(&mut canvas, &footer, height)?;
        let above = height - 12.0 - footer.len() as f64 * layout::FOOTER_LINE - 2.0;
        let face = Face { size: marks::SIZE, bold: false, paint: palette::MARK };
        for (line, words) in list.iter().rev().enumerate() {
            let y = above - line as f64 * layout::LIST_LINE;
            canvas.text(words, (layout::MARGIN, y), Anchor::Start, face)?;
        }
        let used = canvas.finish()?;
        let (height, dense) = (options.height, selection.thinned.is_thinned());
        Ok(DrawnPicture { drawn, used, height, dense, shown: selection.shown })
    }

    /// Returns the peaks to dot: of the total, or of the lines that ended far below theirs.
    fn peaks(&self, finding: &Finding, selection: &Selection, labels: &[Label]) -> Vec<Peak> {
        let unit = self.series.metric.unit();
        if self.options.kind == ChartKind::Area {
            let Finding { highest, first, last, .. } = finding;
            let inside = highest.value > first.value.max(last.value);
            let peak = Peak {
                elapsed_ns: highest.elapsed_ns,
                height: highest.value as f64,
                words: unit.plain(highest.value),
                paint: palette::INK,
            };
            return inside.then_some(peak).into_iter().collect();
        }
        let fell = selection.shown.iter().zip(labels).filter(|(_, label)| label.fell);
        let peak = |(shown, _): (&Shown, &Label)| {
            let values = shown.values.iter().enumerate();
            let (at, value) = values.rev().max_by_key(|(_, value)| value.unsigned_abs())?;
            Some(Peak {
                elapsed_ns: self.series.elapsed_ns(*selection.thinned.kept.get(at)?),
                height: *value as f64,
                words: unit.signed(*value),
                paint: shown.paint,
            })
        };
        fell.filter_map(peak).collect()
    }

    /// Returns the lines of the footer: a narrow picture has one, on what is drawn.
    fn footer(&self, selection: Option<&Selection>, left_out: LeftOut) -> Vec<String> {
        let room = f64::from(self.options.width) - 2.0 * layout::MARGIN;
        if self.header.about.is_none() {
            let about = words::about_briefly(self.series, self.options, self.context);
            return vec![text::fit(&about, layout::FOOTER_SIZE, room)];
        }
        let reserved = self.counted.reserved;
        let mut parts = words::footer(self.series, self.context, selection, reserved, left_out);
        parts.splice(1..1, self.limits.words.iter().cloned());
        text::wrap(&parts, " · ", layout::FOOTER_SIZE, room)
    }
}

/// Draws the lines at the bottom of a picture.
pub(crate) fn draw_footer(
    canvas: &mut Canvas<'_>,
    lines: &[String],
    height: f64,
) -> Result<(), Error> {
    let face = Face { size: layout::FOOTER_SIZE, bold: false, paint: palette::MUTED };
    for (line, words) in lines.iter().rev().enumerate() {
        let y = height - 12.0 - line as f64 * layout::FOOTER_LINE;
        canvas.text(words, (layout::MARGIN, y), Anchor::Start, face)?;
    }
    Ok(())
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

/// Returns the width of the widest label of an axis.
pub(crate) fn widest(axis: &ValueAxis) -> f64 {
    let width = |tick: &ValueTick| text::width(&tick.label, layout::TICK_SIZE);
    axis.ticks.iter().map(width).fold(0.0, f64::max)
}

/// Returns the ticks of the time axis.
pub(crate) fn time_ticks(
    series: &Series,
    options: &ChartOptions,
    scales: &Scales,
) -> Vec<TimeTick> {
    let room = scales.right - scales.left;
    match (options.axis, series.ticks.first()) {
        (TimeAxis::Wall, Some(first)) => {
            time::wall_ticks(first.taken.utc_ns, scales.span_ns, &options.zone, room)
        }
        _ => time::elapsed_ticks(scales.span_ns, room),
    }
}

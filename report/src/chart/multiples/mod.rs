//! Small multiples: several metrics over one time, each with an axis of its own, with marks through
//! all of them and the processor time below.

pub(crate) mod cpu;
pub(crate) mod panel;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use vmrec_sampler::sort_by_key;

use crate::chart::canvas::{self, Anchor, Canvas, Face, SvgDocument};
use crate::chart::header::Header;
use crate::chart::layout::{
    self, DATE_ROW, FOOTER_LINE, FOOTER_SIZE, LIST_LINE, MARGIN, Place, TIME_ROW,
};
use crate::chart::multiples::cpu::CpuLoad;
use crate::chart::multiples::panel::Panel;
use crate::chart::options::{ChartContext, ChartKind, ChartOptions, Drawn};
use crate::chart::palette::{OTHER, Paint, Rgb};
use crate::chart::plot::Scales;
use crate::chart::select::{self, Room};
use crate::chart::stated::Stated;
use crate::chart::{labels, marks, palette, picture, plot, text, words};
use crate::error::Error;
use crate::finding::outcome::Verdict;
use crate::metric::Metric;
use crate::series::Series;
use crate::series::tick::TickState;

/// The maximum number of keys drawn in a panel beside the rest, and of columns in all panels: so
/// the picture stays small.
const KEYS: usize = 5;
const COLUMNS: usize = 1080;
const MAX_COLUMNS: usize = 320;
/// Space between two columns and two rows of panels, in pixels.
const BETWEEN: f64 = 26.0;
const BELOW_ROW: f64 = 10.0;
/// The minimum height of the data of a panel, however low the picture.
const MIN_PANEL: f64 = 20.0;

/// Draws several metrics of the same samples, by family; `cpu_ns` is the processor time of the
/// process since it began at each tick.
pub fn draw_multiples(
    series: &[Series],
    cpu_ns: &[Option<u64>],
    options: &ChartOptions,
    context: &ChartContext,
) -> Result<Drawn, Error> {
    let asked = options;
    let options = &super::scaled(options);
    super::check_size(options)?;
    let (lead, stated, flat) = stated(series, options, context)?;
    let about = words::about_all(lead.series, options, context);
    let header = Header::fit(&lead.titles, &lead.course, &about, f64::from(options.width));
    let page = Page { lead: &lead, options, context, header: &header };
    let DrawnPage { drawn, used, lines } = page.draw(stated, &flat, cpu_ns)?;
    let title = lead.titles.first().cloned().unwrap_or_default();
    let description = description(&lead, &flat, series);
    let document = SvgDocument {
        id: &super::unique(&options.id, &[&drawn, &description, options.theme.name()]),
        title: &title,
        description: &description,
        width: options.width,
        height: options.height,
        scale: asked.scale,
        theme: options.theme,
        dense: true,
        lines: &lines,
    };
    let svg = canvas::document(&drawn, &used, &document);
    Ok(Drawn { svg, finding: lead.headline.clone() })
}

/// Returns the statement that leads, those to be drawn, and in words the metrics without a panel.
fn stated<'a>(
    series: &'a [Series],
    options: &ChartOptions,
    context: &'a ChartContext,
) -> Result<(Stated<'a>, Vec<Stated<'a>>, Vec<String>), Error> {
    let of = |one: &'a Series| Stated::of(one, series, options, context);
    let (mut drawn, mut flat) = (Vec::new(), Vec::new());
    for one in series {
        match of(one) {
            Err(Error::Unknown { metric } | Error::Cheap { metric, .. }) => {
                flat.push(format!("{metric}: unknown"))
            }
            Err(error) => return Err(error),
            Ok(stated) if stated.finding.verdict == Verdict::Zero => {
                flat.push(format!("{}: 0", one.metric.words()));
            }
            Ok(stated) => drawn.push(stated),
        }
    }
    let lead = series.iter().find(|one| one.metric == Metric::RESIDENT);
    let known = lead.and_then(|lead| of(lead).ok());
    match known.or_else(|| series.iter().find_map(|one| of(one).ok())) {
        Some(lead) => Ok((lead, drawn, flat)),
        None => Err(Error::NoSamples),
    }
}

/// Returns the colours of all panels with their names, the rest last.
fn entries(panels: &[Panel<'_>]) -> Vec<(Paint, String)> {
    let mut entries: Vec<(Paint, String)> = Vec::new();
    for one in panels.iter().flat_map(|panel| panel.selection.shown.iter().rev()) {
        let name = if one.paint == OTHER { "other" } else { &one.name };
        if !entries.iter().any(|(paint, _)| *paint == one.paint) {
            entries.push((one.paint, name.to_owned()));
        }
    }
    sort_by_key(&mut entries, |(paint, _)| *paint == OTHER);
    entries
}

fn description(lead: &Stated<'_>, flat: &[String], series: &[Series]) -> String {
    let mut sentences = vec![format!("{}.", lead.course.join(" · "))];
    for one in series {
        let unit = one.metric.unit();
        if let (Some(first), Some(last), Some(max)) =
            (one.totals.first_known(), one.totals.last_known(), one.totals.max())
        {
            let [first, last, max] = [first, last, max].map(|value| unit.plain(value));
            sentences.push(format!("{}: {first} to {last}, at most {max}.", one.metric.words()));
        }
    }
    sentences.extend(flat.iter().map(|words| format!("{words}.")));
    sentences.join(" ")
}

/// A picture as the backend wrote it.
struct DrawnPage {
    drawn: String,
    /// The colours used, light and dark.
    used: BTreeMap<Rgb, Rgb>,
    /// Those of lines, in the order of the legend.
    lines: Vec<Paint>,
}

/// The picture as a whole.
struct Page<'a> {
    lead: &'a Stated<'a>,
    options: &'a ChartOptions,
    context: &'a ChartContext,
    header: &'a Header,
}

impl Page<'_> {
    fn draw(
        &self,
        stated: Vec<Stated<'_>>,
        flat: &[String],
        cpu_ns: &[Option<u64>],
    ) -> Result<DrawnPage, Error> {
        let Self { lead, options, context, header } = *self;
        let (width, height) = (f64::from(options.width), f64::from(options.height));
        let count = stated.len().max(1);
        let across = if width < layout::NARROW || count < 3 { 1 } else { 2 };
        let columns = (COLUMNS / count).min(MAX_COLUMNS);
        let load = CpuLoad::of(lead.series, cpu_ns, columns);
        // A cell that no metric needs has the processor time, which else has a strip.
        let in_cell = load.is_some() && !count.is_multiple_of(across);
        let down = count.div_ceil(across);
        let footer = self.footer(&stated, flat);
        let time_row = TIME_ROW + if width < layout::NARROW { 0.0 } else { DATE_ROW };

        // From the bottom up: footer, list of marks, times, processor time; the panels have the rest.
        let room = width - 2.0 * MARGIN;
        let mark_words = |at: usize| lead.moments[at].words(&lead.clock);
        let unnamed: Vec<usize> = (0..lead.moments.len()).collect();
        let (list, unlisted) = marks::list(&unnamed, mark_words, room, 2);
        let footer_top = height - 8.0 - footer.len() as f64 * FOOTER_LINE;
        let times_top = footer_top - list.len() as f64 * LIST_LINE - time_row;
        let strip = if load.is_some() && !in_cell { cpu::HEIGHT + BELOW_ROW } else { 0.0 };
        let legend_rows = 1.0;
        let marks_row = if lead.moments.is_empty() { 0.0 } else { marks::ROW };
        let top = header.height() + legend_rows * labels::LINE + marks_row;
        let gaps = BELOW_ROW * (down as f64 - 1.0);
        let each = ((times_top - strip - top - gaps) / down as f64).max(panel::TITLE + MIN_PANEL);

        let room_of = Room { columns, keys: KEYS, one_legend: true };
        let mut panels: Vec<Panel<'_>> = Vec::with_capacity(count);
        for stated in stated {
            let begin = stated.finding.first.index;
            let selection = select::select(
                stated.series,
                &stated.counted,
                options,
                context.naming,
                room_of,
                begin,
            );
            panels.push(Panel::new(stated, selection, options, each));
        }
        let labels = panels.iter().map(|panel| picture::widest(&panel.axis)).fold(28.0, f64::max);
        let column = (room - BETWEEN * (across as f64 - 1.0)) / across as f64;
        let place = |at: usize, top: f64, height: f64| {
            let left = MARGIN + at as f64 * (column + BETWEEN);
            Place { left: left + labels + 8.0, right: left + column, top, bottom: top + height }
        };

        let mut drawn = String::new();
        let mut canvas = Canvas::new(&mut drawn, options.width, options.height, options.theme);
        canvas.rect((0.0, 0.0), (width, height), palette::PAPER)?;
        header.draw(&mut canvas)?;
        let entries = entries(&panels);
        self.legend(&mut canvas, &entries)?;
        let cell = |index: usize| {
            let (row, at) = (index / across, index % across);
            (place(at, top + row as f64 * (each + BELOW_ROW), each), row == 0)
        };
        for (index, panel) in panels.iter().enumerate() {
            let (place, is_first) = cell(index);
            panel.draw(&mut canvas, &place, options.kind)?;
            self.marks(&mut canvas, &place, panel::TITLE, is_first)?;
        }
        let span_ns = lead.series.span_ns();
        if let (Some(load), true) = (&load, in_cell) {
            let (place, is_first) = cell(panels.len());
            cpu::draw(&mut canvas, load, &place, span_ns)?;
            self.marks(&mut canvas, &place, cpu::TITLE, is_first)?;
        }
        for at in 0..across {
            let mut foot = place(at, top, times_top - strip - top);
            if let (Some(load), false) = (&load, in_cell) {
                let place = place(at, times_top - cpu::HEIGHT, cpu::HEIGHT);
                cpu::draw(&mut canvas, load, &place, span_ns)?;
                self.marks(&mut canvas, &place, cpu::TITLE, false)?;
                foot.bottom = place.bottom;
            }
            self.times(&mut canvas, &foot)?;
        }
        let mut y = times_top + time_row + LIST_LINE / 2.0;
        let face = Face { size: marks::SIZE, bold: false, paint: palette::MARK };
        for line in &list {
            canvas.text(line, (MARGIN, y), Anchor::Start, face)?;
            y += LIST_LINE;
        }
        let mut footer = footer;
        if unlisted > 0
            && let Some(line) = footer.first_mut()
        {
            let marks = crate::text::units::counted(unlisted as u64, "mark", "marks");
            *line = text::fit(&format!("{marks} not listed · {line}"), FOOTER_SIZE, room);
        }
        picture::draw_footer(&mut canvas, &footer, height)?;
        let used = canvas.finish()?;
        let lines = match options.kind {
            ChartKind::Area => Vec::new(),
            ChartKind::Growth => entries.into_iter().map(|(paint, _)| paint).collect(),
        };
        Ok(DrawnPage { drawn, used, lines })
    }

    /// Returns the scales of time in a column of panels.
    fn across(&self, place: &Place) -> Scales {
        Scales {
            span_ns: self.lead.series.span_ns(),
            left: place.left,
            right: place.right,
            top: place.top,
            bottom: place.bottom,
            low: 0.0,
            high: 1.0,
        }
    }

    /// Draws the times below a column of panels.
    fn times(&self, canvas: &mut Canvas<'_>, place: &Place) -> Result<(), Error> {
        let Self { lead, options, .. } = *self;
        let scales = self.across(place);
        let mut ticks = picture::time_ticks(lead.series, options, &scales);
        if f64::from(options.width) < layout::NARROW {
            ticks.iter_mut().for_each(|tick| tick.date = None);
        }
        let torn = plot::torn(lead.series, &scales);
        plot::time_axis(canvas, &ticks, &torn, &scales, place.right + 12.0)
    }

    /// Draws the marks through a panel, whose title stays free; the first ones have the numbers.
    fn marks(
        &self,
        canvas: &mut Canvas<'_>,
        place: &Place,
        title: f64,
        is_first: bool,
    ) -> Result<(), Error> {
        let scales = self.across(place);
        let moments = &self.lead.moments;
        let named: Vec<(f64, &str)> =
            moments.iter().map(|moment| (scales.x(moment.at_ns), moment.text)).collect();
        let mut rules = marks::place(&named, false, place.left, place.right).rules;
        let span = (place.top + title, place.bottom);
        if is_first {
            plot::mark_numbers(canvas, &rules, place.top - marks::ROW / 2.0)?;
        }
        rules.iter_mut().for_each(|rule| rule.number = None);
        let scales = Scales { top: span.0, ..scales };
        plot::band_ends(canvas, moments, &scales)?;
        plot::mark_rules(canvas, &rules, span, span.0)
    }

    /// Draws one legend for all panels.
    fn legend(&self, canvas: &mut Canvas<'_>, entries: &[(Paint, String)]) -> Result<(), Error> {
        let room = f64::from(self.options.width) - 2.0 * MARGIN;
        let names: Vec<String> = entries.iter().map(|(_, name)| name.clone()).collect();
        let face = Face { size: labels::SIZE, bold: false, paint: palette::INK };
        let y = self.header.height();
        for ((paint, name), (left, row)) in entries.iter().zip(labels::flow(&names, room)) {
            if row > 0 {
                break;
            }
            let x = MARGIN + left;
            canvas.rect((x, y - 4.5), (x + 9.0, y + 4.5), *paint)?;
            canvas.text(name, (x + layout::SWATCH, y), Anchor::Start, face)?;
        }
        Ok(())
    }

    fn is_torn(&self) -> bool {
        self.lead.series.ticks.iter().any(|tick| tick.state == TickState::Torn)
    }

    fn footer(&self, stated: &[Stated<'_>], flat: &[String]) -> Vec<String> {
        let room = f64::from(self.options.width) - 2.0 * MARGIN;
        let mut parts = flat.to_vec();
        parts.extend(stated.iter().flat_map(|one| one.limits.words.iter().cloned()));
        let reserved = stated.iter().find_map(|one| one.counted.reserved);
        if let Some(reserved) = reserved {
            let size = crate::text::units::size(reserved);
            parts.push(format!("* without {size} of reserved address space"));
        }
        if self.header.about.is_none() {
            let about = words::about_briefly(self.lead.series, self.options, self.context);
            parts.push(about);
            return vec![text::fit(&parts.join(" · "), FOOTER_SIZE, room)];
        }
        parts.extend(words::footer(
            self.lead.series,
            self.context,
            None,
            None,
            words::LeftOut { mark_texts: 0, torn_shown: self.is_torn() },
        ));
        text::wrap(&parts, " · ", FOOTER_SIZE, room)
    }
}

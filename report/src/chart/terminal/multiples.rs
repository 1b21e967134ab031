//! Several metrics in a terminal: a line of blocks for each, with its ends and its change.

use unicode_width::UnicodeWidthStr;

use crate::chart::options::{ChartContext, ChartOptions};
use crate::chart::select::{self, Room};
use crate::chart::stated::Stated;
use crate::chart::terminal::cells::BLOCKS;
use crate::chart::terminal::columns::{PlotColumn, columns};
use crate::chart::terminal::ink::{self, Ink, Style};
use crate::chart::terminal::{Terminal, rows};
use crate::error::Error;
use crate::metric::{Metric, Unit};
use crate::series::Series;

/// Heights of a column in ASCII.
const ASCII: [char; 9] = [' ', '_', '_', '.', '.', '-', '-', '=', '#'];
/// The least and the largest number of columns of blocks.
const MIN_BLOCKS: usize = 10;
const MAX_BLOCKS: usize = 120;

/// Draws several metrics of the same samples in characters.
pub fn draw_terminal_multiples(
    series: &[Series],
    options: &ChartOptions,
    context: &ChartContext,
    terminal: &Terminal,
) -> Result<String, Error> {
    let ink = Ink { colors: terminal.colors, theme: options.theme, unicode: terminal.unicode };
    let lead = series.iter().find(|one| one.metric == Metric::RESIDENT).or(series.first());
    let Some(lead) = lead else { return Err(Error::NoSamples) };
    let lead = Stated::of(lead, series, options, context)?;
    let mut lines: Vec<String> = Vec::new();
    let titles: Vec<String> = lead.titles.iter().map(|title| ink.shown(title)).collect();
    let title = titles.iter().find(|title| title.width() <= terminal.columns).or(titles.last());
    for line in ink::wrap(title.map_or("", String::as_str), terminal.columns) {
        let mut text = String::new();
        ink.write(&mut text, Style { bold: true, ..Style::default() }, &line);
        lines.push(text);
    }
    let mut names: Vec<String> = Vec::new();
    let mut stated: Vec<Option<Stated<'_>>> = Vec::new();
    for one in series {
        let known = match Stated::of(one, series, options, context) {
            Err(Error::Unknown { .. } | Error::Cheap { .. }) => None,
            other => Some(other?),
        };
        let star = match known.as_ref().and_then(|known| known.counted.left_out) {
            Some(_) => "*",
            None => "",
        };
        names.push(format!("{}{star}", one.metric.words()));
        stated.push(known);
    }
    let figures = |known: &Stated<'_>| {
        let finding = &known.finding;
        [finding.first, finding.last, finding.highest].map(|moment| moment.value)
    };
    let sizes = stated.iter().flatten().filter(|one| one.series.metric.unit() == Unit::Bytes);
    let max = sizes.flat_map(figures).max().unwrap_or(0);
    let values = |known: &Option<Stated<'_>>| match known {
        None => ["-", "-", "-"].map(str::to_owned),
        Some(known) => rows::values(known.series.metric.unit(), figures(known), max),
    };
    let listed: Vec<(String, [String; 3])> =
        names.into_iter().zip(stated.iter().map(values)).collect();
    let names = listed.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    let widths = rows::widths(listed.iter().map(|(_, values)| values));
    let taken = names + widths.iter().map(|width| width + rows::GAP).sum::<usize>() + 2;
    let blocks = terminal.columns.saturating_sub(taken).clamp(MIN_BLOCKS, MAX_BLOCKS);
    let mut head = format!("{:names$}  {:blocks$}", "", "");
    head.push_str(&rows::cells(rows::HEADINGS, widths));
    let mut text = String::new();
    ink.write(&mut text, Style { dim: true, ..Style::default() }, &head);
    lines.push(text);
    for ((name, values), known) in listed.iter().zip(&stated) {
        let shape = match known {
            Some(known) => shape(known, options, context, ink, blocks),
            None => "unknown".to_owned(),
        };
        let values = rows::cells(values.each_ref().map(String::as_str), widths);
        let space = " ".repeat(blocks.saturating_sub(shape.width()));
        lines.push(format!("{name:<names$}  {shape}{space}{}", values.trim_end()));
    }
    if let Some(reserved) = stated.iter().flatten().find_map(|known| known.counted.reserved) {
        let size = crate::text::units::size(reserved);
        lines.push(format!("* without {size} of reserved address space"));
    }
    Ok(lines.iter().map(|line| format!("{}\n", line.trim_end())).collect())
}

/// Returns the total over time as a line of blocks: from 0 to its highest value.
fn shape(
    stated: &Stated<'_>,
    options: &ChartOptions,
    context: &ChartContext,
    ink: Ink,
    width: usize,
) -> String {
    let highest = stated.counted.totals.max().unwrap_or(0);
    if highest == 0 {
        return "0 throughout".to_owned();
    }
    // Sizes, however they are drawn elsewhere.
    let options = ChartOptions { kind: Default::default(), ..options.clone() };
    let room = Room { columns: width, keys: 1, one_legend: true };
    let Stated { series, counted, .. } = stated;
    let selection = select::select(series, counted, &options, context.naming, room, 0);
    let glyph = |column: &PlotColumn| match column {
        PlotColumn::Measured(values) => {
            let part = values.iter().sum::<f64>() / highest as f64;
            let eighths = (part * 8.0).round().clamp(if part > 0.0 { 1.0 } else { 0.0 }, 8.0);
            if ink.unicode { BLOCKS[eighths as usize] } else { ASCII[eighths as usize] }
        }
        PlotColumn::Gap if ink.unicode => '╱',
        PlotColumn::Gap => '/',
        PlotColumn::Blank => ' ',
    };
    columns(series, &selection, width).iter().map(glyph).collect()
}

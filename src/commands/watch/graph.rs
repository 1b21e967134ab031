//! The graph of the total over time, with marks by number.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::symbols::bar;
use ratatui::widgets::Block;
use vmrec_report::{escape, units, watch_column, watch_columns, watch_highest};

use crate::commands::watch::data::Data;

/// The columns that the numbers of the axis take, with a space.
const AXIS: u16 = 8;
/// The eighths of a cell from none to all of it.
const EIGHTHS: [&str; 9] = [
    " ",
    bar::ONE_EIGHTH,
    bar::ONE_QUARTER,
    bar::THREE_EIGHTHS,
    bar::HALF,
    bar::FIVE_EIGHTHS,
    bar::THREE_QUARTERS,
    bar::SEVEN_EIGHTHS,
    bar::FULL,
];

/// Draws the total up to the sample shown.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, data: &Data) {
    let series = data.metric();
    let unit = series.metric.unit();
    let plot = Rect {
        x: area.x + 1 + AXIS,
        y: area.y + 1,
        width: area.width.saturating_sub(AXIS + 2),
        height: area.height.saturating_sub(2),
    };
    let columns = watch_columns(series, data.at, usize::from(plot.width));
    let peak = watch_highest(&columns);
    let span = match series.elapsed_ns(data.at) {
        0 => "first sample".to_owned(),
        elapsed => units::duration(elapsed),
    };
    let title =
        format!(" {}, {span} ─ highest {} ", data.metric_words(), unit.plain_or_unknown(peak));
    let marks = marks(data, usize::from(plot.width));
    let named: Vec<String> =
        marks.iter().map(|(number, _, text)| format!("{} {}", digit(*number), text)).collect();
    let room = usize::from(area.width).saturating_sub(title.chars().count() + 6);
    let named = fitting(&named, room);
    let block = Block::bordered()
        .title_top(title)
        .title_top(ratatui::text::Line::raw(named).right_aligned());
    frame.render_widget(block, area);

    let buffer = frame.buffer_mut();
    let top = peak.unwrap_or(0).max(1);
    let eighths = u64::from(plot.height) * 8;
    // Few samples stand at the right end, where new ones come.
    let left = plot.x + plot.width.saturating_sub(u16::try_from(columns.len()).unwrap_or(u16::MAX));
    for (x, column) in (left..).zip(&columns) {
        let Some(value) = column.max else {
            buffer.set_string(x, plot.bottom().saturating_sub(1), "·", dim());
            continue;
        };
        let filled = u128::from(value) * u128::from(eighths) / u128::from(top);
        // A value that is there is seen.
        let filled =
            u64::try_from(filled).unwrap_or(eighths).min(eighths).max(u64::from(value > 0));
        let style = if column.torn { dim() } else { Style::new() };
        for (row, y) in (0_u64..).zip((plot.top()..plot.bottom()).rev()) {
            let part = filled.saturating_sub(row * 8).min(8) as usize;
            buffer.set_string(x, y, EIGHTHS[part], style);
        }
    }
    for (number, column, _) in &marks {
        let x = left + u16::try_from(*column).unwrap_or(0);
        buffer.set_string(x, plot.y, digit(*number), Style::new().add_modifier(Modifier::REVERSED));
    }
    if plot.height > 0 {
        let axis = [(plot.y, peak), (plot.y + plot.height / 2, peak.map(|peak| peak / 2))];
        for (y, value) in axis {
            buffer.set_string(
                area.x + 1,
                y,
                format!("{:>7}", unit.plain_or_unknown(value)),
                Style::new(),
            );
        }
        let zero = unit.plain_or_unknown(peak.map(|_| 0));
        buffer.set_string(area.x + 1, plot.bottom() - 1, format!("{zero:>7}"), Style::new());
    }
}

/// Returns number, column and text of each mark up to the sample shown.
fn marks(data: &Data, width: usize) -> Vec<(usize, usize, String)> {
    let series = data.metric();
    let ticks = &series.ticks[..series.ticks.len().min(data.at + 1)];
    let next_utc_ns = series.ticks.get(data.at + 1).map_or(i64::MAX, |next| next.taken.utc_ns);
    let marks = (1..).zip(&data.opened.marks).filter(|(_, mark)| mark.utc_ns < next_utc_ns);
    let placed = marks.filter_map(|(number, mark)| {
        let index = ticks.iter().rposition(|tick| tick.taken.utc_ns <= mark.utc_ns)?;
        let column = watch_column(series, data.at, width, index);
        Some((number, column, escape::terminal(&mark.text).to_string()))
    });
    placed.collect()
}

/// Returns the newest texts that fit into some columns.
fn fitting(texts: &[String], room: usize) -> String {
    let mut shown = String::new();
    for text in texts.iter().rev() {
        let longer = match shown.is_empty() {
            true => format!(" {text} "),
            false => format!(" {text} {shown}"),
        };
        if longer.chars().count() > room {
            break;
        }
        shown = longer;
    }
    shown
}

/// Returns a mark's number in one column: a circled digit up to 20.
fn digit(number: usize) -> String {
    const ONE: u32 = '①' as u32;
    let circled = u32::try_from(number).ok().filter(|number| (1..=20).contains(number));
    let circled = circled.and_then(|number| char::from_u32(ONE + number - 1));
    circled.map_or_else(|| "◆".to_owned(), String::from)
}

fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

//! The table of types: what moved furthest first.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Row, Table};
use vmrec_report::{Unit, WATCH_TRAIL, WatchRow, escape, units, watch_trail_ns};

use crate::commands::watch::data::Data;
use crate::commands::watch::state::State;

/// The longest bar beside a change, in columns.
const BAR: usize = 4;

/// Draws the rows around the one chosen, with the sum of those there is no room for.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, data: &Data) {
    let unit = data.metric().metric.unit();
    let rows: Vec<&WatchRow> = data.passing(state).collect();
    let chosen = data.chosen(state).map(|row| &row.key);
    let index = rows.iter().position(|row| Some(&row.key) == chosen).unwrap_or(0);
    let room = usize::from(area.height.saturating_sub(1));
    let fit = if rows.len() > room { room.saturating_sub(1) } else { room };
    let from = index.saturating_sub(fit.saturating_sub(1)).min(rows.len());
    let shown = &rows[from..(from + fit).min(rows.len())];

    let moved = |row: &WatchRow| row.since_base.map_or(0, i128::unsigned_abs);
    let furthest = rows.iter().map(|row| moved(row)).max().unwrap_or(0);
    let mut lines: Vec<Row<'_>> = shown
        .iter()
        .map(|row| {
            let is_chosen = Some(&row.key) == chosen;
            let name = format!(
                "{} {}",
                if is_chosen { "▸" } else { " " },
                escape::terminal(data.label(row))
            );
            let line = line(unit, name, row, bar(moved(row), furthest));
            if is_chosen { line.bold() } else { line }
        })
        .collect();
    let hidden: Vec<&WatchRow> =
        rows[..from].iter().chain(&rows[from + shown.len()..]).copied().collect();
    if !hidden.is_empty() {
        lines.push(rest(unit, &hidden));
    }
    let since = match state.base {
        Some(number) => format!("SINCE #{number}"),
        None => "SINCE START".to_owned(),
    };
    let last = match watch_trail_ns(data.metric(), data.at) {
        0 => "LAST".to_owned(),
        elapsed => format!("LAST {}", units::duration(elapsed)),
    };
    let header = Row::new([
        Text::raw("  TYPE"),
        right("NOW".to_owned()),
        right(since),
        Text::raw(""),
        right("PER MIN".to_owned()),
        Text::raw(last),
        right("REGIONS".to_owned()),
    ])
    .style(Style::new().underlined());
    let widths = [
        Constraint::Min(16),
        Constraint::Length(8),
        Constraint::Length(11),
        Constraint::Length(BAR as u16),
        Constraint::Length(8),
        Constraint::Length(WATCH_TRAIL as u16),
        Constraint::Length(9),
    ];
    frame.render_widget(Table::new(lines, widths).header(header).column_spacing(1), area);
}

fn line<'a>(unit: Unit, name: String, row: &WatchRow, bar: String) -> Row<'a> {
    Row::new([
        Text::raw(name),
        right(unit.plain_or_unknown(row.now)),
        right(unit.signed_or_unknown(row.since_base)),
        Text::raw(bar),
        right(unit.signed_or_unknown(row.per_minute)),
        Text::raw(trail(&row.trail)),
        right(match row.regions_since {
            Some(0) | None => Unit::Count.plain_or_unknown(row.regions),
            since => format!(
                "{} {}",
                Unit::Count.plain_or_unknown(row.regions),
                Unit::Count.signed_or_unknown(since)
            ),
        }),
    ])
}

/// Returns the row of those without room: sums, unknown if one is.
fn rest<'a>(unit: Unit, hidden: &[&WatchRow]) -> Row<'a> {
    let now = hidden.iter().map(|row| row.now).sum();
    let since = hidden.iter().map(|row| row.since_base).sum();
    let per_minute = hidden.iter().map(|row| row.per_minute).sum();
    let regions = hidden.iter().map(|row| row.regions).sum();
    let more = units::counted(hidden.len() as u64, "other", "others");
    Row::new([
        Text::raw(format!("  … {more}")),
        right(unit.plain_or_unknown(now)),
        right(unit.signed_or_unknown(since)),
        Text::raw(""),
        right(unit.signed_or_unknown(per_minute)),
        Text::raw(""),
        right(Unit::Count.plain_or_unknown(regions)),
    ])
}

/// Returns the values as blocks, from the lowest of them to the highest; unknown ones are dots.
fn trail(values: &[Option<u64>]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let known = || values.iter().copied().flatten();
    let (Some(low), Some(high)) = (known().min(), known().max()) else {
        return "·".repeat(values.len());
    };
    let block = |value: Option<u64>| match value {
        None => '·',
        Some(_) if low == high => BLOCKS[3],
        Some(value) => {
            let part = u128::from(value - low) * 7 / u128::from(high - low);
            BLOCKS[part as usize]
        }
    };
    values.iter().copied().map(block).collect()
}

fn bar(moved: u128, furthest: u128) -> String {
    let eighths = (moved * BAR as u128 * 8).checked_div(furthest).unwrap_or(0);
    let eighths = usize::try_from(eighths).unwrap_or(0).max(usize::from(moved > 0));
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{part}", "█".repeat(eighths / 8))
}

fn right<'a>(text: String) -> Text<'a> {
    Text::from(Line::raw(text).right_aligned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_goes_from_its_lowest_to_its_highest() {
        assert_eq!(trail(&[Some(1), Some(8), None, Some(4)]), "▁█·▄");
        assert_eq!(trail(&[Some(5); 3]), "▄▄▄");
        assert_eq!(trail(&[None, None]), "··");
        assert_eq!(trail(&[Some(0), Some(u64::MAX)]), "▁█");
    }

    #[test]
    fn a_bar_is_as_long_as_its_part_and_never_nothing_for_something() {
        assert_eq!(bar(10, 10), "████");
        assert_eq!(bar(5, 10), "██");
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!((bar(0, 10), bar(0, 0)), (String::new(), String::new()));
    }
}

//! The regions of one type that changed between the base and the sample shown.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Row, Table};
use vmrec_report::{Metric, RegionRow, escape, units};

use crate::commands::watch::data::Data;
use crate::commands::watch::state::State;

/// As many regions alike are one row.
const ALIKE: usize = 4;

/// Draws the regions that changed, those that moved most first; many alike are one row.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, data: &Data) {
    let metric = data.metric().metric;
    let label = data.chosen(state).map_or("no type", |row| data.label(row));
    let from = data.base_number().unwrap_or(0);
    let to = data.shown_number().unwrap_or(0);
    let header = Row::new([
        Text::raw(format!("  {}, #{from} to #{to}", escape::terminal(label))),
        right("NOW".to_owned()),
        right("CHANGE".to_owned()),
        Text::raw("OBJECT OR DETAIL"),
    ])
    .style(Style::new().underlined());
    let rows = data.regions();
    let lines = grouped(&rows);
    let room = usize::from(area.height.saturating_sub(1));
    let mut shown: Vec<Row<'_>> =
        lines.iter().skip(state.scrolled).take(room).map(|group| line(metric, group)).collect();
    if lines.is_empty() {
        shown.push(Row::new([match data.is_compared() {
            true => "  none changed".to_owned(),
            false => "  no region is known of a sample that was missed".to_owned(),
        }]));
    }
    let widths =
        [Constraint::Min(44), Constraint::Length(8), Constraint::Length(9), Constraint::Fill(1)];
    frame.render_widget(Table::new(shown, widths).header(header).column_spacing(1), area);
}

/// Returns the regions, those that are alike and stand beside each other in one group.
fn grouped<'a>(rows: &[&'a RegionRow]) -> Vec<Vec<&'a RegionRow>> {
    let alike = |a: &&RegionRow, b: &&RegionRow| {
        a.kind == b.kind
            && a.object == b.object
            && a.range().virtual_bytes() == b.range().virtual_bytes()
            && a.change.get(Metric::RESIDENT) == b.change.get(Metric::RESIDENT)
    };
    rows.chunk_by(alike)
        .flat_map(|group| match group.len() {
            ALIKE.. => vec![group.to_vec()],
            _ => group.iter().map(|row| vec![*row]).collect(),
        })
        .collect()
}

fn line<'a>(metric: Metric, group: &[&RegionRow]) -> Row<'a> {
    let Some(first) = group.first() else { return Row::default() };
    let sums = group.iter().fold(first.change, |mut sums, row| {
        if !std::ptr::eq(*row, *first) {
            sums.merge(&row.change);
        }
        sums
    });
    let delta = sums.get(metric);
    let range = first.range();
    let place = match group.len() {
        1 => format!("{:x}-{:x}", range.start, range.end),
        many => format!("{many} × {}", units::size(range.virtual_bytes())),
    };
    let behind = first.object_name().map(str::to_owned);
    let behind =
        behind.or_else(|| first.detail.as_ref().map(ToString::to_string)).unwrap_or_default();
    Row::new([
        Text::raw(format!("  {:<8}{place}", first.kind.name())),
        right(metric.unit().plain_or_unknown(delta.to)),
        right(metric.unit().signed_or_unknown(delta.delta())),
        Text::raw(escape::terminal(&behind).to_string()),
    ])
}

fn right<'a>(text: String) -> Text<'a> {
    Text::from(Line::raw(text).right_aligned())
}

//! The whole screen: a head line, the graph, the table, a line of keys.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::{Line, Span};
use vmrec_report::{escape, units};

use crate::commands::watch::data::Data;
use crate::commands::watch::state::{State, Typing};
use crate::commands::watch::{graph, regions, table};

const KEYS: &str = "m mark  b base  tab metric  ↵ regions  / filter  ←→[] time  s svg  q quit";

/// Draws everything.
pub(crate) fn draw(frame: &mut Frame<'_>, state: &mut State, data: &Data) {
    let [head, graph, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length((frame.area().height / 3).clamp(4, 14)),
        Constraint::Min(2),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(head_line(state, data, head), head);
    graph::draw(frame, graph, data);
    state.page = usize::from(body.height.saturating_sub(2));
    match state.regions {
        true => regions::draw(frame, body, state, data),
        false => table::draw(frame, body, state, data),
    }
    frame.render_widget(foot_line(state), foot);
}

/// Returns the process, how it is watched, and the total, at the right.
fn head_line<'a>(state: &State, data: &Data, area: Rect) -> Line<'a> {
    let recording = &data.opened.recording;
    let process = &recording.process;
    let pid = process.id.known_pid().map(|pid| format!(" ({pid})")).unwrap_or_default();
    let elapsed = data.metric().elapsed_ns(data.at);
    let how = match (state.at, data.opened.running) {
        (Some(_), _) => format!("#{}", data.shown_number().unwrap_or(0)),
        (None, true) if !state.recorder_ended => "● recording".to_owned(),
        (None, _) => "ended".to_owned(),
    };
    let left = format!(
        " {}{pid}  {}  every {}  {how}  [{}]",
        escape::terminal(process.name()),
        units::duration(elapsed),
        units::duration(data.interval_ns()),
        recording.id.0,
    );
    let total = data.metric().totals.get(data.at);
    let right =
        format!("{} {} ", data.metric_words(), data.metric().metric.unit().plain_or_unknown(total));
    // The total is always seen.
    let room = usize::from(area.width).saturating_sub(width(&right) + 1);
    let left: String = left.chars().take(room).collect();
    let space = usize::from(area.width).saturating_sub(width(&left) + width(&right));
    Line::from(vec![Span::raw(left), Span::raw(" ".repeat(space)), Span::raw(right)])
        .bold()
        .reversed()
}

fn foot_line(state: &State) -> Line<'_> {
    let text = match (&state.typing, &state.message) {
        (Some(Typing::Mark(text)), _) => format!(" mark: {text}▏"),
        (Some(Typing::Filter(text)), _) => format!(" types with: {text}▏"),
        (None, Some(message)) => format!(" {}", escape::terminal(message)),
        (None, None) if !state.filter.is_empty() => {
            format!(" types with `{}`: esc shows all", escape::terminal(&state.filter))
        }
        (None, None) => format!(" {KEYS}"),
    };
    Line::raw(text)
}

/// Returns how many columns a text takes, of letters that take one each.
fn width(text: &str) -> usize {
    Line::raw(text).width()
}

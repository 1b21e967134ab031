//! The effect of each key.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use vmrec_report::Metric;

use crate::commands::watch::data::Data;
use crate::commands::watch::state::{Effect, State, Typing};

/// Changes the state as a key asks for.
pub(crate) fn press(state: &mut State, data: &Data, key: KeyEvent) -> Effect {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if control && key.code == KeyCode::Char('c') {
        return Effect::Quit;
    }
    state.message = None;
    if let Some(typing) = state.typing.take() {
        return typed(state, typing, key.code);
    }
    match key.code {
        KeyCode::Char('q') => return Effect::Quit,
        KeyCode::Char('s') => return Effect::Save,
        KeyCode::Char('m') => state.typing = Some(Typing::Mark(String::new())),
        KeyCode::Char('/') => state.typing = Some(Typing::Filter(state.filter.clone())),
        KeyCode::Char('b') => rebase(state, data),
        KeyCode::Tab => state.metric = (state.metric + 1) % Metric::USUAL.len(),
        KeyCode::BackTab => {
            state.metric = (state.metric + Metric::USUAL.len() - 1) % Metric::USUAL.len()
        }
        KeyCode::Enter => (state.regions, state.scrolled) = (!state.regions, 0),
        KeyCode::Esc if state.regions => state.regions = false,
        KeyCode::Esc => state.filter.clear(),
        KeyCode::Up => choose(state, data, -1),
        KeyCode::Down => choose(state, data, 1),
        KeyCode::PageUp => choose(state, data, -(state.page.max(1) as isize)),
        KeyCode::PageDown => choose(state, data, state.page.max(1) as isize),
        KeyCode::Left => state.at = data.step(state.at, -1),
        KeyCode::Right => state.at = data.step(state.at, 1),
        KeyCode::Char('[') => state.at = data.step(state.at, -data.leap()),
        KeyCode::Char(']') => state.at = data.step(state.at, data.leap()),
        KeyCode::Home => state.at = data.first(),
        KeyCode::End => state.at = None,
        _ => return Effect::Nothing,
    }
    Effect::Redraw
}

/// Counts changes from the sample shown, or from the first again if they are already.
fn rebase(state: &mut State, data: &Data) {
    let shown = data.shown_number();
    state.base = if state.base == shown { None } else { shown };
    state.message = Some(match state.base {
        Some(number) => format!("changes count from #{number}; b again: from the first sample"),
        None => "changes count from the first sample".to_owned(),
    });
}

fn choose(state: &mut State, data: &Data, by: isize) {
    if state.regions {
        state.scrolled =
            state.scrolled.saturating_add_signed(by).min(data.regions().len().max(1) - 1);
        return;
    }
    let labels = data.labels(state);
    let chosen = state.chosen.as_ref();
    let index = labels.iter().position(|label| chosen == Some(label)).unwrap_or(0);
    let index = index.saturating_add_signed(by).min(labels.len().max(1) - 1);
    state.chosen = labels.get(index).cloned();
}

fn typed(state: &mut State, mut typing: Typing, key: KeyCode) -> Effect {
    /// The maximum number of characters of a text.
    const MAX_TYPED: usize = 200;
    let (Typing::Mark(text) | Typing::Filter(text)) = &mut typing;
    match key {
        KeyCode::Esc => return Effect::Redraw,
        KeyCode::Backspace => {
            text.pop();
        }
        KeyCode::Char(letter) if text.chars().count() < MAX_TYPED => text.push(letter),
        KeyCode::Enter => {
            return match typing {
                Typing::Mark(text) if text.trim().is_empty() => {
                    state.message = Some("no mark: its text was empty".to_owned());
                    Effect::Redraw
                }
                Typing::Mark(text) => Effect::Mark(text),
                Typing::Filter(text) => {
                    state.filter = text;
                    Effect::Redraw
                }
            };
        }
        _ => {}
    }
    state.typing = Some(typing);
    Effect::Redraw
}

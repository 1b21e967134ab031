//! The terminal on standard output: its size, its colours and its characters.

use std::io::IsTerminal;
use std::{env, io};

use vmrec_report::{Terminal, TerminalColors};

/// The size of a terminal of which nothing is known.
const COLUMNS: usize = 80;
const LINES: usize = 24;

/// Returns the terminal to draw for; standard output may be a file or a pipe all the same.
pub(crate) fn terminal() -> Terminal {
    let size = terminal_size::terminal_size();
    let (columns, lines) = size.map_or((COLUMNS, LINES), |(width, height)| {
        (usize::from(width.0).max(20), usize::from(height.0).max(10))
    });
    let variable = |name: &str| env::var(name).ok();
    let colors = match io::stdout().is_terminal() {
        true => colors(variable),
        false => TerminalColors::None,
    };
    Terminal { columns, lines, colors, unicode: is_unicode(variable) }
}

/// Returns the columns and lines of the terminal on standard output, if it has any.
pub(crate) fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
    let size = (usize::from(width.0), usize::from(height.0));
    (size.0 > 0 && size.1 > 0).then_some(size)
}

/// Returns whether the terminal can do nothing but print text.
pub(crate) fn is_dumb() -> bool {
    env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Returns the colours that the environment allows.
fn colors(variable: impl Fn(&str) -> Option<String>) -> TerminalColors {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() || matches!(set("TERM").as_deref(), None | Some("dumb")) {
        return TerminalColors::None;
    }
    match set("COLORTERM").as_deref() {
        Some("truecolor" | "24bit") => TerminalColors::Direct,
        _ => TerminalColors::Indexed,
    }
}

/// Returns whether the locale's characters are those of UTF-8; the C locale has ASCII alone.
fn is_unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_locale_says_whether_there_is_more_than_ascii() {
        assert!(is_unicode(of(&[("LANG", "de_DE.UTF-8")])));
        assert!(is_unicode(of(&[("LC_CTYPE", "C.utf8"), ("LANG", "C")])));
        for other in [&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")][..], &[("LANG", "de_DE")], &[]] {
            assert!(!is_unicode(of(other)), "{other:?}");
        }
        assert!(is_unicode(of(&[("LC_ALL", ""), ("LANG", "en_US.UTF-8")])));
    }

    #[test]
    fn colours_are_off_where_they_are_not_wanted_or_known() {
        assert_eq!(colors(of(&[("TERM", "xterm")])), TerminalColors::Indexed);
        let direct = [("TERM", "xterm"), ("COLORTERM", "truecolor")];
        assert_eq!(colors(of(&direct)), TerminalColors::Direct);
        for none in [&[("TERM", "xterm"), ("NO_COLOR", "1")][..], &[("TERM", "dumb")], &[]] {
            assert_eq!(colors(of(none)), TerminalColors::None, "{none:?}");
        }
    }
}

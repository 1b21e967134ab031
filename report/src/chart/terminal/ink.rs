//! The look of a terminal's cells: escape sequences for colours, patterns in their place, and plain
//! ASCII where the locale has nothing else.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use crate::chart::options::Theme;
use crate::chart::palette::{Paint, Rgb};
use crate::text::escape;
use crate::text::table::cut_middle;

/// Whether and how a terminal shows colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TerminalColors {
    /// Patterns in place of colours.
    #[default]
    None,
    /// The 256 of xterm.
    Indexed,
    /// Any red, green and blue.
    Direct,
}

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) bold: bool,
    pub(crate) dim: bool,
    pub(crate) ink: Option<Paint>,
    pub(crate) ground: Option<Paint>,
}

/// How a terminal shows what is written to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    pub(crate) colors: TerminalColors,
    pub(crate) theme: Theme,
    /// Whether it shows more than ASCII.
    pub(crate) unicode: bool,
}

/// Patterns for keys without colours, from the one that moved most.
const PATTERNS: [char; 4] = ['█', '▓', '▒', '░'];
const ASCII_PATTERNS: [char; 4] = ['#', '=', '-', '.'];

impl Ink {
    /// Returns how many keys can be distinguished: without colours by as many patterns.
    pub(crate) fn max_keys(self) -> usize {
        if self.patterned() { PATTERNS.len() } else { 7 }
    }

    /// Returns whether areas are distinguished by patterns.
    pub(crate) fn patterned(self) -> bool {
        self.colors == TerminalColors::None || !self.unicode
    }

    /// Returns the pattern of the key at `rank` from the top of the stack.
    pub(crate) fn pattern(self, rank: usize) -> char {
        let patterns = if self.unicode { PATTERNS } else { ASCII_PATTERNS };
        patterns[rank.min(patterns.len() - 1)]
    }

    /// Adds text in a style.
    pub(crate) fn write(self, to: &mut String, style: Style, text: &str) {
        let codes = self.codes(style);
        if codes.is_empty() || text.is_empty() {
            to.push_str(text);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(to, "\x1b[{codes}m{text}\x1b[0m");
        }
    }

    fn codes(self, style: Style) -> String {
        if self.colors == TerminalColors::None {
            return String::new();
        }
        let mut codes: Vec<String> = Vec::new();
        if style.bold {
            codes.push("1".to_owned());
        }
        if style.dim {
            codes.push("2".to_owned());
        }
        codes.extend(style.ink.map(|paint| self.color(38, paint)));
        codes.extend(style.ground.map(|paint| self.color(48, paint)));
        codes.join(";")
    }

    fn color(self, layer: u8, paint: Paint) -> String {
        let (r, g, b) = if self.theme == Theme::Light { paint.light } else { paint.dark };
        match self.colors {
            TerminalColors::Direct => format!("{layer};2;{r};{g};{b}"),
            _ => format!("{layer};5;{}", nearest((r, g, b))),
        }
    }

    /// Cuts shown text to this many columns, in its middle.
    pub(crate) fn cut(self, text: &str, columns: usize) -> String {
        let cut = cut_middle(text, columns);
        if self.unicode { cut.into_owned() } else { cut.replace('…', "~") }
    }

    /// Returns untrusted text as it can be shown: in ASCII, without what steers a terminal.
    pub(crate) fn shown(self, text: &str) -> String {
        let escaped = escape::terminal(text);
        if self.unicode || escaped.is_ascii() {
            return escaped.into_owned();
        }
        let mut ascii = String::with_capacity(escaped.len());
        for c in escaped.chars() {
            match c {
                '→' => ascii.push_str("->"),
                '·' | '—' | '–' => ascii.push('-'),
                '…' => ascii.push_str("..."),
                '×' => ascii.push('x'),
                c if c.is_ascii() => ascii.push(c),
                c => ascii.extend(c.escape_unicode()),
            }
        }
        ascii
    }
}

/// Returns the index of the colour of xterm's cube or greys that is nearest.
fn nearest((r, g, b): Rgb) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let cube = |at: u8| {
        let level = |part: u8| LEVELS[usize::from(part)];
        (16 + at, (level(at / 36), level(at / 6 % 6), level(at % 6)))
    };
    let grey = |at: u8| (232 + at, (8 + 10 * at, 8 + 10 * at, 8 + 10 * at));
    let away = |(x, y, z): Rgb| {
        let part = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        part(x, r) + part(y, g) + part(z, b)
    };
    let all = (0..216).map(cube).chain((0..24).map(grey));
    all.min_by_key(|(_, color)| away(*color)).map_or(15, |(index, _)| index)
}

/// Breaks words into lines of at most `room` columns.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    flow(text.split(' '), " ", room)
}

/// Sets parts into lines of at most `room` columns; a part wider than that has a line of its own.
pub(crate) fn flow<'a>(
    parts: impl IntoIterator<Item = &'a str>,
    separator: &str,
    room: usize,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + separator.width() + part.width() <= room => {
                line.push_str(separator);
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_the_nearest_of_xterm() {
        assert_eq!(
            [(0, 0, 0), (255, 255, 255), (255, 0, 1), (100, 100, 100)].map(nearest),
            [16, 231, 196, 241]
        );
    }

    #[test]
    fn ascii_has_a_spelling_for_all() {
        let ink = Ink { colors: TerminalColors::None, theme: Theme::Auto, unicode: false };
        assert_eq!(ink.shown("é → 1 · \x1b[31m…"), "\\u{e9} -> 1 - \\x1b[31m...");
    }

    #[test]
    fn words_are_wrapped() {
        assert_eq!(wrap("a bb ccc dddddddd e", 6), ["a bb", "ccc", "dddddddd", "e"]);
    }
}

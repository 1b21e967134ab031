//! Cells of tables: their text, which is escaped here so that no table can forget to, their tone,
//! and sizes, of which those of a column stand with their decimal points below each other.

use std::borrow::Cow;

use crate::text::{escape, units};

/// How a cell is coloured, if at all. A sign or a word says the same, for readers without colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As other text.
    #[default]
    Plain,
    /// Red: more memory.
    Growth,
    /// Cyan, which nobody takes for red: less memory.
    Shrink,
    /// Bold red: something failed.
    Bad,
    /// Yellow: something to know of.
    Warning,
}

impl Tone {
    /// Returns the tone of a change.
    pub fn of_change(change: i128) -> Self {
        match change.signum() {
            1 => Self::Growth,
            -1 => Self::Shrink,
            _ => Self::Plain,
        }
    }

    /// Colours a text that is escaped already.
    pub(crate) fn paint(self, text: &str) -> Cow<'_, str> {
        let code = match self {
            _ if text.is_empty() => return Cow::Borrowed(text),
            Self::Plain => return Cow::Borrowed(text),
            Self::Growth => "31",
            Self::Shrink => "36",
            Self::Bad => "1;31",
            Self::Warning => "33",
        };
        Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m"))
    }
}

/// A number of bytes, or a change of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    bytes: i128,
    signed: bool,
}

impl Size {
    fn magnitude(self) -> u64 {
        u64::try_from(self.bytes.unsigned_abs()).unwrap_or(u64::MAX)
    }
}

/// One cell's text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
    /// The size that the text begins with.
    size: Option<Size>,
    /// The text after a size.
    after: String,
}

impl Cell {
    /// Creates a cell, escaping what steers a terminal.
    pub fn new(text: &str) -> Self {
        Self { text: escape::terminal(text).into_owned(), ..Self::default() }
    }

    /// Creates a cell of a size; `-` where it is unknown.
    pub fn size(bytes: Option<u64>) -> Self {
        let Some(bytes) = bytes else { return Self::new(&units::unknown()) };
        let size = Size { bytes: bytes.into(), signed: false };
        Self { text: units::size(bytes), size: Some(size), ..Self::default() }
    }

    /// Creates a cell of a change of a size, toned as it is; `-` where it is unknown.
    pub fn size_change(bytes: Option<i128>) -> Self {
        let Some(bytes) = bytes else { return Self::new(&units::unknown()) };
        let (size, tone) = (Some(Size { bytes, signed: true }), Tone::of_change(bytes));
        Self { text: units::signed_size(bytes), tone, size, after: String::new() }
    }

    /// Returns the text, with sizes as they are by themselves.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Sets the colour.
    #[must_use]
    pub fn toned(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Adds a text of as many characters in each cell of a column.
    #[must_use]
    pub(crate) fn followed_by(mut self, text: &str) -> Self {
        self.after = escape::terminal(text).into_owned();
        self.text.push_str(&self.after);
        self
    }
}

/// Writes the sizes of a table so that those of a column line up, and those of a row compare.
pub(super) fn line_up<'a>(cells: impl Iterator<Item = &'a mut Cell>) {
    let mut sized: Vec<&mut Cell> = cells.filter(|cell| cell.size.is_some()).collect();
    let sizes = sized.iter().filter_map(|cell| cell.size);
    let max = sizes.map(Size::magnitude).max().unwrap_or(0);
    for cell in &mut sized {
        let Some(size) = cell.size else { continue };
        let magnitude = units::size_below(size.magnitude(), max);
        let sign = match (size.signed, size.bytes.signum()) {
            (_, -1) => "-",
            (true, 1) => "+",
            _ => "",
        };
        cell.text = format!("{sign}{magnitude}{}", cell.after);
    }
}

//! Reads smaps piece by piece, mapping by mapping.

#[cfg(test)]
mod tests;

use crate::procfs::header::begins_header;
use crate::procfs::line::{newline, readable};
use crate::procfs::sizes::{Field, Sizes, kilobytes, split_line};
use crate::procfs::template::{Fit, Template};

/// The maximum text of one mapping: a path is at most 4 KiB, with some bytes written as four.
const MAX_BYTES: usize = 64 << 10;

/// The record of one mapping in smaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The header line, for `crate::procfs::header::parse_header`.
    pub header: &'a [u8],
    /// The flags (`rd wr mr …`), unknown on kernels that print none.
    pub flags: Option<&'a [u8]>,
    /// The sizes.
    pub sizes: Sizes,
}

/// A text that is not smaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSmaps {
    /// The line's number, from 1.
    pub line: usize,
    /// The line, cut to a sane length.
    pub text: String,
}

impl BadSmaps {
    fn new(line: usize, text: &[u8]) -> Self {
        let end = newline(text).unwrap_or(text.len());
        Self { line, text: readable(&text[..end.min(200)]) }
    }
}

/// A parser of smaps that takes pieces cut anywhere.
#[derive(Debug, Default)]
pub struct SmapsParser {
    template: Template,
    unread: Vec<u8>,
    lines: usize,
}

impl SmapsParser {
    /// Creates a parser that has not learned the lines of a kernel yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Resets the parser for another text; the learned lines are kept.
    pub fn restart(&mut self) {
        self.unread.clear();
        self.lines = 0;
    }

    /// Parses the next `piece` and calls `each` with every complete mapping; `each` refuses a bad
    /// header with `false`.
    ///
    /// # Errors
    ///
    /// Fails on text that is not smaps.
    pub fn feed(
        &mut self,
        piece: &[u8],
        each: impl FnMut(&Record<'_>) -> bool,
    ) -> Result<(), BadSmaps> {
        self.unread.extend_from_slice(piece);
        self.parse(false, each)?;
        if self.unread.len() > MAX_BYTES {
            return Err(BadSmaps::new(self.lines + 1, &self.unread));
        }
        Ok(())
    }

    /// Ends the text, which completes the last mapping.
    ///
    /// # Errors
    ///
    /// Fails on text that is not smaps.
    pub fn finish(&mut self, each: impl FnMut(&Record<'_>) -> bool) -> Result<(), BadSmaps> {
        self.parse(true, each)
    }

    fn parse(
        &mut self,
        at_end: bool,
        mut each: impl FnMut(&Record<'_>) -> bool,
    ) -> Result<(), BadSmaps> {
        let Self { template, unread, lines } = self;
        let mut rest = unread.as_slice();
        while !rest.is_empty() {
            if !at_end && rest.len() <= template.least_bytes() {
                break;
            }
            let mut record = Record { header: b"", flags: None, sizes: Sizes::default() };
            let read = match by_template(template, rest, at_end, &mut record) {
                Attempt::Whole(after) => Some((after, 1 + template.lines())),
                Attempt::Short if !at_end => None,
                _ => line_by_line(rest, at_end, Some(template), &mut record),
            };
            let Some((after, count)) = read else { break };
            if begins_header(record.header) != Some(true) || !each(&record) {
                return Err(BadSmaps::new(*lines + 1, record.header));
            }
            *lines += count;
            rest = after;
        }
        let read = unread.len() - rest.len();
        unread.drain(..read);
        Ok(())
    }
}

/// The result of reading a record by the template.
enum Attempt<'a> {
    /// It fits, and this comes after it.
    Whole(&'a [u8]),
    /// It matches, but is incomplete.
    Short,
    Other,
}

fn by_template<'a>(
    template: &Template,
    text: &'a [u8],
    at_end: bool,
    record: &mut Record<'a>,
) -> Attempt<'a> {
    let Some(end) = newline(text) else { return Attempt::Short };
    let (header, body) = (&text[..end], &text[end + 1..]);
    record.header = header;
    let rest = match template.read(body, &mut record.sizes, &mut record.flags) {
        Fit::Whole(rest) => rest,
        Fit::Short => return Attempt::Short,
        Fit::Other => return Attempt::Other,
    };
    // Only the next header proves that no further line belongs to this mapping.
    match begins_header(rest) {
        Some(true) => {}
        None if at_end && rest.is_empty() => {}
        None => return Attempt::Short,
        Some(false) => return Attempt::Other,
    }
    Attempt::Whole(rest)
}

/// Reads one record with any lines; unknown ones are skipped.
///
/// Returns the text after it and the number of its lines.
fn line_by_line<'a>(
    text: &'a [u8],
    at_end: bool,
    learn: Option<&mut Template>,
    record: &mut Record<'a>,
) -> Option<(&'a [u8], usize)> {
    let (header, mut rest) = split_off_line(text, at_end)?;
    *record = Record { header, flags: None, sizes: Sizes::default() };
    let mut template = Template::default();
    let mut count = 1;
    loop {
        match begins_header(rest) {
            Some(true) => break,
            None if at_end && rest.is_empty() => break,
            _ => {}
        }
        let (line, after) = split_off_line(rest, at_end)?;
        if let Some((key, value)) = split_line(line) {
            if key == b"VmFlags" {
                record.flags = Some(value);
            } else if let Some(field) = Field::from_key(key)
                && let Some(bytes) = kilobytes(value)
            {
                record.sizes.set(field, bytes);
            }
        }
        template.learn(line);
        count += 1;
        rest = after;
    }
    if let Some(learn) = learn {
        *learn = template;
    }
    Some((rest, count))
}

fn split_off_line(text: &[u8], at_end: bool) -> Option<(&[u8], &[u8])> {
    match newline(text) {
        Some(end) => Some((&text[..end], &text[end + 1..])),
        None if at_end => Some((text, b"")),
        None => None,
    }
}

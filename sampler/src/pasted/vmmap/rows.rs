//! The rows of vmmap's lists of regions, of every report format, and of crash reports.

use crate::pasted::darwin::{Place, Row};
use crate::pasted::size;
use crate::procfs::line::hexadecimal;
use crate::quantity::{Quantities, Quantity};
use crate::region::{AddressRange, Protection, ShareMode};

/// A size column of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeColumn {
    Virtual,
    Known(Quantity),
    Other,
}

impl SizeColumn {
    fn of(word: &str) -> Self {
        match word {
            "VSIZE" | "VIRTUAL" => Self::Virtual,
            "RSDNT" | "RESIDENT" => Self::Known(Quantity::Resident),
            "DIRTY" => Self::Known(Quantity::Dirty),
            "SWAP" | "SWAPPED" => Self::Known(Quantity::Swapped),
            _ => Self::Other,
        }
    }
}

/// Returns the columns of a heading such as `REGION TYPE  START - END  [ VSIZE  RSDNT] …`.
pub(crate) fn heading(text: &str) -> Option<Vec<SizeColumn>> {
    let (before, rest) = text.split_once('[')?;
    let (inside, _) = rest.split_once(']')?;
    let columns: Vec<SizeColumn> = words(inside).map(SizeColumn::of).collect();
    let is_heading = columns.first() == Some(&SizeColumn::Virtual)
        && (before.contains("START") || before.contains("REGION"));
    is_heading.then_some(columns)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '/']).filter(|word| !word.is_empty())
}

/// A row split at its range of addresses.
#[derive(Clone, Copy, Debug)]
struct Split<'a> {
    type_name: &'a str,
    place: Place,
    /// From the sizes on.
    rest: &'a str,
}

/// Returns whether the line begins a row.
pub(crate) fn begins(text: &str) -> bool {
    split(text).is_some()
}

fn split(text: &str) -> Option<Split<'_>> {
    let text = text.trim_start();
    let text = text.strip_prefix("-->").unwrap_or(text).trim_start();
    let mut from = 0;
    for word in text.split([' ', '\t']) {
        let at = from;
        from += word.len() + 1;
        let Some(place) = place(word) else { continue };
        let rest = text[at + word.len()..].trim_start();
        let type_name = text[..at].trim();
        if rest.starts_with('[') && !type_name.is_empty() {
            return Some(Split { type_name, place, rest });
        }
    }
    None
}

fn place(word: &str) -> Option<Place> {
    match word {
        "unmapped-unmapped" => return Some(Place::Unmapped),
        "kernel-kernel" => return Some(Place::Kernel),
        _ => {}
    }
    let (start, end) = word.split_once('-')?;
    if start.len() < 4 || end.len() < 4 {
        return None;
    }
    let number = |text: &str| hexadecimal(text.trim_start_matches("0x").as_bytes());
    let (start, end) = (number(start)?, number(end)?);
    let range = AddressRange::new(start, end);
    (start <= end).then(|| range.placed()).flatten().map(Place::At)
}

/// The result of reading a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// A region.
    Row(Box<Row>),
    /// A row that contains others: a submap.
    Container,
    /// A row whose end is missing.
    Cut,
}

/// Reads a row; `columns` are those of the heading, if there was one.
pub(crate) fn row(text: &str, columns: Option<&[SizeColumn]>) -> Option<Read> {
    let Split { type_name, place, rest } = split(text)?;
    if type_name == "Submap" {
        return Some(Read::Container);
    }
    let Some((sizes, rest)) = rest[1..].split_once(']') else { return Some(Read::Cut) };
    let sizes: Option<Vec<u64>> =
        words(sizes).map(|word| size::size(word).map(|size| size.bytes)).collect();
    let Some(sizes) = sizes.filter(|sizes| !sizes.is_empty()) else { return Some(Read::Cut) };
    let usual = [
        SizeColumn::Virtual,
        SizeColumn::Known(Quantity::Resident),
        SizeColumn::Known(Quantity::Dirty),
        SizeColumn::Known(Quantity::Swapped),
    ];
    let columns = columns.filter(|columns| columns.len() == sizes.len()).unwrap_or(&usual);
    if sizes.len() > columns.len() {
        return Some(Read::Cut);
    }
    let (mut quantities, mut virtual_bytes) = (Quantities::UNKNOWN, None);
    for (column, bytes) in columns.iter().zip(&sizes) {
        match column {
            SizeColumn::Virtual => virtual_bytes = Some(*bytes),
            SizeColumn::Known(quantity) => quantities.set(*quantity, *bytes),
            SizeColumn::Other => {}
        }
    }
    let rest = rest.trim_start();
    let (word, rest) = rest.split_at(rest.find([' ', '\t']).unwrap_or(rest.len()));
    let Some((protection, max_protection)) = rights(word) else { return Some(Read::Cut) };
    let mut detail = rest.trim_start();
    let mut take = |prefix: &str| {
        let after = detail.strip_prefix(prefix)?;
        let (word, rest) = after.split_at(after.find([' ', '\t']).unwrap_or(after.len()));
        detail = rest.trim_start();
        Some(word.to_owned())
    };
    let mode = take("SM=");
    let purge = take("PURGE=").and_then(|letter| letter.chars().next());
    Some(Read::Row(Box::new(Row {
        type_name: type_name.to_owned(),
        place,
        protection,
        max_protection,
        share_mode: mode
            .and_then(|mode| ShareMode::ALL.into_iter().find(|known| known.name() == mode)),
        purge: purge.filter(|letter| matches!(letter, 'V' | 'N' | 'E')),
        detail: detail.trim_end().to_owned(),
        quantities,
        virtual_bytes,
    })))
}

/// Reads `rw-/rwx`, the maximum perhaps as `-`.
fn rights(word: &str) -> Option<(Protection, Option<Protection>)> {
    let one = |text: &str| -> Option<Protection> {
        let &[read, write, execute] = text.as_bytes() else { return None };
        let right = |byte: u8, letter: u8, right: Protection| match byte {
            b'-' => Some(Protection::NONE),
            _ if byte == letter => Some(right),
            _ => None,
        };
        Some(
            right(read, b'r', Protection::READ)?
                .union(right(write, b'w', Protection::WRITE)?)
                .union(right(execute, b'x', Protection::EXECUTE)?),
        )
    };
    let (now, max) = word.split_once('/')?;
    Some((one(now)?, if max == "-" { None } else { Some(one(max)?) }))
}

/// Returns how much of a row can be read: a higher number is more.
pub(crate) fn exactness(text: &str, columns: Option<&[SizeColumn]>) -> u8 {
    match row(text, columns) {
        Some(Read::Row(row)) => {
            let has_all = |columns: &[SizeColumn]| {
                columns.iter().all(|column| match column {
                    SizeColumn::Known(quantity) => row.quantities.get(*quantity).is_some(),
                    _ => true,
                })
            };
            1 + 2 * u8::from(row.share_mode.is_some()) + u8::from(columns.is_none_or(has_all))
        }
        _ => 0,
    }
}

/// Returns whether the row has everything up to its share mode: what follows may be its detail.
pub(crate) fn is_whole(text: &str) -> bool {
    let mode = text.split_once(" SM=").map_or("", |(_, after)| after);
    let letters = mode.split([' ', '\t']).next().unwrap_or_default().len();
    letters == 3 && matches!(row(text, None), Some(Read::Row(_) | Read::Container))
}

//! Parses the bytes of a page to cells and values. Whatever the bytes claim,
//! nothing is read beyond them and memory is allocated only as their number
//! justifies it.

use std::io;

use rusqlite::types::Value;

use crate::db::open::PAGE_BYTES;
use crate::db::wal::word;
use crate::maintain::repair::pages::{Page, PageReader};

/// Bytes of an overflow page that hold the number of the next one.
const LINK_BYTES: usize = 4;
/// The maximum bytes of a row: more than any recorder writes.
const MAX_ROW_BYTES: u64 = 1 << 28;

/// The kind of a page, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// Rows with a rowid.
    TableLeaf,
    /// Pages below it.
    TableInterior,
    /// Rows that are their own key.
    IndexLeaf,
    /// Such rows, and pages below it.
    IndexInterior,
}

/// A row on a page, perhaps only its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    /// Its rowid, 0 if rows have none.
    pub(crate) rowid: i64,
    /// Its total size in bytes.
    pub(crate) bytes: usize,
    /// The bytes on the page.
    pub(crate) local: &'a [u8],
    /// The overflow page with the following bytes.
    pub(crate) overflow: Option<u32>,
}

/// Returns the kind of the page; `first` marks the file's first page, which begins with the file's
/// header.
pub(crate) fn kind(page: &Page, first: bool) -> Option<PageKind> {
    match page[header_offset(first)] {
        0x0d => Some(PageKind::TableLeaf),
        0x05 => Some(PageKind::TableInterior),
        0x0a => Some(PageKind::IndexLeaf),
        0x02 => Some(PageKind::IndexInterior),
        _ => None,
    }
}

const fn header_offset(first: bool) -> usize {
    if first { 100 } else { 0 }
}

/// Returns the offsets of the cells of the page.
fn cell_offsets(page: &Page, first: bool, kind: PageKind) -> impl Iterator<Item = usize> + '_ {
    let header = header_offset(first);
    let array =
        header + if matches!(kind, PageKind::TableLeaf | PageKind::IndexLeaf) { 8 } else { 12 };
    let pair = |offset: usize| usize::from(page[offset]) << 8 | usize::from(page[offset + 1]);
    let count = pair(header + 3).min((PAGE_BYTES - array) / 2);
    (0..count).map(move |cell| pair(array + 2 * cell))
}

/// Returns the pages below a page.
pub(crate) fn children(page: &Page, first: bool, kind: PageKind) -> Vec<u32> {
    if matches!(kind, PageKind::TableLeaf | PageKind::IndexLeaf) {
        return Vec::new();
    }
    let last = word(page, header_offset(first) + 8);
    cell_offsets(page, first, kind).map(|offset| word(page, offset)).chain([last]).collect()
}

/// Returns the rows on a page, `None` for each malformed one.
pub(crate) fn cells(
    page: &Page,
    first: bool,
    kind: PageKind,
) -> impl Iterator<Item = Option<Cell<'_>>> {
    let rows = kind != PageKind::TableInterior;
    cell_offsets(page, first, kind)
        .filter(move |_| rows)
        .map(move |offset| cell(page, offset, kind))
}

fn cell(page: &Page, offset: usize, kind: PageKind) -> Option<Cell<'_>> {
    let offset = if kind == PageKind::IndexInterior { offset + 4 } else { offset };
    let mut rest = page.get(offset..)?;
    let bytes = take_varint(&mut rest)?;
    if bytes > MAX_ROW_BYTES {
        return None;
    }
    let bytes = usize::try_from(bytes).ok()?;
    let rowid = if kind == PageKind::TableLeaf { take_varint(&mut rest)?.cast_signed() } else { 0 };
    // The rule of the format for how much of a long row stays on its page.
    let max = if kind == PageKind::TableLeaf {
        PAGE_BYTES - 35
    } else {
        (PAGE_BYTES - 12) * 64 / 255 - 23
    };
    if bytes <= max {
        return Some(Cell { rowid, bytes, local: rest.get(..bytes)?, overflow: None });
    }
    let min = (PAGE_BYTES - 12) * 32 / 255 - 23;
    let some = min + (bytes - min) % (PAGE_BYTES - 4);
    let local = if some <= max { some } else { min };
    let overflow = word(rest.get(local..local + 4)?, 0);
    Some(Cell { rowid, bytes, local: &rest[..local], overflow: Some(overflow) })
}

/// Returns the number of columns of the row, `None` if its size contradicts them.
pub(crate) fn columns(cell: &Cell<'_>) -> Option<usize> {
    let (types, header_bytes) = types(cell.local)?;
    let body: u64 = types.iter().try_fold(0_u64, |sum, kind| sum.checked_add(size(*kind)?))?;
    (body.checked_add(header_bytes as u64)? == cell.bytes as u64).then_some(types.len())
}

/// Returns the values of a complete row, `None` if it is malformed.
pub(crate) fn values(row: &[u8]) -> Option<Vec<Value>> {
    let (types, header_bytes) = types(row)?;
    let mut rest = row.get(header_bytes..)?;
    types.into_iter().map(|kind| take_value(&mut rest, kind)).collect()
}

/// Returns the types of a row's values and the size of its header.
fn types(row: &[u8]) -> Option<(Vec<u64>, usize)> {
    let mut rest = row;
    let header_bytes = usize::try_from(take_varint(&mut rest)?).ok()?;
    let taken = row.len() - rest.len();
    let mut header = row.get(taken..header_bytes)?;
    let mut types = Vec::new();
    while !header.is_empty() {
        types.push(take_varint(&mut header)?);
    }
    Some((types, header_bytes))
}

/// Returns the bytes of a value of that type.
const fn size(kind: u64) -> Option<u64> {
    Some(match kind {
        0 | 8 | 9 => 0,
        1..=4 => kind,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        _ => (kind - 12) / 2,
    })
}

fn take_value(rest: &mut &[u8], kind: u64) -> Option<Value> {
    let (bytes, after) = rest.split_at_checked(usize::try_from(size(kind)?).ok()?)?;
    *rest = after;
    let number = || {
        let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        let begun = if negative { -1 } else { 0 };
        bytes.iter().fold(begun, |number: i64, byte| number << 8 | i64::from(*byte))
    };
    Some(match kind {
        0 => Value::Null,
        7 => Value::Real(f64::from_bits(number().cast_unsigned())),
        8 => Value::Integer(0),
        9 => Value::Integer(1),
        1..=6 => Value::Integer(number()),
        _ if kind.is_multiple_of(2) => Value::Blob(bytes.to_vec()),
        _ => Value::Text(String::from_utf8(bytes.to_vec()).ok()?),
    })
}

/// Takes a big-endian varint of one to nine bytes.
fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for index in 0..9 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        if index == 8 {
            return Some(number << 8 | u64::from(*byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    Some(number)
}

/// Returns the values of a row, following its overflow pages; `None` if it is incomplete.
pub(crate) fn whole(pages: &PageReader, cell: &Cell<'_>) -> io::Result<Option<Vec<Value>>> {
    if columns(cell).is_none() {
        return Ok(None);
    }
    let Some(mut next) = cell.overflow else { return Ok(values(cell.local)) };
    let mut bytes = cell.local.to_vec();
    while bytes.len() < cell.bytes {
        let Some(page) = pages.read(next)? else { return Ok(None) };
        let (link, data) = page.split_at(LINK_BYTES);
        let max = data.len().min(cell.bytes - bytes.len());
        bytes.extend_from_slice(&data[..max]);
        next = word(link, 0);
    }
    Ok(values(&bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    /// Reads everything of a page.
    fn read(page: &Page, first: bool) -> Vec<(i64, Vec<Value>)> {
        let Some(kind) = kind(page, first) else { return Vec::new() };
        let interior = matches!(kind, PageKind::TableInterior | PageKind::IndexInterior);
        let below = if interior { cell_offsets(page, first, kind).count() + 1 } else { 0 };
        assert_eq!(children(page, first, kind).len(), below);
        for cell in cells(page, first, kind).flatten() {
            let is_whole = cell.local.len() == cell.bytes;
            assert_eq!(is_whole, cell.overflow.is_none(), "{cell:?}");
            assert!(cell.local.len() <= cell.bytes, "{cell:?}");
        }
        cells(page, first, kind)
            .flatten()
            .filter_map(|cell| {
                columns(&cell)?;
                Some((cell.rowid, values(cell.local)?))
            })
            .collect()
    }

    #[test]
    fn values_match_those_that_sqlite_wrote() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let connection = Connection::open(file.path()).unwrap();
        connection.execute_batch("PRAGMA page_size = 1024; CREATE TABLE t (a, b)").unwrap();
        let numbers = [0, 1, -1, 127, -128, 128, 1 << 20, -(1 << 30), 1 << 40, i64::MAX, i64::MIN];
        let mut rows = Vec::new();
        for (index, number) in numbers.into_iter().enumerate() {
            let row = vec![Value::Integer(number), Value::Text("é".repeat(index))];
            connection
                .execute("INSERT INTO t VALUES (?, ?)", rusqlite::params_from_iter(&row))
                .unwrap();
            rows.push((index as i64 + 1, row));
        }
        let row = vec![Value::Blob(vec![1, 2]), Value::Null];
        connection.execute("INSERT INTO t VALUES (x'0102', NULL)", []).unwrap();
        rows.push((rows.len() as i64 + 1, row));
        drop(connection);
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(read(bytes[PAGE_BYTES..].first_chunk().unwrap(), false), rows);
    }

    proptest! {
        #[test]
        fn any_page_is_read_within_its_bytes(bytes in prop::collection::vec(any::<u8>(), PAGE_BYTES), kind in prop::sample::select(&[2_u8, 5, 10, 13][..]), first: bool) {
            let mut page: Page = *bytes.first_chunk().unwrap();
            page[header_offset(first)] = kind;
            let rows = read(&page, first);
            prop_assert!(kind != 5 || rows.is_empty(), "a page of pages has no row");
        }

        #[test]
        fn any_row_is_refused_or_has_as_many_values_as_columns(bytes in prop::collection::vec(any::<u8>(), 0..80), claimed in 0_usize..200) {
            let of = columns(&Cell { rowid: 0, bytes: claimed, local: &bytes, overflow: None });
            if let (Some(columns), Some(values)) = (of, values(&bytes)) {
                prop_assert_eq!(columns, values.len());
            }
        }

        #[test]
        fn a_row_is_read_exactly_if_its_types_suit_its_bytes(
            types in prop::collection::vec(0_u8..24, 0..9),
            body in prop::collection::vec(0_u8..128, 0..60),
        ) {
            const SIZES: [Option<usize>; 12] = [
                Some(0), Some(1), Some(2), Some(3), Some(4), Some(6),
                Some(8), Some(8), Some(0), Some(0), None, None,
            ];
            let size = |kind: u8| match SIZES.get(usize::from(kind)) {
                Some(size) => *size,
                None => Some(usize::from(kind - 12) / 2),
            };
            let needed = types.iter().try_fold(0, |sum, kind| Some(sum + size(*kind)?));
            let header = [&[types.len() as u8 + 1], &types[..]].concat();
            let row = [&header[..], &body].concat();
            let count = |needed| (needed == Some(body.len())).then_some(types.len());
            let cell = Cell { rowid: 0, bytes: row.len(), local: &row, overflow: None };
            prop_assert_eq!(columns(&cell), count(needed));
            let read = values(&row);
            prop_assert_eq!(read.is_some(), needed.is_some_and(|needed| needed <= body.len()));
            let mut rest = &body[..];
            for (value, kind) in read.into_iter().flatten().zip(&types) {
                let (bytes, after) = rest.split_at(size(*kind).unwrap());
                rest = after;
                match value {
                    Value::Null => prop_assert_eq!(*kind, 0),
                    Value::Integer(number) if *kind > 7 => prop_assert_eq!(number, i64::from(kind - 8)),
                    Value::Integer(number) => {
                        let mut eight = [0; 8];
                        eight[8 - bytes.len()..].copy_from_slice(bytes);
                        prop_assert_eq!(number, i64::from_be_bytes(eight));
                    }
                    Value::Real(number) => prop_assert_eq!(&number.to_be_bytes()[..], bytes),
                    Value::Text(text) => prop_assert_eq!(text.as_bytes(), bytes),
                    Value::Blob(blob) => prop_assert_eq!(&blob[..], bytes),
                }
            }
        }
    }
}

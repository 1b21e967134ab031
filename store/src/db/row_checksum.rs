//! Checksums of rows: damage is reported as an error and never returned as data.
//!
//! The sum is the CRC-32 of the table's name and of the values of its columns
//! ([`crate::db::columns`]), without nulls at the end. A value is a byte for
//! its type, then nothing (null, 0), its eight bytes, little-endian (integer,
//! 1; real, 2), or its length in eight such bytes and its bytes (text, 3; blob,
//! 4). So a row matches only if it is complete, of its table and under its key.

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row};

use crate::codec::crc32::Crc;
use crate::db::columns::{TABLES, Table};
use crate::db::transaction::Transaction;
use crate::error::Mismatch;

/// A capacity that holds the summed bytes of most rows.
pub(crate) const USUAL_BYTES: usize = 256;

/// The checksum of a row under construction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summed(Crc);

impl Summed {
    /// Starts the checksum of rows of `table` that all begin with the values `first`.
    pub(crate) fn begun(table: &Table, first: &[ValueRef<'_>]) -> Self {
        let mut bytes = begun(table);
        first.iter().for_each(|value| put_value(&mut bytes, *value));
        Self(Crc::new().and(&bytes))
    }

    /// Continues with values encoded by [`put_value`].
    #[must_use]
    pub(crate) fn and(self, values: &[u8]) -> Self {
        Self(self.0.and(values))
    }

    /// Checks that the row of `table` has this `checksum`.
    pub(crate) fn check(
        self,
        table: &Table,
        checksum: ValueRef<'_>,
        values: &[ValueRef<'_>],
    ) -> rusqlite::Result<()> {
        if is(checksum, || self.0.sum()) {
            return Ok(());
        }
        Err(mismatch(table, values.iter().copied(), values.len()))
    }
}

/// Returns whether a row's `checksum` is its sum.
fn is(checksum: ValueRef<'_>, sum: impl FnOnce() -> u32) -> bool {
    matches!(checksum, ValueRef::Integer(stored) if i64::from(sum()) == stored)
}

/// Returns the checksum of a row of `table` with these values of its columns.
pub(crate) fn sum<'a>(table: &Table, values: impl IntoIterator<Item = ValueRef<'a>>) -> u32 {
    let mut bytes = begun(table);
    let mut summed = bytes.len();
    for value in values {
        put_value(&mut bytes, value);
        if value != ValueRef::Null {
            summed = bytes.len();
        }
    }
    Crc::new().and(&bytes[..summed]).sum()
}

/// Starts the bytes to sum for a row: one sum of many bytes takes half the time of many sums of
/// few.
fn begun(table: &Table) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.extend_from_slice(table.name.as_bytes());
    bytes
}

/// Appends a value to the bytes to sum.
#[inline]
pub(crate) fn put_value(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    let eight = |bytes: &mut Vec<u8>, kind: u8, eight: [u8; 8]| {
        let mut nine = [kind; 9];
        nine[1..].copy_from_slice(&eight);
        bytes.extend_from_slice(&nine);
    };
    let sized = |bytes: &mut Vec<u8>, kind, content: &[u8]| {
        eight(bytes, kind, (content.len() as u64).to_le_bytes());
        bytes.extend_from_slice(content);
    };
    match value {
        ValueRef::Null => bytes.push(0),
        ValueRef::Integer(value) => eight(bytes, 1, value.to_le_bytes()),
        ValueRef::Real(value) => eight(bytes, 2, value.to_bits().to_le_bytes()),
        ValueRef::Text(text) => sized(bytes, 3, text),
        ValueRef::Blob(blob) => sized(bytes, 4, blob),
    }
}

/// Decodes the first value of bytes that [`put_value`] made; `None` if they are malformed.
pub(crate) fn take_value<'a>(bytes: &mut &'a [u8]) -> Option<ValueRef<'a>> {
    let eight = |bytes: &mut &[u8]| {
        let (eight, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        Some(*eight)
    };
    let sized = |bytes: &mut &'a [u8]| {
        let length = usize::try_from(u64::from_le_bytes(eight(bytes)?)).ok()?;
        bytes.split_off(..length)
    };
    Some(match bytes.split_off_first()? {
        0 => ValueRef::Null,
        1 => ValueRef::Integer(i64::from_le_bytes(eight(bytes)?)),
        2 => ValueRef::Real(f64::from_bits(u64::from_le_bytes(eight(bytes)?))),
        3 => ValueRef::Text(sized(bytes)?),
        4 => ValueRef::Blob(sized(bytes)?),
        _ => return None,
    })
}

/// Changes the row `id` of `table` with `change`: checks its checksum before and updates it after.
pub(crate) fn update(
    transaction: &Transaction<'_>,
    table: &Table,
    id: i64,
    change: impl FnOnce() -> rusqlite::Result<usize>,
) -> rusqlite::Result<()> {
    let by_id = format!("SELECT {} FROM {} WHERE id = ?", table.list(), table.name);
    transaction.prepare_cached(&by_id)?.query_row([id], |row| check(table, row))?;
    change()?;
    let sum = transaction.prepare_cached(&by_id)?.query_row([id], |row| Ok(sum_of(table, row)))?;
    transaction
        .prepare_cached(&format!("UPDATE {} SET checksum = ? WHERE id = ?", table.name))?
        .execute((sum, id))?;
    Ok(())
}

/// Checks a row that begins with the [list](Table::list) of `table`.
pub(crate) fn check(table: &Table, row: &Row<'_>) -> rusqlite::Result<()> {
    let checksum = table.columns.len();
    if is(row.get_ref(checksum)?, || sum_of(table, row)) {
        return Ok(());
    }
    Err(mismatch(table, values_of(row, checksum), checksum))
}

/// Returns the values of a row that begins with the list of `table`, each read once, and checks them.
pub(crate) fn values<'a, const N: usize>(
    table: &Table,
    row: &'a Row<'_>,
) -> rusqlite::Result<[ValueRef<'a>; N]> {
    let mut values = [ValueRef::Null; N];
    for (column, value) in values.iter_mut().enumerate() {
        *value = row.get_ref(column)?;
    }
    if is(row.get_ref(N)?, || sum(table, values.iter().copied())) {
        return Ok(values);
    }
    Err(mismatch(table, values.iter().copied(), N))
}

fn mismatch<'a>(
    table: &Table,
    values: impl IntoIterator<Item = ValueRef<'a>>,
    column: usize,
) -> rusqlite::Error {
    let mismatch = Mismatch(named(table, values));
    rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(mismatch))
}

fn sum_of(table: &Table, row: &Row<'_>) -> u32 {
    sum(table, values_of(row, table.columns.len()))
}

/// Returns the values of the first columns; a missing column makes the checksum differ.
fn values_of<'a>(row: &'a Row<'_>, columns: usize) -> impl Iterator<Item = ValueRef<'a>> {
    (0..columns).map(|column| row.get_ref(column).unwrap_or(ValueRef::Blob(b"?")))
}

/// Describes a row for error messages: its table and its key.
fn named<'a>(table: &Table, values: impl IntoIterator<Item = ValueRef<'a>>) -> String {
    let mut name = table.name.to_owned();
    for value in values.into_iter().take(table.key) {
        name += &match value {
            ValueRef::Integer(number) => format!(" {number}"),
            _ => " ?".to_owned(),
        };
    }
    name
}

/// Adds the damaged rows of all tables to `problems`, whether anything refers to them or not.
pub(crate) fn problems(
    connection: &Connection,
    problems: &mut Vec<String>,
) -> rusqlite::Result<()> {
    for table in TABLES {
        let all = format!("SELECT {} FROM {}", table.list(), table.name);
        let mut statement = connection.prepare(&all)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match check(table, row) {
                Err(rusqlite::Error::FromSqlConversionFailure(.., what)) => {
                    problems.push(what.to_string());
                }
                other => other?,
            }
        }
    }
    Ok(())
}

pub(crate) fn wrong(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

/// The error for stored data that cannot be read.
pub(crate) fn damaged(what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::columns::{MARK, OBJECT, REGION_TYPE};

    #[test]
    fn no_two_rows_are_summed_alike() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        let rows: [&[ValueRef<'_>]; 7] = [
            &[text("ab"), text("c")],
            &[text("a"), text("bc")],
            &[text("abc")],
            &[ValueRef::Null, text("abc")],
            &[ValueRef::Blob(b"ab"), text("c")],
            &[ValueRef::Integer(0)],
            &[],
        ];
        let sums: std::collections::HashSet<_> = rows
            .iter()
            .flat_map(|row| [MARK, OBJECT, REGION_TYPE].map(|table| (table, row)))
            .map(|(table, row)| sum(&table, row.iter().copied()))
            .collect();
        assert_eq!(sums.len(), rows.len() * 3);
    }

    #[test]
    fn nulls_at_the_end_are_not_summed() {
        let row = [ValueRef::Integer(7), ValueRef::Null, ValueRef::Integer(0)];
        let later = [row[0], row[1], row[2], ValueRef::Null, ValueRef::Null];
        assert_eq!(sum(&MARK, row), sum(&MARK, later));
        assert_ne!(sum(&MARK, row), sum(&MARK, [row[0]]));
    }

    /// With another definition all rows of existing files would seem damaged.
    #[test]
    fn the_sum_never_changes() {
        let row = [ValueRef::Integer(-2), ValueRef::Null, ValueRef::Text("é".as_bytes())];
        assert_eq!(sum(&MARK, row), 0x2be6_c8b4);
    }
}

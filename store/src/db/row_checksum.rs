//! Checksums of rows: what the disk changed is told, never taken for a figure.
//!
//! The sum is the CRC-32 of the table's name and of the values of all columns before `checksum`,
//! in the order of the table. A value is a byte for its type, then nothing (null, 0), its eight
//! bytes, least first (integer, 1; real, 2), or its length in eight such bytes and its bytes
//! (text, 3; blob, 4). So a row is whole, of its table and where it belongs, or it does not match.

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Row, Statement};

use crate::codec::crc32::Crc;
use crate::db::transaction::Transaction;
use crate::error::Mismatch;

/// The name of the column.
const CHECKSUM: &str = "checksum";

/// The tables whose rows have such a sum, and how many columns, from the first on, name a row.
pub(crate) const TABLES: [(&str, usize); 12] = [
    ("recording", 1),
    ("argument", 2),
    ("object", 1),
    ("region", 1),
    ("region_kind", 1),
    ("sample", 1),
    ("mark", 1),
    ("chunk", 1),
    ("region_type", 1),
    ("rollup_row", 5),
    ("rollup_hour_row", 3),
    ("latest_row", 1),
];

/// Bytes that most rows are summed over fit in.
pub(crate) const USUAL_BYTES: usize = 256;

/// The checksum of a row in the making.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summed(Crc);

impl Summed {
    /// Begins that of rows of `table` which all have these `first` values.
    pub(crate) fn begun(table: &str, first: &[ValueRef<'_>]) -> Self {
        let mut bytes = begun(table);
        first.iter().for_each(|value| put_value(&mut bytes, *value));
        Self(Crc::new().and(&bytes))
    }

    /// Goes on with values as [`put_value`] put them.
    #[must_use]
    pub(crate) fn and(self, values: &[u8]) -> Self {
        Self(self.0.and(values))
    }

    /// Checks that the row of `table` has this `checksum`, or none as before version 3.
    pub(crate) fn check(
        self,
        table: &str,
        checksum: ValueRef<'_>,
        values: &[ValueRef<'_>],
    ) -> rusqlite::Result<()> {
        if is(checksum, || self.0.sum()) {
            return Ok(());
        }
        Err(mismatch(table, values.iter().copied(), values.len()))
    }
}

/// Tells whether a row's `checksum` is its sum, or there is none, as before version 3.
fn is(checksum: ValueRef<'_>, sum: impl FnOnce() -> u32) -> bool {
    match checksum {
        ValueRef::Null => true,
        ValueRef::Integer(stored) => i64::from(sum()) == stored,
        _ => false,
    }
}

/// Returns the checksum of a row of `table` with these values before its column `checksum`.
pub(crate) fn sum<'a>(table: &str, values: impl IntoIterator<Item = ValueRef<'a>>) -> u32 {
    let mut bytes = begun(table);
    values.into_iter().for_each(|value| put_value(&mut bytes, value));
    Crc::new().and(&bytes).sum()
}

/// Begins the bytes that a row is summed over: a sum of many at once takes half the time of sums of few.
fn begun(table: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    bytes.extend_from_slice(table.as_bytes());
    bytes
}

/// Adds a value to the bytes that a row is summed over.
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

/// Takes the first value from bytes that [`put_value`] made; `None` if they are not of its making.
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

/// Lets `change` change the row `id` of `table`, which must match its checksum before and does after.
pub(crate) fn update(
    transaction: &Transaction<'_>,
    table: &str,
    id: i64,
    change: impl FnOnce() -> rusqlite::Result<usize>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(&format!("SELECT * FROM {table} WHERE id = ?"))?
        .query_row([id], |row| check(table, row))?;
    change()?;
    seal(transaction, table, id)
}

/// Gives the row `id` of `table`, as it stands there, its checksum.
pub(crate) fn seal(transaction: &Transaction<'_>, table: &str, id: i64) -> rusqlite::Result<()> {
    let sum = transaction
        .prepare_cached(&format!("SELECT * FROM {table} WHERE id = ?"))?
        .query_row([id], |row| {
            let place = checksum_place(row.as_ref())
                .ok_or_else(|| rusqlite::Error::InvalidColumnName(CHECKSUM.to_owned()))?;
            Ok(sum_of(table, row, place))
        })?;
    transaction
        .prepare_cached(&format!("UPDATE {table} SET checksum = ? WHERE id = ?"))?
        .execute((sum, id))?;
    Ok(())
}

/// Checks a row of `SELECT * FROM table`; one without a checksum is taken as it is.
pub(crate) fn check(table: &str, row: &Row<'_>) -> rusqlite::Result<()> {
    match checksum_place(row.as_ref()) {
        Some(place) => check_at(table, row, place),
        None => Ok(()), // a file of a version before 3
    }
}

/// Checks a row that begins with all columns of `table` up to its checksum, which stands at `place`.
pub(crate) fn check_at(table: &str, row: &Row<'_>, place: usize) -> rusqlite::Result<()> {
    if is(row.get_ref(place)?, || sum_of(table, row, place)) {
        return Ok(());
    }
    Err(mismatch(table, values_of(row, place), place))
}

/// Returns the first `N` values of a row of `SELECT * FROM table`, which are all but its checksum,
/// each read once, and checks them; `place` is where the checksum stands.
pub(crate) fn values<'a, const N: usize>(
    table: &str,
    row: &'a Row<'_>,
    place: Option<usize>,
) -> rusqlite::Result<[ValueRef<'a>; N]> {
    let mut values = [ValueRef::Null; N];
    for (column, value) in values.iter_mut().enumerate() {
        *value = row.get_ref(column)?;
    }
    let Some(place) = place else { return Ok(values) }; // a file of a version before 3
    let summed = Summed::begun(table, &values);
    summed.check(table, row.get_ref(place)?, &values)?;
    Ok(values)
}

fn mismatch<'a>(
    table: &str,
    values: impl IntoIterator<Item = ValueRef<'a>>,
    place: usize,
) -> rusqlite::Error {
    let mismatch = Mismatch(named(table, values));
    rusqlite::Error::FromSqlConversionFailure(place, Type::Integer, Box::new(mismatch))
}

/// Returns where a table's column `checksum` stands, `None` if it has none.
pub(crate) fn checksum_place(statement: &Statement<'_>) -> Option<usize> {
    statement.column_index(CHECKSUM).ok()
}

fn sum_of(table: &str, row: &Row<'_>, columns: usize) -> u32 {
    sum(table, values_of(row, columns))
}

/// Returns the values of the first columns; a place the row does not have would make its sum differ.
fn values_of<'a>(row: &'a Row<'_>, columns: usize) -> impl Iterator<Item = ValueRef<'a>> {
    (0..columns).map(|place| row.get_ref(place).unwrap_or(ValueRef::Null))
}

/// Returns how a row is called: its table and its key.
fn named<'a>(table: &str, values: impl IntoIterator<Item = ValueRef<'a>>) -> String {
    let columns = TABLES.iter().find(|(name, _)| *name == table).map_or(1, |(_, columns)| *columns);
    let mut name = table.to_owned();
    for value in values.into_iter().take(columns) {
        name += &match value {
            ValueRef::Integer(number) => format!(" {number}"),
            _ => " ?".to_owned(),
        };
    }
    name
}

/// Adds what is wrong with rows of all tables, whether anything refers to them or not.
pub(crate) fn problems(
    connection: &Connection,
    problems: &mut Vec<String>,
) -> rusqlite::Result<()> {
    for (table, _) in TABLES {
        let there: bool = connection.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?",
            [table],
            |row| row.get(0),
        )?;
        if !there {
            continue; // a file of a version before 3
        }
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
        let Some(place) = checksum_place(&statement) else { continue };
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match check_at(table, row, place) {
                Err(rusqlite::Error::FromSqlConversionFailure(.., what)) => {
                    problems.push(what.to_string());
                }
                other => other?,
            }
        }
    }
    Ok(())
}

pub(crate) fn wrong(place: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(place, Type::Text, what.into())
}

/// The error of what is stored and cannot be read.
pub(crate) fn damaged(what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_are_summed_alike() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        let rows: [&[ValueRef<'_>]; 8] = [
            &[text("ab"), text("c")],
            &[text("a"), text("bc")],
            &[text("abc"), ValueRef::Null],
            &[ValueRef::Null, text("abc")],
            &[ValueRef::Blob(b"ab"), text("c")],
            &[ValueRef::Integer(0), ValueRef::Null],
            &[ValueRef::Integer(0)],
            &[],
        ];
        let sums: std::collections::HashSet<_> = rows
            .iter()
            .flat_map(|row| ["mark", "region", "region_type"].map(|table| (table, row)))
            .map(|(table, row)| sum(table, row.iter().copied()))
            .collect();
        assert_eq!(sums.len(), rows.len() * 3);
    }

    /// What files hold: a sum defined otherwise would make all of them seem damaged.
    #[test]
    fn the_sum_never_changes() {
        let row = [ValueRef::Integer(-2), ValueRef::Null, ValueRef::Text("é".as_bytes())];
        assert_eq!(sum("mark", row), 0x2be6_c8b4);
    }
}

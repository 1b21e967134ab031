//! Rows as they are written, with their checksums.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use crate::codec::crc32::Crc;
use crate::db::row_checksum::{USUAL_BYTES, put_value};

/// Writes a row of `table`, whose last column is `checksum`; `values` are all others, in their order.
pub(crate) fn row(
    transaction: &Connection,
    table: &'static str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<()> {
    Insert::new(transaction, table, values.len())?.row(values)
}

/// Writes many rows of a table.
pub(crate) struct Insert<'a> {
    statement: CachedStatement<'a>,
    table: &'static str,
    /// What the row at hand is summed over.
    bytes: Vec<u8>,
}

impl<'a> Insert<'a> {
    /// Makes ready for rows of `table`, whose last column is `checksum`, after so many others.
    pub(crate) fn new(
        transaction: &'a Connection,
        table: &'static str,
        columns: usize,
    ) -> rusqlite::Result<Self> {
        let sql = format!("INSERT INTO {table} VALUES ({}?)", "?, ".repeat(columns));
        let statement = transaction.prepare_cached(&sql)?;
        Ok(Self { statement, table, bytes: Vec::with_capacity(USUAL_BYTES) })
    }

    /// Writes a row; `values` are those of all columns but `checksum`, in their order.
    pub(crate) fn row(&mut self, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
        self.bytes.clear();
        self.bytes.extend_from_slice(self.table.as_bytes());
        for (place, value) in values.iter().enumerate() {
            let bound = value.to_sql()?;
            put_value(&mut self.bytes, plain(&bound)?);
            self.statement.raw_bind_parameter(place + 1, bound)?;
        }
        self.statement.raw_bind_parameter(values.len() + 1, Crc::new().and(&self.bytes).sum())?;
        self.statement.raw_execute()?;
        Ok(())
    }
}

fn plain<'a>(bound: &'a ToSqlOutput<'_>) -> rusqlite::Result<ValueRef<'a>> {
    match bound {
        ToSqlOutput::Borrowed(value) => Ok(*value),
        ToSqlOutput::Owned(value) => Ok(value.into()),
        _ => Err(rusqlite::Error::ToSqlConversionFailure("not a plain value".into())),
    }
}

/// Returns the id that the next row of `table` gets, as SQLite would choose it.
pub(crate) fn next_id(transaction: &Connection, table: &str) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(&format!("SELECT coalesce(max(id), 0) + 1 FROM {table}"))?
        .query_row([], |row| row.get(0))
}

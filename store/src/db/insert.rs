//! Writes rows with their checksums.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use crate::codec::crc32::Crc;
use crate::db::columns::Table;
use crate::db::row_checksum::{USUAL_BYTES, put_value};

/// Writes a row of `table`; `values` are those of its columns.
pub(crate) fn row(
    transaction: &Connection,
    table: &'static Table,
    values: &[&dyn ToSql],
) -> rusqlite::Result<()> {
    Insert::new(transaction, table)?.row(values)
}

/// Writes many rows of a table.
pub(crate) struct Insert<'a> {
    statement: CachedStatement<'a>,
    table: &'static Table,
    /// The bytes of the current row that its checksum covers.
    bytes: Vec<u8>,
}

impl<'a> Insert<'a> {
    /// Prepares for rows of `table`.
    pub(crate) fn new(
        transaction: &'a Connection,
        table: &'static Table,
    ) -> rusqlite::Result<Self> {
        let values = "?, ".repeat(table.columns.len());
        let sql = format!("INSERT INTO {} ({}) VALUES ({values}?)", table.name, table.list());
        let statement = transaction.prepare_cached(&sql)?;
        Ok(Self { statement, table, bytes: Vec::with_capacity(USUAL_BYTES) })
    }

    /// Writes a row; `values` are those of the table's columns, in their order.
    pub(crate) fn row(&mut self, values: &[&dyn ToSql]) -> rusqlite::Result<()> {
        self.bytes.clear();
        self.bytes.extend_from_slice(self.table.name.as_bytes());
        let mut summed = self.bytes.len();
        for (index, value) in values.iter().enumerate() {
            let bound = value.to_sql()?;
            let plain = plain(&bound)?;
            put_value(&mut self.bytes, plain);
            if plain != ValueRef::Null {
                summed = self.bytes.len();
            }
            self.statement.raw_bind_parameter(index + 1, bound)?;
        }
        let sum = Crc::new().and(&self.bytes[..summed]).sum();
        self.statement.raw_bind_parameter(values.len() + 1, sum)?;
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
pub(crate) fn next_id(transaction: &Connection, table: &Table) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(&format!("SELECT coalesce(max(id), 0) + 1 FROM {}", table.name))?
        .query_row([], |row| row.get(0))
}

/// Returns an id for a row of `table` that no other row has or had.
pub(crate) fn unused_id(transaction: &Connection, table: &Table) -> rusqlite::Result<i64> {
    let sql = format!(
        "SELECT 1 + max(coalesce((SELECT max(id) FROM {0}), 0), \
                        coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{0}'), 0))",
        table.name
    );
    transaction.query_row(&sql, [], |row| row.get(0))
}

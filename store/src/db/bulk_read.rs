//! Reads thousands of rows at once: SQLite packs them into one blob, which
//! takes a fraction of the time of fetching each row.
//!
//! The aggregate `packed(a, b, …, checksum)` concatenates all rows, each value
//! as [`crate::db::row_checksum`] sums it. So the checksum of a row covers
//! exactly its packed bytes.

use std::cell::RefCell;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Null, ValueRef};
use rusqlite::{Connection, Params};

use crate::db::columns::Table;
use crate::db::row_checksum;
use crate::db::row_checksum::{Summed, damaged};

/// The most bytes of rows read at once: a million kinds of regions with names of some length.
const MAX_PACKED_BYTES: usize = 128 << 20;

thread_local! {
    /// The last packed rows: as an SQLite value they would be copied. SQLite calls functions on the
    /// thread that runs their statement.
    static PACKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Registers `packed` with a connection.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_aggregate_function("packed", -1, flags, Pack)
}

struct Pack;

impl Aggregate<(), Null> for Pack {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<()> {
        Ok(())
    }

    fn step(&self, context: &mut Context<'_>, (): &mut ()) -> rusqlite::Result<()> {
        PACKED.with_borrow_mut(|bytes| {
            (0..context.len())
                .for_each(|index| row_checksum::put_value(bytes, context.get_raw(index)));
            if bytes.len() > MAX_PACKED_BYTES {
                let what =
                    format!("rows of more than {MAX_PACKED_BYTES} bytes, which there cannot be");
                return Err(rusqlite::Error::UserFunctionError(what.into()));
            }
            Ok(())
        })
    }

    fn finalize(&self, _: &mut Context<'_>, _: Option<()>) -> rusqlite::Result<Null> {
        Ok(Null)
    }
}

/// Checks each row of `table` that the statement `sql` packs and calls `visit` with its values, in
/// the order of the statement, which runs once for each of `parameters`.
///
/// `sql` packs the [list](Table::list) of the table.
pub(crate) fn each<const N: usize>(
    connection: &Connection,
    table: &Table,
    sql: &str,
    parameters: impl IntoIterator<Item: Params>,
    mut visit: impl FnMut(&[ValueRef<'_>; N]) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    PACKED.with_borrow_mut(Vec::clear);
    for parameters in parameters {
        statement.query_row(parameters, |_| Ok(()))?;
    }
    // Taken, so that `visit` may read other rows.
    let bytes = PACKED.take();
    let begun = Summed::begun(table, &[]);
    let mut values = [ValueRef::Null; N];
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let row = rest;
        let mut summed = 0;
        for value in &mut values {
            *value = row_checksum::take_value(&mut rest).ok_or_else(|| cut(table))?;
            if *value != ValueRef::Null {
                summed = row.len() - rest.len();
            }
        }
        let sum = begun.and(&row[..summed]);
        let checksum = row_checksum::take_value(&mut rest).ok_or_else(|| cut(table))?;
        sum.check(table, checksum, &values)?;
        visit(&values)?;
    }
    PACKED.set(bytes);
    Ok(())
}

/// The error for a value that vmrec never stores.
fn cut(table: &Table) -> rusqlite::Error {
    damaged(format!("rows of {} cannot be separated", table.name))
}

//! Rows by the thousand at once: SQLite packs them itself, and reading one from there takes a
//! fraction of what fetching it would.
//!
//! The aggregate `packed(a, b, …, checksum)` puts all rows one after another, each value as
//! [`crate::db::row_checksum`] sums it. So the bytes of a row are those that its checksum is of.

use std::cell::RefCell;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Null, ValueRef};
use rusqlite::{Connection, Params};

use crate::db::columns::Table;
use crate::db::row_checksum;
use crate::db::row_checksum::{Summed, damaged};

thread_local! {
    /// What was packed last: as a value of SQLite's it would be copied. SQLite calls functions on
    /// the thread that runs their statement.
    static PACKED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lets the statements of a connection call `packed`.
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
        });
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, _: Option<()>) -> rusqlite::Result<Null> {
        Ok(Null)
    }
}

/// Calls `visit` with the values of each row of `table` that the statement `sql` packs, in the order
/// it comes across them, once they match their checksum. It is run with all `parameters` in turn.
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
    // Taken out, so that `visit` may read other rows.
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

/// The error of a value that is none of ours.
fn cut(table: &Table) -> rusqlite::Error {
    damaged(format!("rows of {} cannot be told apart", table.name))
}

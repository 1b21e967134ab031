//! The tables of call stacks and of their pages that are present.

use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension, params};
use vmrec_sampler::{StackFrame, StackNode, StackTick};

use crate::codec::crc32::checksum_of;
use crate::codec::live_stacks::{LiveStacks, decode, encode};
use crate::db::columns::STACK;
use crate::db::insert::Insert;
use crate::db::integer::{from_column, limit_to_column, to_column};
use crate::db::row_checksum;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::tables::numbered;

/// The kind of data in the checksum.
const WHAT: &str = "stack_live";

/// Writes the stacks of sample `number`.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    tick: &StackTick,
) -> rusqlite::Result<usize> {
    let mut insert = Insert::new(transaction, &STACK)?;
    for StackNode { id, parent, frame } in &tick.nodes {
        let offset = frame.offset.map(to_column);
        insert.row(params![recording.0, id, parent, frame.function, frame.module, offset])?;
    }
    let data = encode(&tick.counts, &tick.live, &tick.blocks);
    let data = data.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let sum = checksum_of(recording.0, number, WHAT, &data);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO stack_live (recording, number, checksum, data) VALUES (?, ?, ?, ?)",
        )?
        .execute(params![recording.0, to_column(number), sum, data])?;
    Ok(data.len())
}

/// Returns the stacks that were present at sample `number`, if any were recorded; the inner error
/// describes their damage.
pub(crate) fn read(
    connection: &Connection,
    recording: RecordingId,
    number: u64,
) -> rusqlite::Result<Option<Result<LiveStacks, String>>> {
    connection
        .prepare_cached(
            "SELECT number, checksum, data FROM stack_live WHERE recording = ? AND number <= ? \
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![recording.0, limit_to_column(number)], |row| {
            Ok(decoded(recording.0, row.get(0)?, row.get(1)?, row.get_ref(2)?.as_blob()?))
        })
        .optional()
}

/// Calls `each` with the stacks that are good for samples from `from` to `to`, in their order, and the
/// first sample that they are good for; the inner error describes their damage.
pub(crate) fn read_between(
    connection: &Connection,
    recording: RecordingId,
    [from, to]: [u64; 2],
    mut each: impl FnMut(u64, LiveStacks),
) -> rusqlite::Result<Result<(), String>> {
    let mut statement = connection.prepare_cached(
        "SELECT number, checksum, data FROM stack_live WHERE recording = ?1 AND number <= ?3 \
         AND number >= coalesce((SELECT max(number) FROM stack_live \
         WHERE recording = ?1 AND number <= ?2), 0) ORDER BY number",
    )?;
    let mut rows =
        statement.query(params![recording.0, limit_to_column(from), limit_to_column(to)])?;
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        match decoded(recording.0, number, row.get(1)?, row.get_ref(2)?.as_blob()?) {
            Ok(live) => each(from_column(number), live),
            Err(damage) => return Ok(Err(damage)),
        }
    }
    Ok(Ok(()))
}

fn decoded(recording: i64, number: i64, sum: u32, data: &[u8]) -> Result<LiveStacks, String> {
    let at = || format!("recording {recording}: the stacks of sample {}", from_column(number));
    if checksum_of(recording, from_column(number), WHAT, data) != sum {
        return Err(format!("{} do not match their checksum", at()));
    }
    decode(data).map_err(|malformed| format!("{} cannot be decoded: {}", at(), malformed.0))
}

/// Returns all stacks of a recording, in the order of their numbers.
pub(crate) fn nodes(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<Vec<StackNode>> {
    let sql = format!("SELECT {} FROM stack WHERE recording = ? ORDER BY node", STACK.list());
    connection
        .prepare_cached(&sql)?
        .query_map([recording.0], |row| {
            row_checksum::check(&STACK, row)?;
            Ok(StackNode {
                id: row.get(1)?,
                parent: row.get(2)?,
                frame: StackFrame {
                    function: row.get(3)?,
                    module: row.get(4)?,
                    offset: row.get::<_, Option<i64>>(5)?.map(from_column),
                },
            })
        })?
        .collect()
}

/// Deletes some of the rows that no sample from `number` on needs; returns how many.
pub(crate) fn drop_before(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    max: u32,
) -> rusqlite::Result<usize> {
    transaction
        .prepare_cached(
            "DELETE FROM stack_live WHERE recording = ?1 AND number IN (SELECT number FROM stack_live \
             WHERE recording = ?1 AND number < (SELECT max(number) FROM stack_live \
             WHERE recording = ?1 AND number <= ?2) ORDER BY number LIMIT ?3)",
        )?
        .execute(params![recording.0, limit_to_column(number), max])
}

/// Deletes some of the rows in `range` that neither samples `left` there nor any outside need; returns
/// how many.
pub(crate) fn drop_between(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    range: &RangeInclusive<u64>,
    left: &[u64],
    max: usize,
) -> rusqlite::Result<usize> {
    let rows = numbered::within(transaction, "stack_live", recording, range)?;
    let needed = numbered::in_force(&rows, left);
    numbered::delete(transaction, "stack_live", recording, &rows, &needed, max)
}

/// Adds the damaged rows of all recordings to `problems`.
pub(crate) fn problems(
    connection: &Connection,
    problems: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "SELECT recording, number, checksum, data FROM stack_live ORDER BY recording, number",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let data = row.get_ref(3)?.as_blob()?;
        problems.extend(decoded(row.get(0)?, row.get(1)?, row.get(2)?, data).err());
    }
    Ok(())
}

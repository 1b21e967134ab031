//! Deletes the rows that depend on deleted samples: evidence, stacks, images and, finally,
//! the recording itself.

use rusqlite::{OptionalExtension, params};

use crate::db::columns::RECORDING;
use crate::db::row_checksum;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::retention::evidence_gaps;
use crate::retention::policy::BATCH;
use crate::retention::reduce::Left;
use crate::tables::{evidence, images, live_stacks, rollup_row};

/// Deletes some evidence, live stacks and images older than sample `first`; returns the number of deleted rows.
pub(crate) fn trail(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    first: u64,
) -> rusqlite::Result<usize> {
    let mut rows = evidence::drop_before(transaction, recording, first, BATCH)?;
    rows += images::drop_before(transaction, recording, first, BATCH)?;
    Ok(rows + live_stacks::drop_before(transaction, recording, first, BATCH)?)
}

/// Deletes some evidence, live stacks and images that only deleted samples near those `left` needed; returns
/// the number of deleted rows.
pub(crate) fn between(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    left: &Left,
) -> rusqlite::Result<usize> {
    let max = BATCH as usize;
    let mut rows = evidence_gaps::delete(transaction, recording, left, max)?;
    let Left { range, samples } = left;
    rows += images::drop_between(transaction, recording, range, samples, max)?;
    Ok(rows + live_stacks::drop_between(transaction, recording, range, samples, max)?)
}

/// Deletes some rows of a recording without samples, and finally the recording; returns whether the
/// recording was deleted.
pub(crate) fn delete(
    transaction: &Transaction<'_>,
    recording: RecordingId,
) -> rusqlite::Result<bool> {
    const IN_BATCHES: [&str; 4] = [
        "DELETE FROM latest_row WHERE id IN \
         (SELECT id FROM latest_row WHERE recording = ? LIMIT ?)",
        "DELETE FROM evidence WHERE rowid IN \
         (SELECT rowid FROM evidence WHERE recording = ? ORDER BY number DESC LIMIT ?)",
        "DELETE FROM stack_live WHERE rowid IN \
         (SELECT rowid FROM stack_live WHERE recording = ? LIMIT ?)",
        "DELETE FROM stack WHERE rowid IN \
         (SELECT rowid FROM stack WHERE recording = ? LIMIT ?)",
    ];
    for batch in IN_BATCHES {
        let rows = transaction.prepare_cached(batch)?.execute(params![recording.0, BATCH])?;
        if rows == BATCH as usize {
            return Ok(false);
        }
    }
    if images::drop_all(transaction, recording, BATCH)? == BATCH as usize {
        return Ok(false);
    }
    rollup_row::delete(transaction, "SELECT id FROM chunk WHERE recording = ?1", [recording.0])?;
    for table in ["argument", "mark", "heap_report", "chunk"] {
        transaction
            .prepare_cached(&format!("DELETE FROM {table} WHERE recording = ?"))?
            .execute([recording.0])?;
    }
    let children: Vec<i64> = transaction
        .prepare_cached("SELECT id FROM recording WHERE parent = ?")?
        .query_map([recording.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for child in children {
        row_checksum::update(transaction, &RECORDING, child, || {
            transaction.execute("UPDATE recording SET parent = NULL WHERE id = ?", [child])
        })?;
    }
    let session: Option<i64> = transaction
        .prepare_cached("DELETE FROM recording WHERE id = ? RETURNING session")?
        .query_row([recording.0], |row| row.get(0))
        .optional()?;
    transaction
        .prepare_cached(
            "DELETE FROM session WHERE id = ?1 \
             AND NOT EXISTS (SELECT 1 FROM recording WHERE session = ?1)",
        )?
        .execute([session])?;
    Ok(true)
}

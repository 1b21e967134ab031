//! What goes with the samples: evidence, rollups and, at last, the recording itself.

use rusqlite::params;
use vmrec_sampler::Timestamp;

use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::retention::policy::BATCH;
use crate::tables::rollup::{HOUR_S, MINUTE_S};
use crate::tables::{evidence, rollup};

const OLD_MINUTES: &str = "DELETE FROM rollup_row WHERE (recording, span_s, place, type, quantities) IN \
     (SELECT recording, span_s, place, type, quantities FROM rollup_row \
      WHERE recording = ?1 AND span_s = 60 AND place < ?2 AND place + run <= ?2 LIMIT ?3)";
const OLD_HOURS: &str = "DELETE FROM rollup_hour_row WHERE (recording, place, type) IN \
     (SELECT recording, place, type FROM rollup_hour_row \
      WHERE recording = ?1 AND place < ?2 LIMIT ?3)";

/// Deletes some evidence and rollups that are older than the first sample; returns how many rows went.
pub(crate) fn trail(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    begun: Timestamp,
    (number, taken): (u64, Timestamp),
) -> rusqlite::Result<usize> {
    let mut rows = evidence::drop_before(transaction, recording, number, BATCH)?;
    let place = |span_s| rollup::place(begun, taken, span_s);
    for (sql, place) in [(OLD_MINUTES, place(MINUTE_S)), (OLD_HOURS, place(HOUR_S))] {
        rows += transaction.prepare_cached(sql)?.execute(params![recording.0, place, BATCH])?;
    }
    Ok(rows)
}

/// Deletes some of what belongs to a recording without samples, and at last the recording;
/// returns whether that is gone.
pub(crate) fn delete(
    transaction: &Transaction<'_>,
    recording: RecordingId,
) -> rusqlite::Result<bool> {
    const IN_BATCHES: [&str; 6] = [
        "DELETE FROM latest_row WHERE region IN (SELECT l.region FROM latest_row AS l \
         JOIN region AS r ON r.id = l.region WHERE r.recording = ? LIMIT ?)",
        "DELETE FROM evidence WHERE rowid IN \
         (SELECT rowid FROM evidence WHERE recording = ? ORDER BY number DESC LIMIT ?)",
        "DELETE FROM rollup_row WHERE (recording, span_s, place, type, quantities) IN \
         (SELECT recording, span_s, place, type, quantities FROM rollup_row WHERE recording = ? LIMIT ?)",
        "DELETE FROM rollup_hour_row WHERE (recording, place, type) IN \
         (SELECT recording, place, type FROM rollup_hour_row WHERE recording = ? LIMIT ?)",
        "DELETE FROM region WHERE id IN (SELECT id FROM region WHERE recording = ? LIMIT ?)",
        "DELETE FROM region_kind WHERE id IN \
         (SELECT id FROM region_kind WHERE recording = ? LIMIT ?)",
    ];
    for batch in IN_BATCHES {
        let rows = transaction.prepare_cached(batch)?.execute(params![recording.0, BATCH])?;
        if rows == BATCH as usize {
            return Ok(false);
        }
    }
    for table in ["argument", "mark", "chunk"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE recording = ?"), [recording.0])?;
    }
    transaction.execute("DELETE FROM recording WHERE id = ?", [recording.0])?;
    Ok(true)
}

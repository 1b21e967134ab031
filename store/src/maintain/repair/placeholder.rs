//! Writes placeholder rows for lost recordings and sessions that other rows
//! refer to.

use rusqlite::types::Null;
use rusqlite::{OptionalExtension, params};

use crate::db::columns::{RECORDING, SESSION};
use crate::db::insert;
use crate::db::integer::to_column;
use crate::db::transaction::Transaction;
use crate::recording::RecordingId;
use crate::tables::sample::next_number;

/// Writes a row for a recording of which only samples, marks or evidence are left. Its session gets
/// the same number, unless another one has it.
pub(crate) fn recording(new: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    let (begun, ended) = (moment(new, id, "first")?, moment(new, id, "last")?);
    let last = to_column(next_number(new, RecordingId(id))? - 1);
    let session: i64 = new.query_row(
        "SELECT 1 + max(coalesce((SELECT max(session) FROM recording), 0), \
                        coalesce((SELECT max(id) FROM session), 0))",
        [],
        |row| row.get(0),
    )?;
    insert::row(
        new,
        &RECORDING,
        params![
            id,
            session,
            "recovered",
            Null,
            Null,
            Null,
            Null,
            Null,
            Null,
            0,
            Null,
            "lost",
            Null,
            begun.0.unwrap_or(0),
            begun.1.unwrap_or(0),
            ended.0.unwrap_or(0),
            ended.1.unwrap_or(0),
            "recorder lost",
            Null,
            Null,
            last,
        ],
    )
}

/// Writes a row for a session of which only recordings are left, with the interval of the first one.
pub(crate) fn session(new: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    let (recording, begun_utc_ns, begun_monotonic_ns): (i64, i64, i64) = new.query_row(
        "SELECT id, begun_utc_ns, begun_monotonic_ns FROM recording WHERE session = ? ORDER BY id",
        [id],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (begun, ended) = (moment(new, recording, "first")?, moment(new, recording, "last")?);
    let samples = to_column(next_number(new, RecordingId(recording))? - 1);
    let span = ended.1.unwrap_or(0).saturating_sub(begun.1.unwrap_or(0));
    let interval_ns = (span / samples.saturating_sub(1).max(1)).max(1);
    insert::row(
        new,
        &SESSION,
        params![
            id,
            "lost",
            interval_ns,
            "",
            "",
            "",
            "",
            "",
            4096,
            "",
            begun_utc_ns,
            begun_monotonic_ns,
        ],
    )
}

/// Returns the times, on both clocks, of the first or last sample of a recording.
fn moment(
    new: &Transaction<'_>,
    recording: i64,
    side: &str,
) -> rusqlite::Result<(Option<i64>, Option<i64>)> {
    let (of_chunk, order) = if side == "first" { ("begin", "ASC") } else { ("end", "DESC") };
    let sql = format!(
        "SELECT utc, mono FROM (SELECT number AS n, taken_utc_ns AS utc, taken_monotonic_ns AS mono \
           FROM sample WHERE recording = ?1 UNION ALL \
         SELECT {side}, {of_chunk}_utc_ns, {of_chunk}_monotonic_ns FROM chunk WHERE recording = ?1) \
         ORDER BY n {order} LIMIT 1"
    );
    let both = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    Ok(new.query_row(&sql, [recording], both).optional()?.unwrap_or_default())
}

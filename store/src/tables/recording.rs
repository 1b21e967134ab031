//! Rows of `recording`, `argument` and `mark`. A value no recorder writes is an error.

use rusqlite::{Connection, Row, params};
use vmrec_sampler::{Host, ProcessId, ProcessInfo, Timestamp};

use crate::db::integer::{from_column, to_column};
use crate::db::row_checksum::wrong;
use crate::db::transaction::Transaction;
use crate::db::{insert, row_checksum};
use crate::recording::{Mark, Recording, RecordingId, WhyEnded};
use crate::tables::sample::next_number;

/// Writes a recording that begins.
pub(crate) fn insert_recording(
    transaction: &Transaction<'_>,
    process: &ProcessInfo,
    host: &Host,
    name: Option<&str>,
    interval_ns: u64,
    begun: Timestamp,
) -> rusqlite::Result<RecordingId> {
    transaction.execute(
        "INSERT INTO recording (name, pid, start_ticks, boot_id, parent_pid, started_utc_ns, executable, \
         executable_deleted, short_name, user_id, host, os, kernel, architecture, page_size_bytes, \
         interval_ns, begun_utc_ns, begun_monotonic_ns) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            name,
            process.id.pid,
            to_column(process.id.start_ticks),
            process.id.boot_id,
            process.parent_pid,
            process.started_utc_ns,
            process.executable,
            process.executable_deleted,
            process.short_name,
            process.user_id,
            host.name,
            host.os,
            host.kernel,
            host.architecture,
            to_column(host.page_size_bytes),
            to_column(interval_ns),
            begun.utc_ns,
            to_column(begun.monotonic_ns),
        ],
    )?;
    let id = transaction.last_insert_rowid();
    row_checksum::seal(transaction, "recording", id)?;
    for (place, text) in process.arguments.iter().enumerate() {
        insert::row(transaction, "argument", params![id, to_column(place as u64), text])?;
    }
    Ok(RecordingId(id))
}

/// Writes that a recording ended.
pub(crate) fn end_recording(
    transaction: &Transaction<'_>,
    id: RecordingId,
    at: Timestamp,
    why: &WhyEnded,
) -> rusqlite::Result<()> {
    let (exit_status, failure) = match why {
        WhyEnded::TargetExited(status) => (*status, None),
        WhyEnded::Failed(text) => (None, Some(text)),
        _ => (None, None),
    };
    let last = to_column(next_number(transaction, id)? - 1);
    row_checksum::update(transaction, "recording", id.0, || {
        transaction.execute(
            "UPDATE recording SET ended_utc_ns = ?, ended_monotonic_ns = ?, why_ended = ?, \
             exit_status = ?, failure = ?, last_number = ? WHERE id = ?",
            params![
                at.utc_ns,
                to_column(at.monotonic_ns),
                word(why),
                exit_status,
                failure,
                last,
                id.0
            ],
        )
    })
}

/// Returns the recordings without an end.
pub(crate) fn without_end(connection: &Connection) -> rusqlite::Result<Vec<RecordingId>> {
    connection
        .prepare("SELECT id FROM recording WHERE why_ended IS NULL")?
        .query_map([], |row| row.get(0).map(RecordingId))?
        .collect()
}

/// Returns the word stored in the `why_ended` column.
pub(crate) const fn word(why: &WhyEnded) -> &'static str {
    match why {
        WhyEnded::Interrupted => "interrupted",
        WhyEnded::Finished => "finished",
        WhyEnded::TargetExited(_) => "target exited",
        WhyEnded::TargetReplaced => "target replaced",
        WhyEnded::RecorderLost => "recorder lost",
        WhyEnded::Failed(_) => "failed",
    }
}

/// Returns the recording of a row with every column of the table `recording`.
pub(crate) fn recording_from_row(
    connection: &Connection,
    row: &Row<'_>,
) -> rusqlite::Result<Recording> {
    row_checksum::check("recording", row)?;
    let id: i64 = row.get("id")?;
    let arguments = connection
        .prepare_cached("SELECT * FROM argument WHERE recording = ? ORDER BY place")?
        .query_map([id], |row| {
            row_checksum::check("argument", row)?;
            row.get("text")
        })?
        .collect::<rusqlite::Result<_>>()?;
    let ended: Option<i64> = row.get("ended_utc_ns")?;
    let ended_monotonic: Option<i64> = row.get("ended_monotonic_ns")?;
    Ok(Recording {
        id: RecordingId(id),
        process: ProcessInfo {
            id: ProcessId {
                pid: row.get("pid")?,
                start_ticks: from_column(row.get("start_ticks")?),
                boot_id: row.get("boot_id")?,
            },
            parent_pid: row.get("parent_pid")?,
            started_utc_ns: row.get("started_utc_ns")?,
            executable: row.get("executable")?,
            executable_deleted: row.get("executable_deleted")?,
            arguments,
            short_name: row.get("short_name")?,
            user_id: row.get("user_id")?,
        },
        host: Host {
            name: row.get("host")?,
            os: row.get("os")?,
            kernel: row.get("kernel")?,
            architecture: row.get("architecture")?,
            page_size_bytes: from_column(row.get("page_size_bytes")?),
        },
        name: row.get("name")?,
        interval_ns: from_column(row.get("interval_ns")?),
        begun: Timestamp {
            utc_ns: row.get("begun_utc_ns")?,
            monotonic_ns: from_column(row.get("begun_monotonic_ns")?),
        },
        ended: ended
            .zip(ended_monotonic)
            .map(|(utc_ns, monotonic)| Timestamp { utc_ns, monotonic_ns: from_column(monotonic) }),
        why_ended: why_ended(row)?,
    })
}

pub(crate) fn why_ended(row: &Row<'_>) -> rusqlite::Result<Option<WhyEnded>> {
    let Some(word) = row.get::<_, Option<String>>("why_ended")? else { return Ok(None) };
    Ok(Some(match word.as_str() {
        "interrupted" => WhyEnded::Interrupted,
        "finished" => WhyEnded::Finished,
        "target exited" => WhyEnded::TargetExited(row.get("exit_status")?),
        "target replaced" => WhyEnded::TargetReplaced,
        "recorder lost" => WhyEnded::RecorderLost,
        "failed" => WhyEnded::Failed(row.get("failure")?),
        _ => return Err(wrong(row.as_ref().column_index("why_ended")?, "an unknown end")),
    }))
}

/// Returns the mark of a row with every column of the table `mark`.
pub(crate) fn mark_from_row(row: &Row<'_>) -> rusqlite::Result<Mark> {
    row_checksum::check("mark", row)?;
    Ok(Mark { recording: RecordingId(row.get(1)?), utc_ns: row.get(2)?, text: row.get(3)? })
}

/// Returns the moment that ties the clocks of a recording together.
pub(crate) fn begun(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<Timestamp> {
    connection
        .prepare_cached("SELECT * FROM recording WHERE id = ?")?
        .query_row([recording.0], |row| Ok(recording_from_row(connection, row)?.begun))
}

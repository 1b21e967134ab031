//! Rows of `recording`, `argument` and `mark`. A value that no recorder writes
//! is an error.

use rusqlite::{Connection, OptionalExtension, Row, params};
use vmrec_sampler::{IMPORTED_BOOT, ProcessId, ProcessInfo, Timestamp};

use crate::db::columns::{ARGUMENT, MARK, RECORDING};
use crate::db::integer::{from_column, to_column};
use crate::db::row_checksum::wrong;
use crate::db::transaction::Transaction;
use crate::db::{insert, row_checksum};
use crate::recording::{Mark, Recording, RecordingId, SessionId, WhyEnded};
use crate::tables::sample::next_number;
use crate::tables::session;

/// Writes a new recording of `process`.
pub(crate) fn insert_recording(
    transaction: &Transaction<'_>,
    session: SessionId,
    process: &ProcessInfo,
    name: Option<&str>,
    begun: Timestamp,
) -> rusqlite::Result<RecordingId> {
    let id = insert::unused_id(transaction, &RECORDING)?;
    // A parent may have ended since, or have been recorded as another program before.
    let start_ticks = process.id.known_start_ticks().map(to_column);
    let parent: Option<i64> = transaction
        .prepare_cached(
            "SELECT id FROM recording WHERE session = ? AND pid = ? AND start_ticks <= ? \
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![session.0, process.parent_pid, start_ticks], |row| row.get(0))
        .optional()?;
    insert::row(
        transaction,
        &RECORDING,
        params![
            id,
            session.0,
            name,
            process.id.known_pid(),
            start_ticks,
            process.parent_pid,
            parent,
            process.started_utc_ns,
            process.executable,
            process.executable_deleted,
            process.architecture,
            process.short_name,
            process.user_id,
            begun.utc_ns,
            to_column(begun.monotonic_ns),
            None::<i64>,
            None::<i64>,
            None::<&str>,
            None::<i64>,
            None::<&str>,
            None::<i64>,
        ],
    )?;
    for (position, text) in process.arguments.iter().enumerate() {
        insert::row(transaction, &ARGUMENT, params![id, to_column(position as u64), text])?;
    }
    Ok(RecordingId(id))
}

/// Writes the end of a recording.
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
    row_checksum::update(transaction, &RECORDING, id.0, || {
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

/// Returns the number of the last sample that a recording stored when it ended.
pub(crate) fn last_number(
    connection: &Connection,
    id: RecordingId,
) -> rusqlite::Result<Option<u64>> {
    connection
        .prepare_cached("SELECT last_number FROM recording WHERE id = ?")?
        .query_row([id.0], |row| Ok(row.get::<_, Option<i64>>(0)?.map(from_column)))
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

/// Returns the statement that reads the recording with the id ?1.
pub(crate) fn by_id() -> String {
    format!("SELECT {} FROM recording WHERE id = ?", RECORDING.list())
}

/// Returns the recording of a row of the table's list.
pub(crate) fn recording_from_row(
    connection: &Connection,
    row: &Row<'_>,
) -> rusqlite::Result<Recording> {
    row_checksum::check(&RECORDING, row)?;
    let id: i64 = row.get("id")?;
    let arguments = connection
        .prepare_cached(&format!(
            "SELECT {} FROM argument WHERE recording = ? ORDER BY position",
            ARGUMENT.list()
        ))?
        .query_map([id], |row| {
            row_checksum::check(&ARGUMENT, row)?;
            row.get("text")
        })?
        .collect::<rusqlite::Result<_>>()?;
    let session = session::by_id(connection, SessionId(row.get("session")?))?;
    let ended: Option<i64> = row.get("ended_utc_ns")?;
    let ended_monotonic: Option<i64> = row.get("ended_monotonic_ns")?;
    let is_imported = session.boot_id == IMPORTED_BOOT;
    Ok(Recording {
        id: RecordingId(id),
        session: session.id,
        imported_from: is_imported.then_some(session.targets),
        process: ProcessInfo {
            id: ProcessId {
                pid: row.get::<_, Option<u32>>("pid")?.unwrap_or(0),
                start_ticks: row.get::<_, Option<i64>>("start_ticks")?.map_or(0, from_column),
                boot_id: session.boot_id,
            },
            parent_pid: row.get("parent_pid")?,
            started_utc_ns: row.get("started_utc_ns")?,
            executable: row.get("executable")?,
            executable_deleted: row.get("executable_deleted")?,
            architecture: row.get("architecture")?,
            arguments,
            short_name: row.get("short_name")?,
            user_id: row.get("user_id")?,
        },
        host: session.host,
        name: row.get("name")?,
        interval_ns: session.interval_ns,
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
    row_checksum::check(&MARK, row)?;
    Ok(Mark { recording: RecordingId(row.get(1)?), utc_ns: row.get(2)?, text: row.get(3)? })
}

/// Returns whether there is such a recording.
pub(crate) fn exists(connection: &Connection, recording: RecordingId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM recording WHERE id = ?)")?
        .query_row([recording.0], |row| row.get(0))
}

/// Returns the start of a recording, which ties its clocks together.
pub(crate) fn begun(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<Timestamp> {
    connection
        .prepare_cached(&by_id())?
        .query_row([recording.0], |row| Ok(recording_from_row(connection, row)?.begun))
}

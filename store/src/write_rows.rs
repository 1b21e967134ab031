//! The statements that write rows of recordings and samples.

use rusqlite::{Connection, OptionalExtension, params};
use vmrec_sampler::{Host, ProcessInfo, Timestamp};

use crate::address::{from_column, to_column};
use crate::checked;
use crate::chunk_rows;
use crate::frame::Frame;
use crate::insert;
use crate::read_rows::{self, SAMPLE_COLUMNS};
use crate::recording::{RecordingId, Sample, SampleState, WhyEnded};
use crate::settle;
use crate::transaction::Transaction;

/// Writes a recording that begins.
pub(crate) fn recording(
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
    checked::seal(transaction, "recording", id)?;
    for (place, text) in process.arguments.iter().enumerate() {
        insert::row(transaction, "argument", params![id, to_column(place as u64), text])?;
    }
    Ok(RecordingId(id))
}

/// Writes that a recording ended.
pub(crate) fn end(
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
    checked::update(transaction, "recording", id.0, || {
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

/// Writes that a recording lost its recorder, at its last sample or else as it began.
pub(crate) fn end_lost(transaction: &Transaction<'_>, id: RecordingId) -> rusqlite::Result<()> {
    let last = next_number(transaction, id)? - 1;
    let row = transaction
        .prepare_cached(&format!(
            "SELECT {SAMPLE_COLUMNS} FROM sample AS s WHERE s.recording = ? AND s.number = ?"
        ))?
        .query_row(params![id.0, to_column(last)], |row| Ok(read_rows::sample(row)?.taken))
        .optional()?;
    let at = match row {
        Some(taken) => taken,
        None => match chunk_rows::last(transaction, id)?.and_then(|chunk| chunk.head.span) {
            Some((_, taken)) => taken,
            None => settle::begun(transaction, id)?,
        },
    };
    end(transaction, id, at, &WhyEnded::RecorderLost)
}

/// Returns the number the next sample of `recording` gets.
pub(crate) fn next_number(
    transaction: &Transaction<'_>,
    recording: RecordingId,
) -> rusqlite::Result<u64> {
    transaction.query_row(
        "SELECT 1 + max(coalesce((SELECT max(number) FROM sample WHERE recording = ?1), 0), \
                        coalesce((SELECT max(last) FROM chunk WHERE recording = ?1), 0))",
        [recording.0],
        |row| row.get(0).map(from_column),
    )
}

/// Writes the row of a sample with the id `id`, or else the next one, and returns its id.
pub(crate) fn sample(
    transaction: &Transaction<'_>,
    id: Option<i64>,
    recording: RecordingId,
    sample: &Sample,
) -> rusqlite::Result<i64> {
    let (state, reason, missed_ticks) = match &sample.state {
        SampleState::Complete => ("complete", None, None),
        SampleState::Torn(reason) => ("torn", Some(reason), None),
        SampleState::Missed { ticks, reason } => ("missed", Some(reason), Some(*ticks)),
    };
    let totals = &sample.totals;
    let id = match id {
        Some(id) => id,
        None => insert::next_id(transaction, "sample")?,
    };
    insert::row(
        transaction,
        "sample",
        params![
            id,
            recording.0,
            to_column(sample.number),
            sample.taken.utc_ns,
            to_column(sample.taken.monotonic_ns),
            state,
            reason,
            missed_ticks.map(to_column),
            to_column(sample.cost.cpu_ns),
            to_column(sample.cost.wall_ns),
            sample.regions.map(to_column),
            totals.virtual_bytes.map(to_column),
            totals.resident_bytes.map(to_column),
            totals.peak_resident_bytes.map(to_column),
            totals.anonymous_resident_bytes.map(to_column),
            totals.file_resident_bytes.map(to_column),
            totals.shmem_resident_bytes.map(to_column),
            totals.swapped_bytes.map(to_column),
            totals.page_table_bytes.map(to_column),
            totals.footprint_bytes.map(to_column),
            totals.threads.map(to_column),
            totals.minor_faults.map(to_column),
            totals.major_faults.map(to_column),
            totals.cpu_ns.map(to_column),
        ],
    )?;
    Ok(id)
}

/// Writes the frame of the sample with the id `sample`.
pub(crate) fn frame(
    transaction: &Transaction<'_>,
    sample: i64,
    frame: &Frame,
    checksum: u32,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT INTO frame (sample, kind, checksum, data) VALUES (?, ?, ?, ?)")?
        .execute(params![sample, frame.kind.name(), checksum, frame.data])?;
    Ok(())
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

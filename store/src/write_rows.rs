//! The statements that write rows of recordings and samples.

use rusqlite::{Transaction, params};
use vmrec_sampler::{Consistency, Host, ProcessInfo, Snapshot, Timestamp};

use crate::address::{from_column, to_column};
use crate::frame::Frame;
use crate::recording::{RecordingId, WhyEnded};

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
    let mut insert =
        transaction.prepare("INSERT INTO argument (recording, place, text) VALUES (?, ?, ?)")?;
    for (place, text) in process.arguments.iter().enumerate() {
        insert.execute(params![id, to_column(place as u64), text])?;
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
    transaction.execute(
        "UPDATE recording SET ended_utc_ns = ?, ended_monotonic_ns = ?, why_ended = ?, \
         exit_status = ?, failure = ? WHERE id = ?",
        params![at.utc_ns, to_column(at.monotonic_ns), word(why), exit_status, failure, id.0],
    )?;
    Ok(())
}

/// Writes that recordings without an end lost their recorder, at their last sample or else as they began.
pub(crate) fn end_lost(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE recording SET why_ended = ?, \
         ended_utc_ns = coalesce((SELECT taken_utc_ns FROM sample \
           WHERE sample.recording = recording.id ORDER BY number DESC LIMIT 1), begun_utc_ns), \
         ended_monotonic_ns = coalesce((SELECT taken_monotonic_ns FROM sample \
           WHERE sample.recording = recording.id ORDER BY number DESC LIMIT 1), begun_monotonic_ns) \
         WHERE why_ended IS NULL",
        [word(&WhyEnded::RecorderLost)],
    )?;
    Ok(())
}

/// Returns the number the next sample of `recording` gets.
pub(crate) fn next_number(
    transaction: &Transaction<'_>,
    recording: RecordingId,
) -> rusqlite::Result<u64> {
    transaction.query_row(
        "SELECT coalesce(max(number), 0) + 1 FROM sample WHERE recording = ?",
        [recording.0],
        |row| row.get(0).map(from_column),
    )
}

/// Writes the row of a sample that was taken, and returns its id.
pub(crate) fn taken(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    snapshot: &Snapshot,
) -> rusqlite::Result<i64> {
    let (state, reason) = match &snapshot.consistency {
        Consistency::Complete => ("complete", None),
        Consistency::Torn(reason) => ("torn", Some(reason)),
    };
    let totals = &snapshot.totals;
    transaction
        .prepare_cached(
            "INSERT INTO sample (recording, number, taken_utc_ns, taken_monotonic_ns, state, reason, \
             cost_cpu_ns, cost_wall_ns, regions, virtual_bytes, resident_bytes, peak_resident_bytes, \
             anonymous_resident_bytes, file_resident_bytes, shmem_resident_bytes, swapped_bytes, \
             page_table_bytes, footprint_bytes, threads, minor_faults, major_faults, cpu_ns) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            recording.0,
            to_column(number),
            snapshot.taken.utc_ns,
            to_column(snapshot.taken.monotonic_ns),
            state,
            reason,
            to_column(snapshot.cost.cpu_ns),
            to_column(snapshot.cost.wall_ns),
            to_column(snapshot.regions.len() as u64),
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
        ])?;
    Ok(transaction.last_insert_rowid())
}

/// Writes the row of ticks that passed without a sample.
pub(crate) fn missed(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    number: u64,
    due: Timestamp,
    ticks: u64,
    reason: &str,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO sample (recording, number, taken_utc_ns, taken_monotonic_ns, state, reason, \
             missed_ticks, cost_cpu_ns, cost_wall_ns) VALUES (?, ?, ?, ?, 'missed', ?, ?, 0, 0)",
        )?
        .execute(params![
            recording.0,
            to_column(number),
            due.utc_ns,
            to_column(due.monotonic_ns),
            reason,
            to_column(ticks),
        ])?;
    Ok(())
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

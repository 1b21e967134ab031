//! Rows back to recordings, samples and identities. A value no recorder writes is an error.

use rusqlite::types::{FromSql, Type};
use rusqlite::{Connection, Row};
use vmrec_sampler::{Cost, Host, ProcessId, ProcessInfo, ProcessTotals, Timestamp};

use crate::address::from_column;
use crate::checked;
use crate::frame::Kind;
use crate::recording::{Mark, Recording, RecordingId, Sample, SampleState, WhyEnded};

/// Columns of [`sample`], from the table `sample` as `s`: all, as its checksum is of all.
pub(crate) const SAMPLE_COLUMNS: &str = "s.*";
/// How many those are without the checksum, which files before version 3 do not have.
const SAMPLE_VALUES: usize = 24;

/// Columns of [`frame`], from the table `frame` as `f`; they follow [`SAMPLE_COLUMNS`].
pub(crate) const FRAME_COLUMNS: &str = "f.kind, f.checksum, f.data";

/// Returns the sample of a row of [`SAMPLE_COLUMNS`].
pub(crate) fn sample(row: &Row<'_>) -> rusqlite::Result<Sample> {
    if sample_is_checked(row) {
        checked::check_at("sample", row, SAMPLE_VALUES)?;
    }
    let reason: Option<String> = row.get(6)?;
    let state: String = row.get(5)?;
    let state = match (state.as_str(), reason) {
        ("complete", None) => SampleState::Complete,
        ("torn", Some(reason)) => SampleState::Torn(reason),
        ("missed", Some(reason)) => SampleState::Missed { ticks: from_column(row.get(7)?), reason },
        _ => return Err(wrong(5, "a state without its reason")),
    };
    Ok(Sample {
        number: from_column(row.get(2)?),
        taken: Timestamp { utc_ns: row.get(3)?, monotonic_ns: from_column(row.get(4)?) },
        state,
        cost: Cost { cpu_ns: from_column(row.get(8)?), wall_ns: from_column(row.get(9)?) },
        regions: unsigned(row, 10)?,
        totals: ProcessTotals {
            virtual_bytes: unsigned(row, 11)?,
            resident_bytes: unsigned(row, 12)?,
            peak_resident_bytes: unsigned(row, 13)?,
            anonymous_resident_bytes: unsigned(row, 14)?,
            file_resident_bytes: unsigned(row, 15)?,
            shmem_resident_bytes: unsigned(row, 16)?,
            swapped_bytes: unsigned(row, 17)?,
            page_table_bytes: unsigned(row, 18)?,
            footprint_bytes: unsigned(row, 19)?,
            threads: unsigned(row, 20)?,
            minor_faults: unsigned(row, 21)?,
            major_faults: unsigned(row, 22)?,
            cpu_ns: unsigned(row, 23)?,
        },
    })
}

fn sample_is_checked(row: &Row<'_>) -> bool {
    row.as_ref().column_name(SAMPLE_VALUES).is_ok_and(|name| name == "checksum")
}

/// A frame as it is stored.
pub(crate) struct StoredFrame<'a> {
    /// Whether it stands alone.
    pub(crate) kind: Kind,
    /// What its checksum was when it was written.
    pub(crate) checksum: u32,
    /// The encoded regions.
    pub(crate) data: &'a [u8],
}

/// Returns the frame of a row of [`SAMPLE_COLUMNS`] and [`FRAME_COLUMNS`], `None` if the sample has none.
pub(crate) fn frame<'a>(row: &'a Row<'_>) -> rusqlite::Result<Option<StoredFrame<'a>>> {
    let start = SAMPLE_VALUES + usize::from(sample_is_checked(row));
    let Some(kind) = row.get_ref(start)?.as_str_or_null()? else { return Ok(None) };
    Ok(Some(StoredFrame {
        kind: Kind::from_name(kind).ok_or_else(|| wrong(start, "an unknown kind of frame"))?,
        checksum: row.get(start + 1)?,
        data: row.get_ref(start + 2)?.as_blob()?,
    }))
}

/// Returns the recording of a row with every column of the table `recording`.
pub(crate) fn recording(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Recording> {
    checked::check("recording", row)?;
    let id: i64 = row.get("id")?;
    let arguments = connection
        .prepare_cached("SELECT * FROM argument WHERE recording = ? ORDER BY place")?
        .query_map([id], |row| {
            checked::check("argument", row)?;
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

fn why_ended(row: &Row<'_>) -> rusqlite::Result<Option<WhyEnded>> {
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
pub(crate) fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    checked::check("mark", row)?;
    Ok(Mark { recording: RecordingId(row.get(1)?), utc_ns: row.get(2)?, text: row.get(3)? })
}

fn unsigned(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<u64>> {
    Ok(Option::<i64>::column_result(row.get_ref(place)?)
        .map_err(|_| wrong(place, "not an integer"))?
        .map(from_column))
}

pub(crate) fn wrong(place: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(place, Type::Text, what.into())
}

/// The error of what is stored and cannot be read.
pub(crate) fn damaged(what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, what.into())
}

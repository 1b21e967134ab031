//! Rows back to recordings, samples and identities. A value no recorder writes is an error.

use std::ops::Range;
use std::sync::Arc;

use rusqlite::types::{FromSql, Type};
use rusqlite::{Connection, Row, params};
use vmrec_sampler::{
    AddressRange, Confidence, Cost, Family, Host, Identity, Label, Object, ProcessId, ProcessInfo,
    ProcessTotals, Protection, RegionType, Timestamp,
};

use crate::address::from_column;
use crate::frame::Kind;
use crate::recording::{
    Mark, Recording, RecordingId, RecordingSummary, Sample, SampleState, WhyEnded,
};

/// Columns of [`sample`], from the table `sample` as `s`.
pub(crate) const SAMPLE_COLUMNS: &str = "s.number, s.taken_utc_ns, s.taken_monotonic_ns, s.state, \
     s.reason, s.missed_ticks, s.cost_cpu_ns, s.cost_wall_ns, s.regions, s.virtual_bytes, \
     s.resident_bytes, s.peak_resident_bytes, s.anonymous_resident_bytes, s.file_resident_bytes, \
     s.shmem_resident_bytes, s.swapped_bytes, s.page_table_bytes, s.footprint_bytes, s.threads, \
     s.minor_faults, s.major_faults, s.cpu_ns";

/// Columns of [`frame`], from the table `frame` as `f`; they follow [`SAMPLE_COLUMNS`].
pub(crate) const FRAME_COLUMNS: &str = "f.kind, f.checksum, f.data";
const FRAME_PLACES: Range<usize> = 22..25;

/// Returns the sample of a row of [`SAMPLE_COLUMNS`].
pub(crate) fn sample(row: &Row<'_>) -> rusqlite::Result<Sample> {
    let reason: Option<String> = row.get(4)?;
    let state: String = row.get(3)?;
    let state = match (state.as_str(), reason) {
        ("complete", None) => SampleState::Complete,
        ("torn", Some(reason)) => SampleState::Torn(reason),
        ("missed", Some(reason)) => SampleState::Missed { ticks: from_column(row.get(5)?), reason },
        _ => return Err(wrong(3, "a state without its reason")),
    };
    Ok(Sample {
        number: from_column(row.get(0)?),
        taken: Timestamp { utc_ns: row.get(1)?, monotonic_ns: from_column(row.get(2)?) },
        state,
        cost: Cost { cpu_ns: from_column(row.get(6)?), wall_ns: from_column(row.get(7)?) },
        regions: unsigned(row, 8)?,
        totals: ProcessTotals {
            virtual_bytes: unsigned(row, 9)?,
            resident_bytes: unsigned(row, 10)?,
            peak_resident_bytes: unsigned(row, 11)?,
            anonymous_resident_bytes: unsigned(row, 12)?,
            file_resident_bytes: unsigned(row, 13)?,
            shmem_resident_bytes: unsigned(row, 14)?,
            swapped_bytes: unsigned(row, 15)?,
            page_table_bytes: unsigned(row, 16)?,
            footprint_bytes: unsigned(row, 17)?,
            threads: unsigned(row, 18)?,
            minor_faults: unsigned(row, 19)?,
            major_faults: unsigned(row, 20)?,
            cpu_ns: unsigned(row, 21)?,
        },
    })
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
    let Range { start, .. } = FRAME_PLACES;
    let Some(kind) = row.get_ref(start)?.as_str_or_null()? else { return Ok(None) };
    Ok(Some(StoredFrame {
        kind: Kind::from_name(kind).ok_or_else(|| wrong(start, "an unknown kind of frame"))?,
        checksum: row.get(start + 1)?,
        data: row.get_ref(start + 2)?.as_blob()?,
    }))
}

/// Returns the recording of a row with every column of the table `recording`.
pub(crate) fn recording(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Recording> {
    let id: i64 = row.get("id")?;
    let arguments = connection
        .prepare_cached("SELECT text FROM argument WHERE recording = ? ORDER BY place")?
        .query_map([id], |row| row.get(0))?
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

/// Returns what the samples of `recording` add up to.
pub(crate) fn summary(
    connection: &Connection,
    recording: Recording,
) -> rusqlite::Result<RecordingSummary> {
    let id = recording.id.0;
    let moment = |order: &str| -> rusqlite::Result<Option<Timestamp>> {
        let sql = format!(
            "SELECT taken_utc_ns, taken_monotonic_ns FROM sample WHERE recording = ? \
             ORDER BY number {order} LIMIT 1"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id])?;
        rows.next()?
            .map(|row| {
                Ok(Timestamp { utc_ns: row.get(0)?, monotonic_ns: from_column(row.get(1)?) })
            })
            .transpose()
    };
    let (first, last) = (moment("ASC")?, moment("DESC")?);
    connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE s.state <> 'missed'), count(*) FILTER (WHERE s.state = 'torn'), \
             coalesce(sum(s.missed_ticks), 0), coalesce(sum(length(f.data)), 0) \
             FROM sample AS s LEFT JOIN frame AS f ON f.sample = s.id WHERE s.recording = ?",
        )?
        .query_row(params![id], |row| {
            Ok(RecordingSummary {
                recording,
                samples: from_column(row.get(0)?),
                torn: from_column(row.get(1)?),
                missed_ticks: from_column(row.get(2)?),
                first,
                last,
                stored_bytes: from_column(row.get(3)?),
            })
        })
}

/// Columns of [`identity`], from the table `region`.
pub(crate) const IDENTITY_COLUMNS: &str = "start, end, protection, max_protection, offset, flags, \
     type, family, confidence, rule, detail, object";

/// Returns the identity of a row of [`IDENTITY_COLUMNS`]; `object` is asked for what lies behind it.
pub(crate) fn identity(
    row: &Row<'_>,
    object: impl FnOnce(i64) -> rusqlite::Result<Arc<Object>>,
) -> rusqlite::Result<Identity> {
    let family: String = row.get(7)?;
    let family = Family::from_name(&family).ok_or_else(|| wrong(7, "an unknown family"))?;
    let name: String = row.get(6)?;
    let confidence: String = row.get(8)?;
    let confidence = Confidence::ALL.into_iter().find(|level| level.name() == confidence);
    Ok(Identity {
        // Not made with `new`, which would mend what is to come back as it was given.
        range: AddressRange { start: from_column(row.get(0)?), end: from_column(row.get(1)?) },
        protection: Protection::from_bits(row.get(2)?),
        max_protection: row.get::<_, Option<u8>>(3)?.map(Protection::from_bits),
        offset: from_column(row.get(4)?),
        flags: row.get(5)?,
        label: Label {
            region_type: RegionType::named(&name, family),
            confidence: confidence.ok_or_else(|| wrong(8, "an unknown confidence"))?,
            rule: row.get(9)?,
            detail: row.get(10)?,
        },
        object: row.get::<_, Option<i64>>(11)?.map(object).transpose()?,
    })
}

/// Returns the object of a row of name, major, minor, inode, deleted.
pub(crate) fn object(row: &Row<'_>) -> rusqlite::Result<Object> {
    Ok(Object {
        name: row.get(0)?,
        device: (row.get(1)?, row.get(2)?),
        inode: from_column(row.get(3)?),
        deleted: row.get(4)?,
    })
}

/// Returns the mark of a row of recording, utc_ns, text.
pub(crate) fn mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark { recording: RecordingId(row.get(0)?), utc_ns: row.get(1)?, text: row.get(2)? })
}

fn unsigned(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<u64>> {
    Ok(Option::<i64>::column_result(row.get_ref(place)?)
        .map_err(|_| wrong(place, "not an integer"))?
        .map(from_column))
}

fn wrong(place: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(place, Type::Text, what.into())
}

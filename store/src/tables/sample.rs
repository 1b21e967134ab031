//! Rows of `sample` and `frame`: samples since the last chunk. A value that no
//! recorder writes is an error.

use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, params};
use vmrec_sampler::{Cost, ProcessTotals, Timestamp};

use crate::codec::crc32::checksum;
use crate::codec::frame::decode::FrameDecoder;
use crate::codec::frame::{Frame, FrameKind};
use crate::codec::region_state::RegionState;
use crate::db::columns::SAMPLE;
use crate::db::integer::{from_column, to_column};
use crate::db::row_checksum::wrong;
use crate::db::transaction::Transaction;
use crate::db::{insert, row_checksum};
use crate::recording::{RecordingId, Sample, SampleState};

/// Returns the statement that reads samples and frames of ?1 from ?2 to ?3.
pub(crate) fn frames<'a>(
    connection: &'a Connection,
) -> rusqlite::Result<rusqlite::CachedStatement<'a>> {
    connection.prepare_cached(&format!(
        "SELECT {}, {FRAME_COLUMNS} FROM sample AS s LEFT JOIN frame AS f ON f.sample = s.id \
         WHERE s.recording = ? AND s.number BETWEEN ? AND ? ORDER BY s.number",
        sample_columns()
    ))
}

/// Decodes the frame of a row of [`frames`]; the error describes its damage.
pub(crate) fn decode<'a>(
    decoder: &'a mut FrameDecoder,
    id: RecordingId,
    sample: &Sample,
    row: &Row<'_>,
) -> Result<Option<&'a [RegionState]>, String> {
    let stored = frame_from_row(row).map_err(|error| error.to_string())?;
    let (stored, regions) = match (stored, sample.regions) {
        (Some(stored), Some(regions)) => (stored, regions),
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err("its regions are missing".to_owned()),
        (Some(_), None) => return Err("it has regions and should have none".to_owned()),
    };
    let StoredFrame { kind, data, .. } = stored;
    if checksum(id.0, sample.number, kind, data) != stored.checksum {
        return Err("its regions do not match their checksum".to_owned());
    }
    let rows = decoder
        .apply(sample.number, kind, data)
        .map_err(|malformed| format!("its regions cannot be decoded: {}", malformed.0))?;
    if rows.len() as u64 != regions {
        return Err(format!("it has {} regions, not {regions}", rows.len()));
    }
    Ok(Some(rows))
}

/// Writes the row of a sample and returns its id.
pub(crate) fn insert_sample(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    sample: &Sample,
) -> rusqlite::Result<i64> {
    let (state, reason, missed_ticks) = match &sample.state {
        SampleState::Complete => ("complete", None, None),
        SampleState::Cheap => ("cheap", None, None),
        SampleState::Unchanged => ("unchanged", None, None),
        SampleState::Torn(reason) => ("torn", Some(reason), None),
        SampleState::TotalsAlone(reason) => ("totals", Some(reason), None),
        SampleState::Missed { ticks, reason } => ("missed", Some(reason), Some(*ticks)),
    };
    let totals = &sample.totals;
    let id = insert::next_id(transaction, &SAMPLE)?;
    insert::row(
        transaction,
        &SAMPLE,
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
            totals.peak_footprint_bytes.map(to_column),
            totals.purgeable_footprint_bytes.map(to_column),
            totals.network_footprint_bytes.map(to_column),
            totals.media_footprint_bytes.map(to_column),
            totals.graphics_footprint_bytes.map(to_column),
            totals.neural_footprint_bytes.map(to_column),
            totals.threads.map(to_column),
            totals.minor_faults.map(to_column),
            totals.major_faults.map(to_column),
            totals.cpu_ns.map(to_column),
            totals.max_mappings.map(to_column),
            totals.address_space_limit_bytes.map(to_column),
            totals.data_limit_bytes.map(to_column),
            totals.cgroup_bytes.map(to_column),
            totals.cgroup_peak_bytes.map(to_column),
            totals.cgroup_max_bytes.map(to_column),
            totals.cgroup_anonymous_bytes.map(to_column),
            totals.cgroup_file_bytes.map(to_column),
            totals.cgroup_kernel_bytes.map(to_column),
            totals.cgroup_slab_bytes.map(to_column),
            totals.cgroup_socket_bytes.map(to_column),
            totals.cgroup_oom_kills.map(to_column),
            totals.cgroup_some_stalled_ns.map(to_column),
            totals.cgroup_all_stalled_ns.map(to_column),
        ],
    )?;
    Ok(id)
}

/// Writes the frame of the sample with the id `sample`.
pub(crate) fn insert_frame(
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

/// Returns the number of the next sample of `recording`.
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

/// Returns the sample of a row of [`sample_columns`].
pub(crate) fn sample_from_row(row: &Row<'_>) -> rusqlite::Result<Sample> {
    row_checksum::check(&SAMPLE, row)?;
    let reason: Option<String> = row.get(6)?;
    let state: String = row.get(5)?;
    let state = match (state.as_str(), reason) {
        ("complete", None) => SampleState::Complete,
        ("cheap", None) => SampleState::Cheap,
        ("unchanged", None) => SampleState::Unchanged,
        ("torn", Some(reason)) => SampleState::Torn(reason),
        ("totals", Some(reason)) => SampleState::TotalsAlone(reason),
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
            peak_footprint_bytes: unsigned(row, 20)?,
            purgeable_footprint_bytes: unsigned(row, 21)?,
            network_footprint_bytes: unsigned(row, 22)?,
            media_footprint_bytes: unsigned(row, 23)?,
            graphics_footprint_bytes: unsigned(row, 24)?,
            neural_footprint_bytes: unsigned(row, 25)?,
            threads: unsigned(row, 26)?,
            minor_faults: unsigned(row, 27)?,
            major_faults: unsigned(row, 28)?,
            cpu_ns: unsigned(row, 29)?,
            max_mappings: unsigned(row, 30)?,
            address_space_limit_bytes: unsigned(row, 31)?,
            data_limit_bytes: unsigned(row, 32)?,
            cgroup_bytes: unsigned(row, 33)?,
            cgroup_peak_bytes: unsigned(row, 34)?,
            cgroup_max_bytes: unsigned(row, 35)?,
            cgroup_anonymous_bytes: unsigned(row, 36)?,
            cgroup_file_bytes: unsigned(row, 37)?,
            cgroup_kernel_bytes: unsigned(row, 38)?,
            cgroup_slab_bytes: unsigned(row, 39)?,
            cgroup_socket_bytes: unsigned(row, 40)?,
            cgroup_oom_kills: unsigned(row, 41)?,
            cgroup_some_stalled_ns: unsigned(row, 42)?,
            cgroup_all_stalled_ns: unsigned(row, 43)?,
        },
    })
}

/// A frame as it is stored.
pub(crate) struct StoredFrame<'a> {
    /// Whether it stands alone.
    pub(crate) kind: FrameKind,
    /// Its stored checksum.
    pub(crate) checksum: u32,
    /// The encoded regions.
    pub(crate) data: &'a [u8],
}

/// Returns the frame of a row of [`sample_columns`] and [`FRAME_COLUMNS`], `None` if the sample has none.
pub(crate) fn frame_from_row<'a>(row: &'a Row<'_>) -> rusqlite::Result<Option<StoredFrame<'a>>> {
    let start = SAMPLE.columns.len() + 1;
    let Some(kind) = row.get_ref(start)?.as_str_or_null()? else { return Ok(None) };
    Ok(Some(StoredFrame {
        kind: FrameKind::from_name(kind).ok_or_else(|| wrong(start, "an unknown kind of frame"))?,
        checksum: row.get(start + 1)?,
        data: row.get_ref(start + 2)?.as_blob()?,
    }))
}

pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(Option::<i64>::column_result(row.get_ref(column)?)
        .map_err(|_| wrong(column, "not an integer"))?
        .map(from_column))
}

/// Returns the columns of [`sample_from_row`], from the table `sample` as `s`.
pub(crate) fn sample_columns() -> String {
    SAMPLE.list_of("s.")
}

/// Columns of [`frame_from_row`], from the table `frame` as `f`; they follow [`sample_columns`].
pub(crate) const FRAME_COLUMNS: &str = "f.kind, f.checksum, f.data";

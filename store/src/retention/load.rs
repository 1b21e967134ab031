//! Reads the input of retention from the file.

use rusqlite::{Connection, params};

use crate::codec::chunk::header::ChunkHeader;
use crate::db::columns::MARK;
use crate::db::integer::from_column;
use crate::db::row_checksum;
use crate::recording::{Recording, RecordingId};
use crate::retention::plan::{Known, Windows};
use crate::retention::policy::Retention;
use crate::tables::{chunk, recording, sample};

/// Returns every recording with its chunks, oldest first.
pub(crate) fn all(
    connection: &Connection,
    policy: &Retention,
    running: &[RecordingId],
) -> rusqlite::Result<Vec<Known>> {
    let recordings: Vec<Recording> = connection
        .prepare_cached("SELECT * FROM recording ORDER BY id")?
        .query_map([], |row| recording::recording_from_row(connection, row))?
        .collect::<rusqlite::Result<_>>()?;
    let known = |recording: &Recording| {
        let mut known = of(connection, recording, policy, running)?;
        known.chunks = headers(connection, recording.id)?;
        Ok(known)
    };
    recordings.iter().map(known).collect()
}

/// Returns one recording without its chunks, which may be thousands.
pub(crate) fn one(
    connection: &Connection,
    id: RecordingId,
    policy: &Retention,
    running: &[RecordingId],
) -> rusqlite::Result<Known> {
    let recording = connection
        .prepare_cached("SELECT * FROM recording WHERE id = ?")?
        .query_row([id.0], |row| recording::recording_from_row(connection, row))?;
    of(connection, &recording, policy, running)
}

fn headers(connection: &Connection, id: RecordingId) -> rusqlite::Result<Vec<ChunkHeader>> {
    Ok(chunk::all(connection, id)?.into_iter().map(|chunk| chunk.header).collect())
}

fn of(
    connection: &Connection,
    recording: &Recording,
    policy: &Retention,
    running: &[RecordingId],
) -> rusqlite::Result<Known> {
    let id = recording.id;
    let tail = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sample WHERE recording = ?)")?
        .query_row([id.0], |row| row.get(0))?;
    let marked = if policy.keep_marks { marks(connection, id)? } else { Windows::default() };
    Ok(Known {
        id,
        begun: recording.begun,
        interval_ns: recording.interval_ns,
        running: running.contains(&id),
        tail,
        marked,
        chunks: Vec::new(),
    })
}

fn marks(connection: &Connection, id: RecordingId) -> rusqlite::Result<Windows> {
    let marks: Vec<i64> = connection
        .prepare_cached(&format!(
            "SELECT {} FROM mark WHERE recording = ? ORDER BY utc_ns",
            MARK.list()
        ))?
        .query_map([id.0], |row| {
            row_checksum::check(&MARK, row)?;
            row.get(2)
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Windows::around(marks))
}

/// Returns whether a recording has samples.
pub(crate) fn has_samples(connection: &Connection, id: RecordingId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM sample WHERE recording = ?1) \
             OR EXISTS (SELECT 1 FROM chunk WHERE recording = ?1 AND samples > 0)",
        )?
        .query_row([id.0], |row| row.get(0))
}

/// Returns the number of the first remaining sample, or of one pruned just before.
pub(crate) fn first_sample(
    connection: &Connection,
    id: RecordingId,
) -> rusqlite::Result<Option<u64>> {
    let mut next = 1;
    while let Some(chunk) = chunk::at_or_after(connection, id, next)? {
        if chunk.header.samples > 0 {
            return Ok(Some(chunk.header.first));
        }
        next = chunk.header.last + 1;
    }
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM sample AS s WHERE s.recording = ? ORDER BY s.number LIMIT 1",
        sample::sample_columns()
    ))?;
    let mut rows = statement.query([id.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let sample = sample::sample_from_row(row)?;
    Ok(Some(sample.number))
}

/// The page counts of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageCounts {
    pub(crate) count: u64,
    pub(crate) free: u64,
    pub(crate) bytes: u64,
}

impl PageCounts {
    pub(crate) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let pragma_value = |pragma: &str| {
            connection
                .prepare_cached(pragma)?
                .query_row(params![], |row| row.get(0).map(from_column))
        };
        Ok(Self {
            count: pragma_value("PRAGMA page_count")?,
            free: pragma_value("PRAGMA freelist_count")?,
            bytes: pragma_value("PRAGMA page_size")?,
        })
    }

    /// Returns by how many bytes a file of at most `max_bytes` is too large, with a log of `log_bytes`,
    /// to leave `room_bytes` to the next tick. That takes free pages first; half of its room is for
    /// the log.
    pub(crate) fn excess_bytes(&self, log_bytes: u64, room_bytes: u64, max_bytes: u64) -> u64 {
        let bytes = self.count.saturating_mul(self.bytes).saturating_add(log_bytes);
        let free = self.free.saturating_mul(self.bytes).min(room_bytes / 2);
        bytes.saturating_add(room_bytes - free).saturating_sub(max_bytes)
    }

    /// Returns the bytes of the file once its free pages are returned to the file system.
    ///
    /// With them go some of the pages that SQLite keeps its map of pages in, one in some 200.
    pub(crate) const fn used_bytes(self) -> u64 {
        let Self { count, free, bytes } = self;
        let entries = bytes / MAP_ENTRY_BYTES;
        if free == 0 || entries == 0 || count < 2 {
            return count.saturating_sub(free).saturating_mul(bytes);
        }
        let last_map_page = (count - 2) / (entries + 1) * (entries + 1) + 2;
        let map_pages = (free + last_map_page + entries).saturating_sub(count) / entries;
        count.saturating_sub(free).saturating_sub(map_pages).saturating_mul(bytes)
    }
}

/// The bytes of an entry of the map of pages in a file whose free pages can be returned.
const MAP_ENTRY_BYTES: u64 = 5;

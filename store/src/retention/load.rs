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
    let transaction = connection.unchecked_transaction()?;
    let ids: Vec<i64> = transaction
        .prepare_cached("SELECT id FROM recording ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    with_chunks(&transaction, &ids, policy, running)
}

/// Returns the recordings, with their chunks, that may have to lose something for its age, oldest
/// first: those that have samples of before these moments of the wall clock, to be deleted or thinned,
/// and those that have none at all. A recorder of processes that come and go has thousands of others.
pub(crate) fn aged(
    connection: &Connection,
    policy: &Retention,
    running: &[RecordingId],
    (drop_before, thin_before): (Option<i64>, Option<i64>),
) -> rusqlite::Result<Vec<Known>> {
    // No sample is so old.
    let [drop_before, thin_before] =
        [drop_before, thin_before].map(|limit| limit.unwrap_or(i64::MIN));
    let transaction = connection.unchecked_transaction()?;
    let ids: Vec<i64> = transaction
        .prepare_cached(
            "SELECT recording FROM chunk INDEXED BY chunk_header GROUP BY recording \
             HAVING max(samples) = 0 OR min(iif(samples > 0, max_utc_ns, NULL)) < ?1 \
             OR min(iif(samples > 1, max_utc_ns, NULL)) < ?2 \
             UNION SELECT id FROM recording WHERE begun_utc_ns < ?1 \
             AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.recording = recording.id) ORDER BY 1",
        )?
        .query_map([drop_before, thin_before], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    with_chunks(&transaction, &ids, policy, running)
}

/// Returns recordings with their chunks; in a transaction, since each statement would lock the file
/// for itself.
fn with_chunks(
    connection: &Connection,
    ids: &[i64],
    policy: &Retention,
    running: &[RecordingId],
) -> rusqlite::Result<Vec<Known>> {
    let known = |id: &i64| {
        let mut known = one(connection, RecordingId(*id), policy, running)?;
        known.chunks = headers(connection, known.id)?;
        Ok(known)
    };
    ids.iter().map(known).collect()
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
    let mut headers = Vec::new();
    chunk::each(connection, id, |chunk| {
        headers.push(chunk.header);
        Ok(())
    })?;
    Ok(headers)
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

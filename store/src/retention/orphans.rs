//! Regions that no sample names any longer, and objects that no region does.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::codec::frame::decode::Decoder;
use crate::db::integer::{from_column, to_column};
use crate::db::transaction::Transaction;
use crate::error::Error;
use crate::recording::RecordingId;
use crate::retention::policy::BATCH;
use crate::retention::reduce::Reader;
use crate::tables::sample::{decode, frames};
use crate::tables::{chunk, sample};

/// How long one step looks through chunks, unless a single one takes longer.
const LOOK: Duration = Duration::from_millis(3);
/// Rows of samples that are looked through at once: more are left to become a chunk first.
const FEW_ROWS: u64 = 64;

/// A search for regions of a recording that nothing names.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) recording: RecordingId,
    /// Regions that nothing named so far.
    unnamed: HashSet<i64>,
    /// The last sample of the chunks looked through.
    upto: u64,
}

/// How far a search came.
#[derive(Debug)]
pub(crate) enum Found {
    /// There is more to look through.
    More,
    /// The rows since the last chunk are too many to look through now.
    Waiting,
    /// Nothing names these regions.
    Unnamed(HashSet<i64>),
}

impl Sweep {
    /// Begins to look for those of `regions` that nothing names.
    pub(crate) const fn new(recording: RecordingId, regions: HashSet<i64>) -> Self {
        Self { recording, unnamed: regions, upto: 0 }
    }

    /// Looks on. Chunks made meanwhile are looked through too, as is what follows them at last.
    pub(crate) fn look(&mut self, reader: &Reader<'_>) -> Result<Found, Error> {
        let sql = |source| Error::sql(reader.path, source);
        let begun = Instant::now();
        while !self.unnamed.is_empty() {
            let next = chunk::at_or_after(reader.connection, self.recording, self.upto + 1);
            let Some(chunk) = next.map_err(sql)? else {
                if !self.look_at_rows(reader)? {
                    return Ok(Found::Waiting);
                }
                break;
            };
            if chunk.head.samples > 0 {
                for region in reader.regions(&chunk)?.identities() {
                    self.unnamed.remove(&region);
                }
            }
            self.upto = chunk.head.last;
            if begun.elapsed() > LOOK {
                return Ok(Found::More);
            }
        }
        Ok(Found::Unnamed(std::mem::take(&mut self.unnamed)))
    }

    /// Looks through the samples that are rows; `false` if they are too many.
    fn look_at_rows(&mut self, reader: &Reader<'_>) -> Result<bool, Error> {
        let sql = |source| Error::sql(reader.path, source);
        let count: u64 = reader
            .connection
            .prepare_cached("SELECT count(*) FROM sample WHERE recording = ?")
            .and_then(|mut statement| {
                statement.query_row([self.recording.0], |row| row.get(0).map(from_column))
            })
            .map_err(sql)?;
        if count > FEW_ROWS {
            return Ok(false);
        }
        let mut statement = frames(reader.connection).map_err(sql)?;
        let range = params![self.recording.0, to_column(self.upto + 1), i64::MAX];
        let mut rows = statement.query(range).map_err(sql)?;
        let mut decoder = Decoder::default();
        while let Some(row) = rows.next().map_err(sql)? {
            let sample = sample::sample_from_row(row).map_err(sql)?;
            let damaged = |what| Error::Damaged {
                path: reader.path.to_owned(),
                what: format!("sample {} of recording {}: {what}", sample.number, self.recording.0),
            };
            let named = decode(&mut decoder, self.recording, &sample, row).map_err(damaged)?;
            for row in named.unwrap_or_default() {
                self.unnamed.remove(&row.identity);
            }
        }
        Ok(true)
    }
}

/// Deletes regions that no sample names; returns how many rows went.
///
/// The newest row stays, so that its number is not given to another region while a reader remembers it.
pub(crate) fn delete_regions(
    transaction: &Transaction<'_>,
    regions: &[i64],
) -> rusqlite::Result<u64> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM region WHERE id = ?1 AND id < (SELECT max(id) FROM region) \
         AND NOT EXISTS (SELECT 1 FROM latest_row WHERE region = ?1)",
    )?;
    regions.iter().try_fold(0, |rows, region| Ok(rows + delete.execute([region])? as u64))
}

/// Deletes some objects and kinds that no region refers to; returns whether there may be more.
///
/// No index leads from an object to its regions: for SQLite to look for them at each would take
/// its time, so it is told not to, as the statements see themselves that there are none.
pub(crate) fn delete_unreferenced(connection: &mut Connection) -> rusqlite::Result<bool> {
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    let deleted = [
        "DELETE FROM object WHERE id IN (SELECT id FROM object WHERE id NOT IN \
         (SELECT object FROM region WHERE object IS NOT NULL) \
         AND id < (SELECT max(id) FROM object) LIMIT ?)",
        "DELETE FROM region_kind WHERE id IN (SELECT id FROM region_kind WHERE id NOT IN \
         (SELECT kind FROM region) AND id < (SELECT max(id) FROM region_kind) LIMIT ?)",
    ]
    .into_iter()
    .try_fold(false, |more, sql| {
        let rows = connection.prepare_cached(sql)?.execute([BATCH])?;
        Ok(more || rows == BATCH as usize)
    });
    connection.execute_batch("PRAGMA foreign_keys = ON")?;
    deleted
}

/// Returns the numbers of all regions of a recording.
pub(crate) fn regions_of(
    connection: &Connection,
    recording: RecordingId,
) -> rusqlite::Result<HashSet<i64>> {
    connection
        .prepare_cached("SELECT id FROM region WHERE recording = ?")?
        .query_map([recording.0], |row| row.get(0))?
        .collect()
}

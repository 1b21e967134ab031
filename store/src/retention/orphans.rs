//! Finds and deletes kinds of regions that no sample refers to, and objects
//! that no kind refers to.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::codec::frame::decode::FrameDecoder;
use crate::db::integer::{from_column, to_column};
use crate::db::transaction::Transaction;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::retention::policy::BATCH;
use crate::retention::reduce::Reader;
use crate::tables::sample::{decode, frames, sample_from_row};
use crate::tables::{chunk, latest};

/// How long one step searches chunks, unless a single one takes longer.
const LOOK: Duration = Duration::from_millis(3);
/// The maximum number of sample rows searched at once: more must become a chunk first.
const FEW_ROWS: u64 = 64;

/// A search for kinds that nothing refers to in any recording of the file.
#[derive(Debug)]
pub(crate) struct Sweep {
    /// Kinds without a reference so far.
    unnamed: HashSet<i64>,
    /// The id of the last chunk searched.
    upto: i64,
}

/// The progress of a search.
#[derive(Debug)]
pub(crate) enum OrphanScan {
    /// There is more to search.
    More,
    /// The rows since the last chunks are too many to search now.
    Waiting,
    /// Nothing refers to these kinds.
    Unnamed(HashSet<i64>),
}

impl Sweep {
    /// Starts a search for those of `kinds` that nothing refers to.
    pub(crate) const fn new(kinds: HashSet<i64>) -> Self {
        Self { unnamed: kinds, upto: 0 }
    }

    /// Ends the search, and returns the kinds without a reference so far.
    pub(crate) fn into_kinds(self) -> HashSet<i64> {
        self.unnamed
    }

    /// Continues the search, including chunks made in the meantime and, finally, the rows after
    /// them.
    pub(crate) fn search(&mut self, reader: &Reader<'_>) -> Result<OrphanScan, Error> {
        let begun = Instant::now();
        while !self.unnamed.is_empty() {
            let next = chunk::after_id(reader.connection, self.upto).at(reader.path)?;
            let Some(chunk) = next else {
                if !self.search_rows(reader)? {
                    return Ok(OrphanScan::Waiting);
                }
                break;
            };
            if chunk.header.samples > 0 {
                for kind in reader.kinds(&chunk)? {
                    self.unnamed.remove(&kind);
                }
            }
            self.upto = chunk.id;
            if begun.elapsed() > LOOK {
                return Ok(OrphanScan::More);
            }
        }
        Ok(OrphanScan::Unnamed(std::mem::take(&mut self.unnamed)))
    }

    /// Searches the samples that are still rows; `false` if they are too many.
    fn search_rows(&mut self, reader: &Reader<'_>) -> Result<bool, Error> {
        let tails: Vec<(i64, u64)> = reader
            .connection
            .prepare_cached("SELECT recording, count(*) FROM sample GROUP BY recording")
            .and_then(|mut statement| {
                let both = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, from_column(row.get(1)?)));
                statement.query_map([], both)?.collect()
            })
            .at(reader.path)?;
        if tails.iter().map(|(_, count)| count).sum::<u64>() > FEW_ROWS {
            return Ok(false);
        }
        for (recording, _) in tails {
            self.search_tail(reader, RecordingId(recording))?;
        }
        Ok(true)
    }

    fn search_tail(&mut self, reader: &Reader<'_>, recording: RecordingId) -> Result<(), Error> {
        let mut statement = frames(reader.connection).at(reader.path)?;
        let range = params![recording.0, to_column(0), i64::MAX];
        let mut rows = statement.query(range).at(reader.path)?;
        let mut decoder = FrameDecoder::default();
        while let Some(row) = rows.next().at(reader.path)? {
            let sample = sample_from_row(row).at(reader.path)?;
            let damaged = |what| Error::Damaged {
                path: reader.path.to_owned(),
                what: format!("sample {} of recording {}: {what}", sample.number, recording.0),
            };
            let states = decode(&mut decoder, recording, &sample, row).map_err(damaged)?;
            for state in states.unwrap_or_default() {
                self.unnamed.remove(&state.kind);
            }
        }
        Ok(())
    }
}

/// Deletes kinds that no sample refers to; returns those that stay for now.
///
/// These are the kinds of the table `latest`, and the newest row, so that its number is not reused
/// for another kind while a reader remembers it.
pub(crate) fn delete_kinds(
    transaction: &Transaction<'_>,
    kinds: HashSet<i64>,
) -> rusqlite::Result<HashSet<i64>> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM region_kind WHERE id = ?1 AND id < (SELECT max(id) FROM region_kind)",
    )?;
    let shown: HashSet<i64> = latest::kinds(transaction)?.into_iter().collect();
    // In order, so that pruning a copy of the file leaves the same pages.
    let mut kinds: Vec<i64> = kinds.into_iter().collect();
    kinds.sort_unstable();
    let mut stay = HashSet::new();
    for kind in kinds {
        if shown.contains(&kind) || delete.execute([kind])? == 0 {
            stay.insert(kind);
        }
    }
    Ok(stay)
}

/// Deletes some objects that no kind refers to; returns whether there may be more.
///
/// No index leads from an object to its kinds, so SQLite's foreign-key check of each object would
/// be slow. Foreign keys are off: the statement itself makes sure that there are none.
pub(crate) fn delete_unreferenced(connection: &mut Connection) -> rusqlite::Result<bool> {
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    let deleted = connection
        .prepare_cached(
            "DELETE FROM object WHERE id IN (SELECT id FROM object WHERE id NOT IN \
             (SELECT object FROM region_kind WHERE object IS NOT NULL) \
             AND id < (SELECT max(id) FROM object) LIMIT ?)",
        )
        .and_then(|mut statement| statement.execute([BATCH]));
    connection.execute_batch("PRAGMA foreign_keys = ON")?;
    Ok(deleted? == BATCH as usize)
}

/// Returns the numbers of all kinds of the file.
pub(crate) fn all_kinds(connection: &Connection) -> rusqlite::Result<HashSet<i64>> {
    connection
        .prepare_cached("SELECT id FROM region_kind")?
        .query_map([], |row| row.get(0))?
        .collect()
}

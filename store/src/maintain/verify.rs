//! Looks for damage: SQLite's own check, every row's checksum, then every frame decoded.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::codec::frame::decode::FrameDecoder;
use crate::db::integer::from_column;
use crate::db::{row_checksum, wal};
use crate::error;
use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::identity_cache::Identities;
use crate::tables::sample::{decode, frames};
use crate::tables::{evidence, live_stacks, recording, sample};

/// The counts of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The recordings.
    pub recordings: u64,
    /// The samples of all of them that have regions.
    pub samples: u64,
}

impl Store {
    /// Returns the damage of the file, one line each; empty if all of it can be read.
    pub fn verify(&self) -> Result<Vec<String>, Error> {
        let mut problems = problems(&self.connection, &self.path)?;
        self.add_chunk_problems(&mut problems)?;
        wal::problems(&self.real_path, &mut problems).at(&self.path)?;
        Ok(problems)
    }

    /// Returns how much the file holds.
    pub fn counts(&self) -> Result<Counts, Error> {
        self.read(counts)
    }
}

/// Returns how much the file holds.
pub(crate) fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    let sql = "SELECT (SELECT count(*) FROM recording), \
         (SELECT coalesce(sum(snapshots + totals_alone), 0) FROM chunk) \
         + (SELECT count(*) FROM sample WHERE state <> 'missed')";
    connection.query_row(sql, [], |row| {
        Ok(Counts { recordings: from_column(row.get(0)?), samples: from_column(row.get(1)?) })
    })
}

/// Returns the damage of the file at `path`, one line each.
pub(crate) fn problems(connection: &Connection, path: &Path) -> Result<Vec<String>, Error> {
    let mut problems = Vec::new();
    if let Err(error) = check(connection, &mut problems) {
        match Error::sql(path, error) {
            Error::Damaged { what, .. } => problems.push(what),
            other => return Err(other),
        }
    }
    Ok(problems)
}

fn check(connection: &Connection, problems: &mut Vec<String>) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let mut check = transaction.prepare("PRAGMA integrity_check")?;
    for line in check.query_map([], |row| row.get::<_, String>(0))? {
        problems.extend(Some(line?).filter(|line| line != "ok"));
    }
    let mut check = transaction.prepare("PRAGMA foreign_key_check")?;
    for table in check.query_map([], |row| row.get::<_, String>(0))? {
        problems.push(format!("a row of {} refers to one that is missing", table?));
    }
    row_checksum::problems(&transaction, problems)?;
    let mut recordings = transaction.prepare("SELECT id FROM recording ORDER BY id")?;
    for id in recordings.query_map([], |row| row.get(0).map(RecordingId))? {
        check_recording(&transaction, id?, problems)?;
    }
    evidence::problems(&transaction, problems)?;
    live_stacks::problems(&transaction, problems)?;
    Ok(())
}

fn check_recording(
    connection: &Connection,
    id: RecordingId,
    problems: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let mut identities = Identities::default();
    let mut decoder = FrameDecoder::default();
    let mut expected = after_chunks(connection, id, problems)?;
    let mut statement = frames(connection)?;
    let mut rows = statement.query(params![id.0, i64::MIN, i64::MAX])?;
    while let Some(row) = rows.next()? {
        let mut problem = |what: String| problems.push(format!("recording {}: {what}", id.0));
        let sample = match sample::sample_from_row(row) {
            Ok(sample) => sample,
            Err(error) => {
                let what = error::describe(&error);
                problem(format!("a sample about number {expected}: {what}"));
                expected += 1;
                continue;
            }
        };
        if sample.number != expected {
            problem(format!("found sample {} instead of {expected}", sample.number));
        }
        expected = sample.number.wrapping_add(1);
        let whole = decode(&mut decoder, id, &sample, row).and_then(|rows| {
            identities
                .regions(connection, rows.unwrap_or_default())
                .map_err(|error| error::describe(&error))
        });
        if let Err(what) = whole {
            problem(format!("sample {}: {what}", sample.number));
        }
    }
    let last = expected.wrapping_sub(1);
    match recording::last_number(connection, id)? {
        Some(stored) if stored != last => {
            problems.push(format!("recording {}: its last sample is {last}, not {stored}", id.0));
        }
        _ => {}
    }
    Ok(())
}

/// Returns the number of the first sample after all chunks, and checks that these have no gaps.
fn after_chunks(
    connection: &Connection,
    id: RecordingId,
    problems: &mut Vec<String>,
) -> rusqlite::Result<u64> {
    let mut expected = 1;
    let mut statement = connection
        .prepare_cached("SELECT first, last FROM chunk WHERE recording = ? ORDER BY last")?;
    let mut rows = statement.query([id.0])?;
    while let Some(row) = rows.next()? {
        let (first, last) = (from_column(row.get(0)?), from_column(row.get(1)?));
        if first != expected || last < first {
            problems.push(format!(
                "recording {}: found a chunk of samples {first} to {last} instead of one from {expected} on",
                id.0
            ));
        }
        expected = last.wrapping_add(1);
    }
    Ok(expected)
}

//! Moves samples from rows to a chunk, in one transaction.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::codec::chunk::builder::{Builder, Built};
use crate::codec::frame::FrameKind;
use crate::codec::frame::decode::FrameDecoder;
use crate::db::integer::{from_column, limit_to_column, to_column};
use crate::db::transaction::Transaction;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::tables::identity_cache::Identities;
use crate::tables::sample::{decode, frames};
use crate::tables::{chunk, latest, sample};

/// The number of samples of a chunk made from rows; only the last of a recording has fewer.
const ENOUGH_SAMPLES: u64 = 150;

/// Replaces the rows that a chunk was made from by the chunk; `false`, and nothing is written, if
/// it does not continue the chunk before or was not made from all rows.
pub(crate) fn store(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    built: &Built,
) -> rusqlite::Result<bool> {
    let (first, last) = (built.header.first, built.header.last);
    let expected = chunk::last(transaction, recording)?.map_or(1, |chunk| chunk.header.last + 1);
    let range = params![recording.0, to_column(last)];
    let rows = transaction
        .prepare_cached("SELECT count(*) FROM sample WHERE recording = ? AND number <= ?")?
        .query_row(range, |row| row.get(0).map(from_column))?;
    if first != expected || rows != built.ticks.len() as u64 {
        return Ok(false);
    }
    chunk::insert(transaction, recording, built)?;
    let newest: i64 =
        transaction.query_row("SELECT max(id) FROM recording", [], |row| row.get(0))?;
    if newest == recording.0 {
        latest::write(transaction, recording, built)?;
    }
    transaction
        .prepare_cached(
            "DELETE FROM frame WHERE sample IN \
             (SELECT id FROM sample WHERE recording = ? AND number <= ?)",
        )?
        .execute(range)?;
    transaction
        .prepare_cached("DELETE FROM sample WHERE recording = ? AND number <= ?")?
        .execute(range)?;
    Ok(true)
}

/// Builds a chunk from the earliest rows of a recording, up to sample `upto`; `None` if there are
/// none.
pub(crate) fn rebuild(
    connection: &Connection,
    path: &Path,
    recording: RecordingId,
    upto: u64,
) -> Result<Option<Built>, Error> {
    let before = chunk::last(connection, recording).at(path)?;
    let first = before.map_or(1, |chunk| chunk.header.last + 1);
    let mut statement = frames(connection).at(path)?;
    let range = params![recording.0, to_column(first), limit_to_column(upto)];
    let mut rows = statement.query(range).at(path)?;
    let (mut builder, mut last, mut next) = (Builder::default(), first, first);
    let (mut decoder, mut identities) = (FrameDecoder::default(), Identities::default());
    while let Some(row) = rows.next().at(path)? {
        let sample = sample::sample_from_row(row).at(path)?;
        let stands_alone =
            sample::frame_from_row(row).at(path)?.is_some_and(|frame| frame.kind == FrameKind::Key);
        if stands_alone && sample.number - first >= ENOUGH_SAMPLES {
            break;
        }
        let damaged = |what: String| Error::Damaged {
            path: path.to_owned(),
            what: format!("sample {} of recording {}: {what}", sample.number, recording.0),
        };
        if sample.number != next {
            return Err(damaged(format!("it is not sample {next}")));
        }
        (last, next) = (sample.number, sample.number + 1);
        match decode(&mut decoder, recording, &sample, row).map_err(damaged)? {
            None => builder.push(sample, None),
            Some(states) => {
                let table = identities.table(connection, states).at(path)?;
                builder.push(sample, Some(table));
            }
        }
    }
    if builder.is_empty() {
        return Ok(None);
    }
    let built = builder.finish(recording.0, first, last);
    built.map(Some).at(path)
}

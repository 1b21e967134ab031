//! Writes marks, which name moments, and names of recordings, beside the recorder.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use crate::db::columns::{MARK, RECORDING};
use crate::db::open::BUSY_TIMEOUT;
use crate::db::transaction::Transaction;
use crate::db::{insert, open, row_checksum, schema};
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::tables::recording;

/// Adds a mark to a recording in the file at `path`, also while a recorder writes to it.
///
/// `utc_ns` is the moment in nanoseconds since 1970-01-01 UTC.
pub fn add_mark(path: &Path, recording: RecordingId, utc_ns: i64, text: &str) -> Result<(), Error> {
    let added = beside(path, |transaction| insert(transaction, recording, utc_ns, text))?;
    if added {
        Ok(())
    } else {
        Err(Error::NoSuchRecording { id: recording, path: path.to_owned() })
    }
}

/// Deletes the marks of a recording that have this text, also while a recorder writes to the file at
/// `path`; returns how many there were.
pub fn delete_marks(path: &Path, recording: RecordingId, text: &str) -> Result<usize, Error> {
    beside(path, |transaction| {
        transaction.execute(
            "DELETE FROM mark WHERE recording = ? AND text = ?",
            params![recording.0, text],
        )
    })
}

/// Names a recording anew, or takes its name away, also while a recorder writes to the file at `path`.
pub fn rename(path: &Path, recording: RecordingId, name: Option<&str>) -> Result<(), Error> {
    let there = beside(path, |transaction| {
        let there = recording::exists(transaction, recording)?;
        if there {
            row_checksum::update(transaction, &RECORDING, recording.0, || {
                transaction.execute(
                    "UPDATE recording SET name = ? WHERE id = ?",
                    params![name, recording.0],
                )
            })?;
        }
        Ok(there)
    })?;
    if there {
        Ok(())
    } else {
        Err(Error::NoSuchRecording { id: recording, path: path.to_owned() })
    }
}

/// Changes the file at `path` in one durable transaction, beside a recorder if there is one.
fn beside<T>(
    path: &Path,
    change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    open::must_be_ours(path)?;
    open::check_neighbours(&open::real_path(path)?)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).at(path)?;
    connection.busy_timeout(BUSY_TIMEOUT).at(path)?;
    schema::check(&connection, path)?;
    open::make_durable(&connection).at(path)?;
    let transaction = Transaction::begin(&mut connection).at(path)?;
    let changed = change(&transaction).at(path)?;
    transaction.commit().at(path)?;
    Ok(changed)
}

/// Writes the mark unless there is no such recording.
fn insert(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    utc_ns: i64,
    text: &str,
) -> rusqlite::Result<bool> {
    let there = recording::exists(transaction, recording)?;
    if there {
        let id = insert::next_id(transaction, &MARK)?;
        insert::row(transaction, &MARK, params![id, recording.0, utc_ns, text])?;
    }
    Ok(there)
}

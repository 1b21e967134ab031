//! Writes marks, which name moments, beside the recorder.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use crate::db::columns::MARK;
use crate::db::open::BUSY_TIMEOUT;
use crate::db::transaction::Transaction;
use crate::db::{insert, open, schema};
use crate::error::{At, Error};
use crate::recording::RecordingId;

/// Adds a mark to a recording in the file at `path`, also while a recorder writes to it.
///
/// `utc_ns` is the moment in nanoseconds since 1970-01-01 UTC.
pub fn add_mark(path: &Path, recording: RecordingId, utc_ns: i64, text: &str) -> Result<(), Error> {
    open::must_be_ours(path)?;
    open::check_neighbours(&open::real_path(path)?)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).at(path)?;
    connection.busy_timeout(BUSY_TIMEOUT).at(path)?;
    schema::check(&connection, path)?;
    open::make_durable(&connection).at(path)?;
    let transaction = Transaction::begin(&mut connection).at(path)?;
    let added = insert(&transaction, recording, utc_ns, text).at(path)?;
    if !added {
        return Err(Error::NoSuchRecording { id: recording, path: path.to_owned() });
    }
    transaction.commit().at(path)
}

/// Writes the mark unless there is no such recording.
fn insert(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    utc_ns: i64,
    text: &str,
) -> rusqlite::Result<bool> {
    let there: bool = transaction.query_row(
        "SELECT count(*) FROM recording WHERE id = ?",
        [recording.0],
        |row| row.get(0),
    )?;
    if there {
        let id = insert::next_id(transaction, &MARK)?;
        insert::row(transaction, &MARK, params![id, recording.0, utc_ns, text])?;
    }
    Ok(there)
}

//! Marks: written by whoever wants to name a moment, beside the recorder.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use crate::db::open::{BUSY_TIMEOUT, Found};
use crate::db::transaction::Transaction;
use crate::db::{open, row_checksum, schema};
use crate::error::Error;
use crate::recording::RecordingId;

/// Adds a mark to a recording in the file at `path`, also while a recorder writes to it.
///
/// `utc_ns` is the moment in nanoseconds since 1970-01-01 UTC.
pub fn add_mark(path: &Path, recording: RecordingId, utc_ns: i64, text: &str) -> Result<(), Error> {
    match open::identify(path)? {
        Found::Nothing => return Err(Error::Missing { path: path.to_owned() }),
        Found::Empty => {
            return Err(Error::NotARecording { path: path.to_owned(), what: "is empty" });
        }
        Found::Ours => {}
    }
    let sql = |source| Error::sql(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(sql)?;
    let version = schema::version(&connection, path)?;
    open::make_durable(&connection).map_err(sql)?;
    let transaction = Transaction::begin(&mut connection).map_err(sql)?;
    let added = insert(&transaction, version, recording, utc_ns, text).map_err(sql)?;
    if !added {
        return Err(Error::NoSuchRecording { id: recording, path: path.to_owned() });
    }
    transaction.commit().map_err(sql)
}

/// Writes the mark unless there is no such recording.
fn insert(
    transaction: &Transaction<'_>,
    version: u32,
    recording: RecordingId,
    utc_ns: i64,
    text: &str,
) -> rusqlite::Result<bool> {
    let added = transaction.execute(
        "INSERT INTO mark (recording, utc_ns, text) SELECT id, ?2, ?3 FROM recording WHERE id = ?1",
        params![recording.0, utc_ns, text],
    )?;
    // Files of older versions, which only a recorder migrates, have no checksums.
    if added > 0 && version >= 3 {
        row_checksum::seal(transaction, "mark", transaction.last_insert_rowid())?;
    }
    Ok(added > 0)
}

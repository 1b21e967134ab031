//! Writes marks, which name moments, and names of recordings, beside the recorder.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use crate::db::columns::{MARK, RECORDING};
use crate::db::transaction::Transaction;
use crate::db::{insert, open, row_checksum, schema};
use crate::error::{At, Error};
use crate::recording::{Mark, RecordingId};
use crate::tables::recording;
use crate::write::writer::Writer;

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

impl Writer {
    /// Adds a mark to a recording, as [`add_mark`] does from beside.
    pub fn mark(&mut self, recording: RecordingId, utc_ns: i64, text: &str) -> Result<(), Error> {
        match self.while_held(|transaction, _| insert(transaction, recording, utc_ns, text))? {
            true => Ok(()),
            false => Err(Error::NoSuchRecording { id: recording, path: self.path.clone() }),
        }
    }

    /// Returns the marks of all recordings that were set after that of the number `after`, also by
    /// others, with the number of the last.
    pub fn marks_after(&self, after: i64) -> Result<(i64, Vec<Mark>), Error> {
        let sql = format!("SELECT {} FROM mark WHERE id > ? ORDER BY id", MARK.list());
        let read = || -> rusqlite::Result<Vec<(i64, Mark)>> {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let marks = statement
                .query_map([after], |row| Ok((row.get(0)?, recording::mark_from_row(row)?)))?;
            marks.collect()
        };
        let marks = read().at(&self.path)?;
        let last = marks.last().map_or(after, |(id, _)| *id);
        Ok((last, marks.into_iter().map(|(_, mark)| mark).collect()))
    }
}

/// Deletes marks, also while a recorder writes to the file at `path`; returns how many of them there
/// still were.
pub fn delete_marks(path: &Path, marks: &[&Mark]) -> Result<usize, Error> {
    beside(path, |transaction| {
        let delete = |mark: &&Mark| {
            transaction.execute(
                "DELETE FROM mark WHERE recording = ? AND utc_ns = ? AND text = ?",
                params![mark.recording.0, mark.utc_ns, mark.text],
            )
        };
        marks.iter().map(delete).sum()
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

/// How long to wait for a recorder that writes: on a busy machine with a slow disk it may be long
/// until its samples are durable.
const WAIT: Duration = Duration::from_secs(60);

/// Changes the file at `path` in one durable transaction, beside a recorder if there is one.
pub(crate) fn beside<T>(
    path: &Path,
    change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    beside_within(path, WAIT, change)
}

/// Does the same, and gives up if the file stays locked for so long.
fn beside_within<T>(
    path: &Path,
    wait: Duration,
    change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    open::must_be_ours(path)?;
    open::check_neighbours(&open::real_path(path)?)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).at(path)?;
    connection.busy_timeout(wait).at(path)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A file without a recording, and a connection that holds a transaction open.
    fn held() -> (tempfile::TempDir, std::path::PathBuf, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held.db");
        drop(Writer::open(&path).unwrap());
        let beside = Connection::open(&path).unwrap();
        beside.execute_batch("BEGIN IMMEDIATE").unwrap();
        (folder, path, beside)
    }

    #[test]
    fn a_file_that_stays_locked_is_reported_by_name() {
        let (_folder, path, beside) = held();
        let refused = beside_within(&path, Duration::from_millis(50), |_| Ok(()));
        assert!(matches!(&refused, Err(Error::Locked { path: of }) if *of == path), "{refused:?}");
        beside.execute_batch("ROLLBACK").unwrap();
        beside_within(&path, Duration::from_millis(50), |_| Ok(())).unwrap();
    }

    #[test]
    fn a_mark_waits_for_a_transaction_of_another_program() {
        let (_folder, path, beside) = held();
        std::thread::scope(|scope| {
            let marked = scope.spawn(|| add_mark(&path, RecordingId(1), 5, "warm"));
            // Long enough that it has found the lock; if not, the test proves less, not wrongly.
            std::thread::sleep(Duration::from_millis(200));
            assert!(!marked.is_finished());
            beside.execute_batch("COMMIT").unwrap();
            // Nothing is recorded there, which is found out after the wait.
            let found = marked.join().unwrap();
            assert!(matches!(found, Err(Error::NoSuchRecording { .. })), "{found:?}");
        });
    }
}

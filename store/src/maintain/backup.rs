//! Copies a file online: a consistent state of it, while its recorder goes on.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::db::lock::{Lock, beside};
use crate::db::open::BUSY_TIMEOUT;
use crate::db::{open, wal};
use crate::error::{At, Error};
use crate::maintain::verify;
use crate::maintain::verify::Counts;
use crate::read::store::Store;

/// The contents of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Bytes of the copy.
    pub bytes: u64,
    /// The recordings and samples in it.
    pub counts: Counts,
    /// Its damage, or samples that may be missing because the log of the source is damaged.
    pub problems: Vec<String>,
}

impl Store {
    /// Copies the file, as it is at this moment, to `to`; a file there is only replaced if `replace`.
    ///
    /// A recorder that writes to the file is not delayed. The copy gets its name once it is
    /// complete, verified and on disk; it has mode 0600 and can be read from a read-only folder.
    pub fn backup(&self, to: &Path, replace: bool) -> Result<Copied, Error> {
        let to = open::new_path(to)?;
        if same_file(&open::real_path(&self.path)?, &to) {
            return Err(Error::SameFile { path: to });
        }
        let _lock = free(&to, replace)?;
        let draft = draft(&to)?;
        let copied = self.copy(&draft).and_then(|counts| {
            let mut problems = Vec::new();
            wal::problems(&open::real_path(&self.path)?, &mut problems).at(&self.path)?;
            problems.append(&mut Self::open(&draft)?.verify()?);
            put(&draft, &to)?;
            let bytes = fs::metadata(&to).at(&to)?.len();
            Ok(Copied { bytes, counts, problems })
        });
        if copied.is_err() {
            let _ = fs::remove_file(&draft);
        }
        copied
    }

    fn copy(&self, draft: &Path) -> Result<Counts, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(draft, flags).at(draft)?;
        copy.busy_timeout(BUSY_TIMEOUT).at(draft)?;
        let mut stepped = Ok(StepResult::Busy);
        let counts = self.read(|connection| {
            // Counting begins the transaction in which all pages are read, in one step: pages that
            // a recorder writes in between are not seen and do not restart the copy.
            let counts = verify::counts(connection)?;
            stepped = Backup::new(connection, &mut copy).and_then(|backup| backup.step(-1));
            Ok(counts)
        })?;
        match stepped.at(draft)? {
            StepResult::Done => {}
            _ => return Err(Error::io(&self.path, ErrorKind::WouldBlock.into())),
        }
        // A recorder leaves its file in WAL mode, which cannot be read from a read-only folder.
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).at(draft)?;
        copy.close().map_err(|(_, source)| source).at(draft)?;
        Ok(counts)
    }
}

/// Returns whether both paths lead to the same file.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Checks that a new file may be created at `path`, and locks the path against recorders.
pub(crate) fn free(path: &Path, replace: bool) -> Result<Lock, Error> {
    let lock = Lock::take(path)?;
    match fs::symlink_metadata(path) {
        Ok(there) if !replace || !there.is_file() => Err(Error::Exists { path: path.to_owned() }),
        _ => Ok(lock),
    }
}

/// Creates an empty draft of the file `path`, and returns its name.
pub(crate) fn draft(path: &Path) -> Result<std::path::PathBuf, Error> {
    let draft = beside(path, "-new");
    for stale in [draft.clone(), beside(&draft, "-journal"), beside(&draft, "-wal")] {
        remove(&stale)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).at(&draft)?;
    Ok(draft)
}

/// Renames the complete file `draft` to `path`, durably.
pub(crate) fn put(draft: &Path, path: &Path) -> Result<(), Error> {
    File::open(draft).and_then(|file| file.sync_all()).at(draft)?;
    // The log of the replaced file would be taken for one of the new file. If this process ends
    // before the rename, the old file is complete without its log.
    fold_log(path)?;
    for log in ["-wal", "-shm", "-journal"] {
        remove(&beside(path, log))?;
    }
    fs::rename(draft, path).at(draft)?;
    open::sync_folder(path)
}

/// Moves the contents of the log of the file at `path`, if there is one, into the file. An
/// unreadable file has nothing to move.
fn fold_log(path: &Path) -> Result<(), Error> {
    let has_bytes = |suffix| fs::metadata(beside(path, suffix)).is_ok_and(|log| log.len() > 0);
    if !has_bytes("-wal") && !has_bytes("-journal") {
        return Ok(());
    }
    let fold = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let old = Connection::open_with_flags(path, flags)?;
        open::set_up(&old)?;
        open::make_durable(&old)?;
        old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        old.close().map_err(|(_, source)| source)
    };
    match fold().at(path) {
        Err(Error::Damaged { .. }) => Ok(()),
        other => other,
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_whose_log_was_folded_is_complete_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, killed) = (folder.path().join("a.db"), folder.path().join("b.db"));
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (7)",
            )
            .unwrap();
        // As a killed process leaves it: most of it is in the log.
        for suffix in ["", "-wal"] {
            fs::copy(beside(&path, suffix), beside(&killed, suffix)).unwrap();
        }
        fold_log(&killed).unwrap();
        for suffix in ["-wal", "-shm"] {
            remove(&beside(&killed, suffix)).unwrap();
        }
        let read = |path: &Path| -> rusqlite::Result<i64> {
            Connection::open(path)?.query_row("SELECT a FROM t", [], |row| row.get(0))
        };
        assert_eq!(read(&killed).unwrap(), 7);
    }
}

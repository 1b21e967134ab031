//! Prunes a copy of a file, to find out what pruning deletes and whether a
//! limit can be met, before anything is deleted.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, process};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use vmrec_sampler::Timestamp;

use crate::db::lock::beside;
use crate::db::open;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::retention::Pruning;
use crate::retention::load::PageCounts;
use crate::retention::policy::{Pruned, Retention};
use crate::retention::step::Pruner;
use crate::write::recovery;

/// Prunes a copy of the file at `path` as [`crate::write::writer::Writer::prune`] would prune the
/// file itself, and returns the result; fails if the file would still be too large.
pub(crate) fn trial(
    source: &Connection,
    path: &Path,
    policy: &Retention,
    only: Option<&[RecordingId]>,
    running: &[RecordingId],
    now: Timestamp,
) -> Result<Pruned, Error> {
    let mut connection = {
        let scratch = Scratch::create()?;
        copy(source, &scratch.0).at(&scratch.0)?
    };
    recovery::tidy(&mut connection, path, running)?;
    let mut pruning = Pruning::of(policy, only);
    let mut pruner = Pruner {
        connection: &mut connection,
        path,
        recorded: None,
        running: running.to_vec(),
        pruning: &mut pruning,
    };
    pruner.run(now)?;
    if let (Some(limit_bytes), 1..) = (policy.max_bytes, pruner.excess_bytes()?) {
        let fixed_bytes = pruner.used_bytes()?;
        return Err(Error::LimitTooSmall { path: path.to_owned(), limit_bytes, fixed_bytes });
    }
    let pages = PageCounts::of(&connection).at(path)?;
    Ok(Pruned { bytes_after: pages.count * pages.bytes, ..pruning.gone })
}

fn copy(source: &Connection, to: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags)?;
    open::set_up(&copy)?;
    copy.execute_batch("PRAGMA synchronous = OFF")?;
    if Backup::new(source, &mut copy)?.step(-1)? != StepResult::Done {
        return Err(rusqlite::Error::InvalidQuery);
    }
    copy.set_prepared_statement_cache_capacity(open::STATEMENTS);
    // No file of SQLite's own is beside it then.
    copy.query_row("PRAGMA journal_mode = MEMORY", [], |_| Ok(()))?;
    copy.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY")?;
    Ok(copy)
}

/// A private file in the folder for temporary files. Dropped, it has no name any more and goes with
/// the connection to it, even if this process is killed.
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> Result<Self, Error> {
        static CREATED: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = CREATED.fetch_add(1, Ordering::Relaxed);
            let name = OsString::from(format!("vmrec-{}-{number}.db", process::id()));
            let path = env::temp_dir().join(name);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(_) => return Ok(Self(path)),
                // Left by a killed process of the same pid.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(&path, error)),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(beside(&self.0, suffix));
        }
    }
}

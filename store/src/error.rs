//! Errors of recording files, distinguished by how the caller reacts.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::recording::RecordingId;

/// An error of the store. Messages name the file; callers add hints.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a recording; it was not touched.
    #[error("{} is not a recording: it {what}", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// Its kind, such as `is a text file`.
        what: &'static str,
    },
    /// A newer vmrec wrote the file.
    #[error("{} has version {found}, and this vmrec knows versions up to {known}", path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A vmrec before the first release wrote the file.
    #[error("{} was written by a vmrec before release 0.1.0, in a format that is no longer read", path.display())]
    Draft {
        /// The file.
        path: PathBuf,
    },
    /// The file's tables are not those of its version.
    #[error("the tables of {} are not those of version {version}", path.display())]
    OtherSchema {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A file beside the recording is a link or not a regular file.
    #[error("{} is a link or not a regular file", path.display())]
    NotPlain {
        /// That file.
        path: PathBuf,
    },
    /// The file has several hard links.
    #[error("{} is one of several names of its file", path.display())]
    HardLinked {
        /// The file.
        path: PathBuf,
    },
    /// The file was deleted, moved or replaced while it was recorded to.
    #[error("{} was deleted, moved or replaced while vmrec recorded to it", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
    },
    /// The lock was deleted while a sample was being written; the sample is not stored.
    #[error("the lock of {} was deleted", path.display())]
    LockLost {
        /// The file.
        path: PathBuf,
    },
    /// Another recorder is writing to the file.
    #[error("{} is being recorded to by {}", path.display(), recorder(*pid))]
    Busy {
        /// The file.
        path: PathBuf,
        /// The pid of the other recorder, if its lock file has it.
        pid: Option<u32>,
    },
    /// Another program kept the file locked for longer than it was waited for.
    #[error("{} stayed locked by another program", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A recorder was killed, and its last samples can only be read if its folder is writable.
    #[error(
        "{0} was not closed by its recorder: its newest samples are in {0}-wal, and SQLite must write to the folder to read them",
        path.display()
    )]
    FolderNotWritable {
        /// The file.
        path: PathBuf,
    },
    /// The folder of the file to create does not exist.
    #[error("cannot create {}: the folder {} does not exist", path.display(), folder.display())]
    FolderMissing {
        /// The folder.
        folder: PathBuf,
        /// The file to create.
        path: PathBuf,
    },
    /// The file to create exists already.
    #[error("{} exists already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The source and the target of a copy are the same file.
    #[error("{} is the file to be copied", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// There is no room for more; all earlier samples are stored.
    #[error("no room left to write to {}{}", path.display(), limit_in_words(*limit_bytes))]
    DiskFull {
        /// The file.
        path: PathBuf,
        /// The limit on file sizes of this process, if that was reached and not the end of the
        /// disk.
        limit_bytes: Option<u64>,
    },
    /// The file cannot be made as small as required; nothing was deleted.
    #[error(
        "{} cannot be kept to {limit_bytes} bytes: {fixed_bytes} bytes of it must stay",
        path.display()
    )]
    LimitTooSmall {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit_bytes: u64,
        /// The bytes that are left when all is deleted that may be.
        fixed_bytes: u64,
    },
    /// The file is damaged.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage and its location.
        what: String,
    },
    /// The file holds no such recording.
    #[error("no recording {} in {}", id.0, path.display())]
    NoSuchRecording {
        /// The requested number.
        id: RecordingId,
        /// The file.
        path: PathBuf,
    },
    /// The recording has no such sample.
    #[error("no sample {number} in recording {} of {}", recording.0, path.display())]
    NoSuchSample {
        /// The recording.
        recording: RecordingId,
        /// The requested number.
        number: u64,
        /// The file.
        path: PathBuf,
    },
    /// The sample was not taken, so it has no regions.
    #[error("sample {number} of recording {} in {} was missed: {reason}", recording.0, path.display())]
    Missed {
        /// The recording.
        recording: RecordingId,
        /// The sample's number.
        number: u64,
        /// Why it was not taken.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// A sample or an end was passed before a recording began.
    #[error("no recording has begun in {}", path.display())]
    NotBegun {
        /// The file.
        path: PathBuf,
    },
    /// The active recording has not ended.
    #[error("recording {} in {} has not ended", id.0, path.display())]
    NotEnded {
        /// The active recording.
        id: RecordingId,
        /// The file.
        path: PathBuf,
    },
    /// A file could not be opened, read or written.
    #[error("cannot access {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The SQL of a reader cannot be run.
    #[error("{message}")]
    Query {
        /// The error and its location.
        message: String,
    },
    /// SQLite failed.
    #[error("cannot use {} as a database", path.display())]
    Sql {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Adds the path of the file to an error of SQLite or of the system.
pub(crate) trait At<T> {
    /// Returns the value, or the error of the file at `path`.
    fn at(self, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::sql(path, source))
    }
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::io(path, source))
    }
}

impl Error {
    /// Converts an error of SQLite about the file at `path`.
    pub(crate) fn sql(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path, limit_bytes: None },
            Some(ErrorCode::SystemIoFailure) if let limit_bytes @ Some(_) = limit_met(&path) => {
                Self::DiskFull { path, limit_bytes }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path, what: source.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            _ if is_wrong_value(&source) => Self::Damaged { path, what: describe(&source) },
            _ => Self::Sql { path, source },
        }
    }

    /// Converts an error of the system about the file at `path`.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            std::io::ErrorKind::StorageFull => Self::DiskFull { path, limit_bytes: None },
            std::io::ErrorKind::FileTooLarge => {
                Self::DiskFull { path, limit_bytes: vmrec_sampler::max_file_bytes() }
            }
            std::io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Io { path, source },
        }
    }
}

fn limit_in_words(limit_bytes: Option<u64>) -> String {
    limit_bytes.map_or_else(String::new, |bytes| format!(": files are limited to {bytes} bytes"))
}

/// Returns the limit on file sizes, if the file at `path` or its log has reached it.
///
/// A write beyond the limit fills the file up to it before it fails, and SQLite reports only that a
/// write failed.
fn limit_met(path: &Path) -> Option<u64> {
    let limit = vmrec_sampler::max_file_bytes()?;
    let path = std::fs::canonicalize(path).ok()?;
    let met = ["", "-wal", "-journal"].into_iter().any(|suffix| {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        std::fs::metadata(name).is_ok_and(|metadata| metadata.len() >= limit)
    });
    met.then_some(limit)
}

/// Describes an error; of a damaged row, returns only its name.
pub(crate) fn describe(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::FromSqlConversionFailure(.., what) if what.is::<Mismatch>() => {
            what.to_string()
        }
        other => other.to_string(),
    }
}

/// Returns whether a column holds a value that no recorder writes.
pub(crate) const fn is_wrong_value(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    )
}

fn recorder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another vmrec".to_owned(), |pid| format!("another vmrec (pid {pid})"))
}

/// A row that does not match its checksum.
#[derive(Debug, thiserror::Error)]
#[error("{0} does not match its checksum")]
pub(crate) struct Mismatch(pub(crate) String);

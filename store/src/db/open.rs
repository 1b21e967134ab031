//! Opens, creates and identifies recording files.

use std::fmt::Write as _;
use std::fs;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::db::lock;
use crate::db::lock::beside;
use crate::db::schema::{APPLICATION_ID, DRAFT_APPLICATION_ID, migrate};
use crate::db::{bulk_read, schema};
use crate::error::{At, Error};

/// The state of a file that may hold recordings, or may be made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileState {
    /// No file.
    Nothing,
    /// A file of no bytes.
    Empty,
    /// A recording file.
    Ours,
}

/// Identifies the file at `path` and leaves no trace beside a foreign database.
///
/// Recording files are only read through SQLite: if vmrec opened and closed one itself, the system
/// would drop the locks of every connection this process has to it.
pub(crate) fn identify(path: &Path) -> Result<FileState, Error> {
    let not_ours = |what| Error::NotARecording { path: path.to_owned(), what };
    let bytes = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(FileState::Nothing),
        Err(source) => return Err(Error::io(path, source)),
        Ok(metadata) if metadata.is_dir() => return Err(not_ours("is a folder")),
        Ok(metadata) if !metadata.is_file() => return Err(not_ours("is not a regular file")),
        Ok(metadata) if metadata.len() == 0 => return Ok(FileState::Empty),
        Ok(metadata) => metadata.len(),
    };
    let application: rusqlite::Result<i32> = open_immutable(path)
        .and_then(|connection| connection.query_row("PRAGMA application_id", [], |row| row.get(0)));
    match application {
        Ok(APPLICATION_ID) => Ok(FileState::Ours),
        Ok(DRAFT_APPLICATION_ID) => Err(Error::Draft { path: path.to_owned() }),
        // SQLite treats a file shorter than its smallest page as an empty database, whatever it
        // holds.
        Ok(_) if bytes >= SMALLEST_PAGE_BYTES => {
            Err(not_ours("is an SQLite database of another program"))
        }
        Ok(_) | Err(_) => {
            let mut header = Vec::new();
            File::open(path)
                .and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut header))
                .at(path)?;
            if header.get(APPLICATION_ID_PLACE) == Some(&APPLICATION_ID.to_be_bytes()) {
                return Ok(FileState::Ours); // possibly damaged: opening it will show
            }
            Err(not_ours(if header.starts_with(SQLITE_MAGIC) {
                "is an SQLite database of another program"
            } else if is_text(&header) {
                "is a text file"
            } else {
                "is not an SQLite database"
            }))
        }
    }
}

/// Checks that the file at `path` is a recording file.
pub(crate) fn must_be_ours(path: &Path) -> Result<(), Error> {
    match identify(path)? {
        FileState::Nothing => Err(Error::Missing { path: path.to_owned() }),
        FileState::Empty => Err(Error::NotARecording { path: path.to_owned(), what: "is empty" }),
        FileState::Ours => Ok(()),
    }
}

/// Opens a file that nobody writes to, or to read only what never changes: without lock, log or
/// trace.
pub(crate) fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable_uri(path), flags)?;
    set_up(&connection)?;
    Ok(connection)
}

/// Registers [`bulk_read`] and keeps query plans: otherwise statements with a range are planned
/// again for each of its values, which takes longer than running them.
///
/// Runs nothing that a file brings along: neither triggers nor functions in its schema, and only
/// plain statements may change it.
pub(crate) fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    bulk_read::register(connection)
}

/// Makes commits of a connection survive a power cut.
///
/// In WAL mode EXTRA equals FULL; in rollback mode, as of a closed file, it also syncs the removal
/// of the journal. On macOS only a full sync passes the disk's own cache.
pub(crate) fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA synchronous = EXTRA; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;",
    )
}

pub(crate) fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02x}");
        }
    }
    uri + "?immutable=1"
}

pub(crate) fn is_text(header: &[u8]) -> bool {
    // The last character may be cut off.
    let valid = header.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.len() + 4 > header.len()
        && valid.chars().all(|character| !character.is_control() || character.is_whitespace())
}

/// Returns the canonical path of the file, so that links to it share its lock.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf, Error> {
    if let Ok(real) = fs::canonicalize(path) {
        return Ok(real);
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| Error::Missing { path: path.to_owned() })?;
    Ok(fs::canonicalize(folder).at(folder)?.join(name))
}

/// Returns the absolute path of a file to create, whose folder must exist.
pub(crate) fn new_path(path: &Path) -> Result<PathBuf, Error> {
    real_path(path).map_err(|error| match (error, path.parent()) {
        (Error::Missing { .. }, Some(folder)) if !folder.as_os_str().is_empty() => {
            Error::FolderMissing { folder: folder.to_owned(), path: path.to_owned() }
        }
        (error, _) => error,
    })
}

/// Checks the files beside a recording that SQLite would open: none is a link, a FIFO or a device.
pub(crate) fn check_neighbours(path: &Path) -> Result<(), Error> {
    ["-wal", "-shm", "-journal", "-lock"]
        .into_iter()
        .try_for_each(|suffix| lock::plain(&beside(path, suffix)))
}

/// Creates an empty recording file at `path`, where there is none or an empty one.
///
/// It is created under another name and moved there when complete, so that a recorder killed in
/// between leaves no partial file. The caller holds the lock.
pub(crate) fn create(path: &Path) -> Result<(), Error> {
    let draft = beside(path, "-new");
    for stale in [draft.clone(), beside(&draft, "-journal")] {
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io(&stale, error));
            }
            _ => {}
        }
    }
    let drafted = write_draft(path, &draft);
    if drafted.is_err() {
        let _ = fs::remove_file(&draft);
    }
    drafted
}

pub(crate) fn write_draft(path: &Path, draft: &Path) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft);
    let file = file.at(draft)?;
    if let Ok(existing) = fs::metadata(path) {
        let mode = Permissions::from_mode(existing.permissions().mode() & 0o777);
        file.set_permissions(mode).at(draft)?;
    }
    let connection = lay_out(draft).at(path)?;
    connection.close().map_err(|(_, source)| source).at(path)?;
    fs::rename(draft, path).at(path)?;
    sync_folder(path)
}

/// Turns the empty file at `path` into one of the newest version.
pub(crate) fn lay_out(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL;")?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Makes the name of the file at `path` survive a power cut, as its samples do.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent() else { return Ok(()) };
    File::open(folder).and_then(|folder| folder.sync_all()).at(folder)
}

pub(crate) const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";

pub(crate) const APPLICATION_ID_PLACE: std::ops::Range<usize> = 68..72;

pub(crate) const HEADER_BYTES: u64 = 100;

/// The page size of recording files: each table and index takes at least one page, and a sample
/// changes some bytes on a few. Larger pages would make up most of a recording of a few seconds.
pub(crate) const PAGE_BYTES: usize = 1024;

/// The number of pages in the log from which on they are moved to the file as soon as nobody reads
/// from it.
const CHECKPOINT_PAGES: i64 = 256;

/// SQLite's smallest page size.
pub(crate) const SMALLEST_PAGE_BYTES: u64 = 512;

/// Opens the file read-only and reads from it, because only then does SQLite open its log.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", CACHE_PAGES)?;
    Ok(connection)
}

/// Rolls back an unfinished transaction in a file without a log, which takes a writable connection.
pub(crate) fn roll_back(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

pub(crate) fn has_bytes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Returns whether SQLite failed because it may not create or recover its log.
pub(crate) fn wants_to_write(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// The number of pages a reader caches: it reads the file once, and fresh memory costs more than
/// reading a page again from the system.
pub(crate) const CACHE_PAGES: u32 = 400;

/// Prepares the connection for one writer and any number of readers. Properties of the file itself
/// (page size, vacuum mode) were set when it was created.
pub(crate) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // If the file system does not support WAL, the mode stays as it is: just as durable, but
    // readers wait.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    make_durable(connection)?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    // A small cache keeps the recorder small: a sample changes few pages.
    connection.execute_batch("PRAGMA cache_size = -512")?;
    connection.query_row("PRAGMA journal_size_limit = 1048576", [], |_| Ok(()))?;
    schema::migrate(connection)
}

/// Returns the bytes of the file at `path` and of its write-ahead log.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    bytes_of(path) + log_bytes(path)
}

/// Returns the bytes of the write-ahead log of the file at `path`.
pub(crate) fn log_bytes(path: &Path) -> u64 {
    bytes_of(&beside(path, "-wal"))
}

fn bytes_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Sets the approximate maximum bytes of the write-ahead log while nobody reads from the file.
pub(crate) fn limit_log(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    // The last transaction before the log is moved to the file needs room too.
    let pages = bytes / PAGE_BYTES as u64 * 3 / 4;
    connection.query_row(&format!("PRAGMA wal_autocheckpoint = {pages}"), [], |_| Ok(()))?;
    connection.query_row(&format!("PRAGMA journal_size_limit = {bytes}"), [], |_| Ok(()))
}

/// How long to wait while a mark is being written.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// More than the number of statements, so that none is prepared twice.
pub(crate) const STATEMENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::schema::check;

    #[test]
    fn a_new_file_is_a_private_and_complete_recording_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert_eq!(identify(&path).unwrap(), FileState::Nothing);
        fs::write(beside(&path, "-new"), "left by a recorder killed while creating").unwrap();
        create(&path).unwrap();
        assert_eq!(identify(&path).unwrap(), FileState::Ours);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let connection = Connection::open(&path).unwrap();
        check(&connection, &path).unwrap();
        let vacuum: u32 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap();
        assert_eq!(vacuum, 2);
    }

    #[test]
    fn a_file_in_the_middle_of_a_checkpoint_is_a_recording_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        create(&path).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(4096).unwrap();
        assert_eq!(identify(&path).unwrap(), FileState::Ours);
    }

    #[test]
    fn any_path_makes_a_uri() {
        assert_eq!(
            immutable_uri(Path::new("/a b/c?d%é.db")),
            "file:/a%20b/c%3fd%25%c3%a9.db?immutable=1"
        );
    }

    #[test]
    fn other_files_are_identified() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let what = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            match identify(&path) {
                Err(Error::NotARecording { what, .. }) => what,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(what(b"hello\n"), "is a text file");
        assert_eq!(what("é".repeat(60).as_bytes()), "is a text file");
        assert_eq!(what(&[0, 1, 2]), "is not an SQLite database");
        assert_eq!(what(b"SQLite format 3\0"), "is an SQLite database of another program");
        fs::remove_file(&path).unwrap();
        let draft = Connection::open(&path).unwrap();
        draft
            .execute_batch("CREATE TABLE recording (id); PRAGMA application_id = 1986884197")
            .unwrap();
        drop(draft);
        assert!(matches!(identify(&path), Err(Error::Draft { .. })));
        fs::write(&path, b"").unwrap();
        assert_eq!(identify(&path).unwrap(), FileState::Empty);
        assert!(matches!(
            identify(folder.path()),
            Err(Error::NotARecording { what: "is a folder", .. })
        ));
    }
}

//! What makes a file a recording: its application id, its version, and the
//! migrations that lead from one version to the next.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::Error;
use crate::lock::beside;
use crate::packed;
use crate::rollup;
use crate::transaction::Transaction;

/// Written to the header of every recording: `vmre`.
pub(crate) const APPLICATION_ID: i32 = 0x766d_7265;

/// What leads from version n to n + 1, oldest first. Only ever appended to.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../migrations/0001_initial.sql"),
    include_str!("../../migrations/0002_evidence.sql"),
    include_str!("../../migrations/0003_chunks.sql"),
    include_str!("../../migrations/0004_rollup_hours.sql"),
];

/// The newest version known.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// The version that chunks, kinds of regions and checksums of rows came with.
pub(crate) const WITH_CHUNKS: u32 = 3;
/// The version that rollups by the hour got their own table with.
pub(crate) const WITH_HOURS: u32 = 4;

const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
const APPLICATION_ID_PLACE: std::ops::Range<usize> = 68..72;
const HEADER_BYTES: u64 = 100;

/// A file that may hold recordings, or become one that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No file.
    Nothing,
    /// A file of no bytes.
    Empty,
    /// A file of ours.
    Ours,
}

/// The smallest page SQLite knows.
const SMALLEST_PAGE_BYTES: u64 = 512;

/// Tells what lies at `path`, leaving no trace beside a foreign database.
///
/// Our own files are looked at through SQLite: were we to open and close one ourselves, the system
/// would drop the locks of every connection this process has to it.
pub(crate) fn identify(path: &Path) -> Result<Found, Error> {
    let not_ours = |what| Error::NotARecording { path: path.to_owned(), what };
    let bytes = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => return Err(Error::io(path, source)),
        Ok(metadata) if metadata.is_dir() => return Err(not_ours("is a folder")),
        Ok(metadata) if !metadata.is_file() => return Err(not_ours("is not a regular file")),
        Ok(metadata) if metadata.len() == 0 => return Ok(Found::Empty),
        Ok(metadata) => metadata.len(),
    };
    let application: rusqlite::Result<i32> = open_immutable(path)
        .and_then(|connection| connection.query_row("PRAGMA application_id", [], |row| row.get(0)));
    match application {
        Ok(APPLICATION_ID) => Ok(Found::Ours),
        // SQLite takes a file shorter than its smallest page for an empty database, whatever it holds.
        Ok(_) if bytes >= SMALLEST_PAGE_BYTES => {
            Err(not_ours("is an SQLite database of another program"))
        }
        Ok(_) | Err(_) => {
            let mut header = Vec::new();
            File::open(path)
                .and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut header))
                .map_err(|source| Error::io(path, source))?;
            if header.get(APPLICATION_ID_PLACE) == Some(&APPLICATION_ID.to_be_bytes()) {
                return Ok(Found::Ours); // damaged or not: whoever opens it will see
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

/// Opens a file nobody writes to, or of which only what never changes is read: no lock, no log, no trace.
pub(crate) fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(immutable_uri(path), flags)?;
    set_up(&connection)?;
    Ok(connection)
}

/// Lets statements call [`packed`], and keeps them as they were planned: else those with a range
/// are planned anew for each of its values, which takes longer than running them.
pub(crate) fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    packed::register(connection)
}

/// Lets what a connection commits outlive a power cut.
///
/// EXTRA is FULL in WAL mode; in the other one, as of a closed file, it makes durable that the
/// journal's name is gone. On macOS only a full sync goes past the disk's own cache.
pub(crate) fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA synchronous = EXTRA; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;",
    )
}

fn immutable_uri(path: &Path) -> String {
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

fn is_text(header: &[u8]) -> bool {
    // The last character may be cut in the middle.
    let valid = header.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    valid.len() + 4 > header.len()
        && valid.chars().all(|character| !character.is_control() || character.is_whitespace())
}

/// Returns where the file really lies, so that links to it share its lock.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf, Error> {
    if let Ok(real) = fs::canonicalize(path) {
        return Ok(real);
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| Error::Missing { path: path.to_owned() })?;
    Ok(fs::canonicalize(folder).map_err(|source| Error::io(folder, source))?.join(name))
}

/// Creates an empty recording file at `path`, where there is none or one of no bytes.
///
/// It is made under another name and moved there when complete, so that a recorder killed
/// meanwhile leaves no file that is half of one. The caller holds the lock.
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

fn write_draft(path: &Path, draft: &Path) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft);
    let file = file.map_err(|source| Error::io(draft, source))?;
    if let Ok(existing) = fs::metadata(path) {
        let mode = Permissions::from_mode(existing.permissions().mode() & 0o777);
        file.set_permissions(mode).map_err(|source| Error::io(draft, source))?;
    }
    let sql = |source| Error::sql(path, source);
    let connection = lay_out(draft).map_err(sql)?;
    connection.close().map_err(|(_, source)| sql(source))?;
    fs::rename(draft, path).map_err(|source| Error::io(path, source))?;
    sync_folder(path)
}

/// Makes the file of no bytes at `path` one of the newest version.
pub(crate) fn lay_out(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    set_up(&connection)?;
    connection.execute_batch(
        "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL;",
    )?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Makes the name of the file at `path` outlive a power cut, as its samples do.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent() else { return Ok(()) };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Error::io(folder, source))
}

/// Returns the version of the file, which is one this program knows.
pub(crate) fn version(connection: &Connection, path: &Path) -> Result<u32, Error> {
    let found = version_of(connection).map_err(|source| Error::sql(path, source))?;
    match found {
        0 => Err(Error::Damaged { path: path.to_owned(), what: "it has no version".to_owned() }),
        1..=VERSION => Ok(found),
        _ => Err(Error::NewerVersion { path: path.to_owned(), found, known: VERSION }),
    }
}

/// Returns the version of the file, whatever it is.
pub(crate) fn version_of(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the file to the newest version, each step in a transaction of its own.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    loop {
        let step = Transaction::begin(connection)?;
        let from: u32 = step.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let Some(migration) = MIGRATIONS.get(from as usize) else { return Ok(()) };
        apply(&step, migration, from + 1)?;
        step.commit()?;
    }
}

fn apply(step: &Transaction<'_>, migration: &str, version: u32) -> rusqlite::Result<()> {
    step.execute_batch(migration)?;
    if version == WITH_HOURS {
        // Checksums are not SQL's to make.
        rollup::take_over(step)?;
    }
    step.execute_batch(&format!(
        "PRAGMA user_version = {version}; PRAGMA application_id = {APPLICATION_ID};"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_says_what_it_means() {
        let mut columns = 0;
        for migration in MIGRATIONS {
            for line in migration.lines().map(str::trim) {
                let column = line.split_once(" ADD COLUMN ").map_or(line, |(_, column)| column);
                let first = column.split([' ', '(']).next().unwrap_or_default();
                if !first.is_empty() && first.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                    assert!(
                        line.split_once("-- ").is_some_and(|(_, text)| text.len() > 5),
                        "{line}"
                    );
                    columns += 1;
                }
            }
        }
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let known: u32 = connection
            .query_row(
                "SELECT count(*) FROM sqlite_schema AS t, pragma_table_info(t.name) WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        // Those of `region` before version 3 are gone.
        let gone = crate::identities::COLUMNS_BEFORE_3 as u32;
        assert_eq!(columns, known + gone, "the test sees every column");
    }

    #[test]
    fn released_migrations_never_change() {
        let sums: Vec<_> = MIGRATIONS
            .iter()
            .map(|text| crate::frame::checksum(0, 0, crate::frame::Kind::Key, text.as_bytes()))
            .collect();
        assert_eq!(
            sums,
            [0x6a78_d991, 0xd2ee_b839, 0x6938_79ef, 0xee6e_798c],
            "append a migration instead"
        );
    }

    #[test]
    fn a_new_file_is_ours_private_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert_eq!(identify(&path).unwrap(), Found::Nothing);
        fs::write(beside(&path, "-new"), "left by a recorder killed while creating").unwrap();
        create(&path).unwrap();
        assert_eq!(identify(&path).unwrap(), Found::Ours);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let connection = Connection::open(&path).unwrap();
        assert_eq!(version(&connection, &path).unwrap(), VERSION);
        let vacuum: u32 = connection.query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).unwrap();
        assert_eq!(vacuum, 2);
    }

    #[test]
    fn a_file_in_the_middle_of_a_checkpoint_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        create(&path).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(4096).unwrap();
        assert_eq!(identify(&path).unwrap(), Found::Ours);
    }

    #[test]
    fn any_path_makes_a_uri() {
        assert_eq!(
            immutable_uri(Path::new("/a b/c?d%é.db")),
            "file:/a%20b/c%3fd%25%c3%a9.db?immutable=1"
        );
    }

    #[test]
    fn other_files_are_told_apart() {
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
        fs::write(&path, b"").unwrap();
        assert_eq!(identify(&path).unwrap(), Found::Empty);
        assert!(matches!(
            identify(folder.path()),
            Err(Error::NotARecording { what: "is a folder", .. })
        ));
    }
}

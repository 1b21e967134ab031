//! Reads recordings, also while they are being written.

use std::cell::RefCell;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, Transaction};
use vmrec_sampler::Snapshot;

use crate::error::Error;
use crate::frame::{self, Decoder, checksum};
use crate::heads::Heads;
use crate::identities::Identities;
use crate::lock::{self, beside};
use crate::log;
use crate::read_rows::{self, FRAME_COLUMNS, SAMPLE_COLUMNS, StoredFrame};
use crate::recording::{Mark, Recording, RecordingId, Sample, SampleState};
use crate::schema::{self, Found};
use crate::writer::{self, BUSY_TIMEOUT};

/// How many pages a reader keeps: it goes through the file once, and fresh memory costs more than
/// to ask the system for the page again.
const CACHE_PAGES: u32 = 100;

/// A recording file open for reading.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    real_path: PathBuf,
    version: u32,
    /// Taken out while in use, so that a caller's function may ask for other snapshots.
    pub(crate) identities: RefCell<Identities>,
    /// The heads of the chunks of a recording, read at a state of the file.
    pub(crate) heads: RefCell<Option<Heads>>,
}

impl Store {
    /// Opens the file at `path`, which is never written to: only what a recorder left half done
    /// before it began to use its log is undone.
    ///
    /// It may be being recorded to, be read-only or lie in a read-only folder, or its recorder
    /// may have been killed.
    pub fn open(path: &Path) -> Result<Self, Error> {
        match schema::identify(path)? {
            Found::Nothing => return Err(Error::Missing { path: path.to_owned() }),
            Found::Empty => {
                return Err(Error::NotARecording { path: path.to_owned(), what: "is empty" });
            }
            Found::Ours => {}
        }
        let real_path = schema::real_path(path)?;
        let mut connected = connect(&real_path);
        if connected.as_ref().is_err_and(wants_to_write)
            && has_bytes(&beside(&real_path, "-journal"))
            && roll_back(&real_path).is_ok()
        {
            connected = connect(&real_path);
        }
        let connection = match connected {
            Err(error) if wants_to_write(&error) => {
                if ["-wal", "-journal"].iter().any(|log| has_bytes(&beside(&real_path, log))) {
                    return Err(Error::FolderNotWritable { path: path.to_owned() });
                }
                // Without a log nobody writes, and the file alone is the whole.
                schema::open_immutable(&real_path)
            }
            other => other,
        }
        .map_err(|error| Error::sql(path, error))?;
        let version = schema::version(&connection, path)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            real_path,
            version,
            identities: RefCell::default(),
            heads: RefCell::default(),
        })
    }

    /// Gives up the connection, to be read by other means.
    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Returns the version of the file's schema.
    pub const fn schema_version(&self) -> u32 {
        self.version
    }

    /// Returns the bytes the file takes on disk, with what waits in its write-ahead log.
    pub fn file_bytes(&self) -> u64 {
        writer::file_bytes(&self.real_path)
    }

    /// Tells whether a recorder writes to the file now.
    pub fn being_recorded(&self) -> bool {
        lock::held(&self.real_path)
    }

    /// Returns the recording of that number.
    pub fn recording(&self, id: RecordingId) -> Result<Recording, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM recording WHERE id = ?")?
                .query_row([id.0], |row| read_rows::recording(connection, row))
                .optional()
        })?
        .ok_or_else(|| Error::NoSuchRecording { id, path: self.path.clone() })
    }

    /// Returns the number of the recording begun last, `None` if there is none.
    pub fn newest(&self) -> Result<Option<RecordingId>, Error> {
        self.read(|connection| {
            connection.query_row("SELECT max(id) FROM recording", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.map(RecordingId))
            })
        })
    }

    /// Returns the marks of a recording, in the order of time.
    pub fn marks(&self, id: RecordingId) -> Result<Vec<Mark>, Error> {
        self.recording(id)?;
        self.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM mark WHERE recording = ? ORDER BY utc_ns, id")?
                .query_map([id.0], read_rows::mark)?
                .collect()
        })
    }

    /// Returns sample `number` of a recording with its regions.
    pub fn snapshot(&self, id: RecordingId, number: u64) -> Result<Snapshot, Error> {
        let mut found = None;
        self.walk(id, number..=number, |sample, regions| {
            found = Some((sample.state.clone(), regions.map(|(snapshot, _)| snapshot)));
            ControlFlow::Break(())
        })?;
        match found {
            Some((_, Some(snapshot))) => Ok(snapshot),
            Some((SampleState::Missed { reason, .. }, None)) => {
                Err(Error::Missed { recording: id, number, reason, path: self.path.clone() })
            }
            _ => Err(Error::NoSuchSample { recording: id, number, path: self.path.clone() }),
        }
    }

    /// Calls `visit` with each sample numbered in `numbers`, in order, until it breaks.
    ///
    /// Samples that were missed come without a snapshot. Each frame is decoded once.
    pub fn for_each_snapshot(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        mut visit: impl FnMut(&Sample, Option<&Snapshot>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.walk(id, numbers, |sample, regions| {
            visit(sample, regions.as_ref().map(|(snapshot, _)| snapshot))
        })
    }

    /// Returns what is wrong with the file, one line each; nothing if all of it can be read.
    pub fn verify(&self) -> Result<Vec<String>, Error> {
        let mut problems = crate::verify::problems(&self.connection, &self.path)?;
        self.add_chunk_problems(&mut problems)?;
        log::problems(&self.real_path, &mut problems)
            .map_err(|source| Error::io(&self.path, source))?;
        Ok(problems)
    }

    /// Runs `work` on the file as of one moment.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.transaction()
            .and_then(|_transaction| work(&self.connection))
            .map_err(|source| Error::sql(&self.path, source))
    }

    /// Begins a transaction unless one is under way, as when `for_each_snapshot` calls a function that asks for more.
    pub(crate) fn transaction(&self) -> rusqlite::Result<Option<Transaction<'_>>> {
        let begin = self.connection.is_autocommit();
        begin.then(|| self.connection.unchecked_transaction()).transpose()
    }
}

/// Returns the statement that reads samples and frames of ?1 from ?2 to ?3.
pub(crate) fn frames<'a>(
    connection: &'a Connection,
) -> rusqlite::Result<rusqlite::CachedStatement<'a>> {
    connection.prepare_cached(&format!(
        "SELECT {SAMPLE_COLUMNS}, {FRAME_COLUMNS} FROM sample AS s \
         LEFT JOIN frame AS f ON f.sample = s.id \
         WHERE s.recording = ? AND s.number BETWEEN ? AND ? ORDER BY s.number"
    ))
}

/// Decodes the frame of a row of [`frames`]; the error says what is wrong with it.
pub(crate) fn decode<'a>(
    decoder: &'a mut Decoder,
    id: RecordingId,
    sample: &Sample,
    row: &Row<'_>,
) -> Result<Option<&'a [frame::Row]>, String> {
    let stored = read_rows::frame(row).map_err(|error| error.to_string())?;
    let (stored, regions) = match (stored, sample.regions) {
        (Some(stored), Some(regions)) => (stored, regions),
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err("its regions are gone".to_owned()),
        (Some(_), None) => return Err("it was missed and has regions".to_owned()),
    };
    let StoredFrame { kind, data, .. } = stored;
    if checksum(id.0, sample.number, kind, data) != stored.checksum {
        return Err("its regions do not match their checksum".to_owned());
    }
    let rows = decoder
        .apply(sample.number, kind, data)
        .map_err(|malformed| format!("its regions cannot be decoded: {}", malformed.0))?;
    if rows.len() as u64 != regions {
        return Err(format!("it has {} regions, not {regions}", rows.len()));
    }
    Ok(Some(rows))
}

/// Opens the file read-only and reads from it, as only then SQLite asks for its log.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::set_up(&connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", CACHE_PAGES)?;
    Ok(connection)
}

/// Undoes a transaction left half done in a file without a log, which takes a connection that may write.
fn roll_back(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::set_up(&connection)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn has_bytes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Tells whether SQLite failed because it may not make or mend its log.
fn wants_to_write(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

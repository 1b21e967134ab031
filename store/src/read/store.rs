//! Reads recordings, also while they are being written.

use std::cell::RefCell;
use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction};
use vmrec_sampler::Snapshot;

use crate::db::columns::MARK;
use crate::db::lock::beside;
use crate::db::open::{connect, has_bytes, roll_back, wants_to_write};
use crate::db::{lock, open, schema};
use crate::error::{At, Error};
use crate::recording::{Mark, Recording, RecordingId, Sample, SampleState};
use crate::tables::chunk::ChunkHeaders;
use crate::tables::identity_cache::Identities;
use crate::tables::recording;

/// A recording file open for reading.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    pub(crate) real_path: PathBuf,
    /// Taken while in use, so that a caller's function may read other snapshots.
    pub(crate) identities: RefCell<Identities>,
    /// The headers of the chunks of a recording, read at a state of the file.
    pub(crate) headers: RefCell<Option<ChunkHeaders>>,
}

impl Store {
    /// Opens the file at `path`, which is never written to, except to roll back a transaction that
    /// a recorder left unfinished before it began to use its log.
    ///
    /// A recorder may be writing to it, it may be read-only or in a read-only folder, or its
    /// recorder may have been killed.
    pub fn open(path: &Path) -> Result<Self, Error> {
        open::must_be_ours(path)?;
        let real_path = open::real_path(path)?;
        open::check_neighbours(&real_path)?;
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
                // Without a log nobody writes, and the file alone is complete.
                open::open_immutable(&real_path)
            }
            other => other,
        }
        .at(path)?;
        schema::check(&connection, path)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            real_path,
            identities: RefCell::default(),
            headers: RefCell::default(),
        })
    }

    /// Returns the size of the file and its write-ahead log in bytes.
    pub fn file_bytes(&self) -> u64 {
        open::file_bytes(&self.real_path)
    }

    /// Returns whether a recorder is writing to the file.
    pub fn being_recorded(&self) -> bool {
        lock::held(&self.real_path)
    }

    /// Returns the pid that the recorder wrote beside the file; `None` if there is no recorder. If others
    /// may write there, it may be another's.
    pub fn recorder_pid(&self) -> Option<u32> {
        lock::recorder(&self.real_path)
    }

    /// Returns the recording of that number.
    pub fn recording(&self, id: RecordingId) -> Result<Recording, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(&recording::by_id())?
                .query_row([id.0], |row| recording::recording_from_row(connection, row))
                .optional()
        })?
        .ok_or_else(|| Error::NoSuchRecording { id, path: self.path.clone() })
    }

    /// Returns the number of the newest recording, `None` if there is none.
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
                .prepare_cached(&format!(
                    "SELECT {} FROM mark WHERE recording = ? ORDER BY utc_ns, id",
                    MARK.list()
                ))?
                .query_map([id.0], recording::mark_from_row)?
                .collect()
        })
    }

    /// Returns sample `number` of a recording with its regions, or with its totals alone.
    pub fn snapshot(&self, id: RecordingId, number: u64) -> Result<Snapshot, Error> {
        let mut found = None;
        self.walk(id, number..=number, |sample, regions| {
            found = Some((sample.clone(), regions));
            ControlFlow::Break(())
        })?;
        match found {
            Some((_, Some(snapshot))) => Ok(snapshot),
            Some((sample, None)) if sample.is_taken() => Ok(self.snapshot_of(&sample, Vec::new())),
            Some((Sample { state: SampleState::Missed { reason, .. }, .. }, None)) => {
                Err(Error::Missed { recording: id, number, reason, path: self.path.clone() })
            }
            _ => Err(Error::NoSuchSample { recording: id, number, path: self.path.clone() }),
        }
    }

    /// Calls `visit` with each sample in `numbers`, in order, until it breaks.
    ///
    /// Samples without regions, missed ones too, come without a snapshot. Each frame is decoded once.
    pub fn for_each_snapshot(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        mut visit: impl FnMut(&Sample, Option<&Snapshot>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.walk(id, numbers, |sample, snapshot| visit(sample, snapshot.as_ref()))
    }

    /// Runs `work` on a consistent state of the file.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.transaction().and_then(|_transaction| work(&self.connection)).at(&self.path)
    }

    /// Begins a transaction unless one is active, as when a function called by `for_each_snapshot`
    /// reads more.
    pub(crate) fn transaction(&self) -> rusqlite::Result<Option<Transaction<'_>>> {
        let begin = self.connection.is_autocommit();
        begin.then(|| self.connection.unchecked_transaction()).transpose()
    }
}

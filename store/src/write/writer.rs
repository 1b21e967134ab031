//! Writes recordings: one durable transaction per sample.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use vmrec_sampler::{Evidence, ProcessInfo, Snapshot, Timestamp};

use crate::db::lock::Lock;
use crate::db::open::{BUSY_TIMEOUT, FileState, file_bytes, prepare};
use crate::db::transaction::{Transaction, in_transaction};
use crate::db::vacuum::ALL_PAGES;
use crate::db::{open, schema, vacuum};
use crate::error::{At, Error};
use crate::recording::{NewLabel, RecordingId, SessionId, SessionStart, WhyEnded};
use crate::retention::{Pruning, orphans};
use crate::tables::{evidence as evidence_rows, recording, session};
use crate::write::active::{Active, Written};
use crate::write::chunk_thread::ChunkThread;
use crate::write::relabel;

/// How long to wait for readers before leaving the file in WAL mode, which every reader supports.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// The single writer of a recording file, with any number of active recordings.
#[derive(Debug)]
pub struct Writer {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    /// The canonical path of the file: SQLite's own files are beside it.
    pub(crate) real_path: PathBuf,
    /// The active recordings.
    pub(crate) active: BTreeMap<RecordingId, Active>,
    /// Builds their chunks; `None` before the first one begins, or if it could not be started: then
    /// all samples stay as rows.
    pub(crate) chunk_thread: Option<ChunkThread>,
    /// The state of retention.
    pub(crate) pruning: Pruning,
    closed: bool,
    /// Whether this writer made the file, and nothing was recorded to it yet.
    unused: bool,
    /// The device and inode of the file.
    file: (u64, u64),
    /// After `connection`, so that it is released after the file is closed.
    lock: Lock,
}

impl Writer {
    /// Opens the file at `path` for recording, creating it (mode 0600) where there is none.
    ///
    /// A file that is not a recording, or that another recorder writes to, is refused and not
    /// touched. Recordings whose recorder was killed end at their last stored sample.
    pub fn open(path: &Path) -> Result<Self, Error> {
        open::identify(path)?;
        let real_path = open::real_path(path)?;
        open::check_neighbours(&real_path)?;
        let lock = Lock::take(&real_path)?;
        // Identified again: another recorder may have created or closed it before the lock was
        // taken.
        let found = open::identify(&real_path)?;
        let unused = matches!(found, FileState::Nothing);
        if matches!(found, FileState::Nothing | FileState::Empty) {
            open::create(&real_path)?;
        }
        let metadata = fs::metadata(&real_path).at(path)?;
        if metadata.nlink() > 1 {
            return Err(Error::HardLinked { path: path.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&real_path, flags).at(path)?;
        open::set_up(&connection).at(path)?;
        connection.busy_timeout(BUSY_TIMEOUT).at(path)?;
        schema::check(&connection, path)?;
        prepare(&mut connection).at(path)?;
        let path = path.to_owned();
        let mut writer = Self {
            connection,
            path,
            real_path,
            active: BTreeMap::new(),
            chunk_thread: None,
            pruning: Pruning::default(),
            closed: false,
            unused,
            file: (metadata.dev(), metadata.ino()),
            lock,
        };
        writer.end_lost()?;
        writer.compact_few()?;
        Ok(writer)
    }

    /// Begins a session, to which recordings belong.
    pub fn begin_session(
        &mut self,
        start: &SessionStart<'_>,
        begun: Timestamp,
    ) -> Result<SessionId, Error> {
        self.unused = false;
        in_transaction(&mut self.connection, |transaction| {
            session::insert_session(transaction, start, begun)
        })
        .at(&self.path)
    }

    /// Begins a recording of `process`, which takes samples until [`Writer::end`].
    pub fn begin(
        &mut self,
        session: SessionId,
        process: &ProcessInfo,
        name: Option<&str>,
        begun: Timestamp,
    ) -> Result<RecordingId, Error> {
        let id = in_transaction(&mut self.connection, |transaction| {
            recording::insert_recording(transaction, session, process, name, begun)
        })
        .at(&self.path)?;
        self.start_chunk_thread();
        self.active.insert(id, Active::new(id, self.pruning.policy.max_bytes));
        Ok(id)
    }

    /// Stores `snapshot` durably as the next sample of a recording and returns its number.
    ///
    /// After an error nothing of it is stored, all earlier samples are, and the next one may be
    /// appended.
    pub fn append(&mut self, id: RecordingId, snapshot: Snapshot) -> Result<u64, Error> {
        let numbers = self.append_all(BTreeMap::from([(id, snapshot)]))?;
        numbers.into_values().next().ok_or_else(|| not_begun(&self.path))
    }

    /// Stores the snapshots of several recordings durably in one transaction, all or none, and
    /// returns their numbers.
    pub fn append_all(
        &mut self,
        mut snapshots: BTreeMap<RecordingId, Snapshot>,
    ) -> Result<BTreeMap<RecordingId, u64>, Error> {
        let ids: Vec<RecordingId> = snapshots.keys().copied().collect();
        self.write(&ids, |id, active, transaction| match snapshots.remove(&id) {
            Some(snapshot) => active.append(transaction, snapshot),
            None => Err(rusqlite::Error::InvalidQuery), // each is taken once
        })
    }

    /// Stores that `ticks` ticks of the schedule passed without a sample, the first one due at `due`; returns their number.
    pub fn missed(
        &mut self,
        id: RecordingId,
        due: Timestamp,
        ticks: u64,
        reason: &str,
    ) -> Result<u64, Error> {
        let numbers = self.write(&[id], |_, active, transaction| {
            active.missed(transaction, due, ticks, reason)
        })?;
        numbers.into_values().next().ok_or_else(|| not_begun(&self.path))
    }

    /// Stores the evidence that the types of a recording are derived from, from sample `number` on.
    ///
    /// Excessively large evidence is left out: types can then be derived again from names only.
    pub fn evidence(
        &mut self,
        id: RecordingId,
        number: u64,
        evidence: &Evidence,
    ) -> Result<(), Error> {
        let Some(active) = self.active.get_mut(&id) else { return Err(not_begun(&self.path)) };
        let packed = active.evidence.pack(number, evidence).at(&self.path)?;
        let Some(new) = packed.filter(|new| !active.is_too_large(new)) else { return Ok(()) };
        let stored = in_transaction(&mut self.connection, |transaction| {
            evidence_rows::write(transaction, id, number, &new.data)
        });
        match stored {
            Ok(()) => {
                active.evidence_stored(new.data.len());
                active.evidence.accept(new);
            }
            Err(_) => active.evidence.reject(),
        }
        stored.at(&self.path)
    }

    /// Returns why the regions of a sample of the last tick were left out, if any were, once.
    pub fn take_left_out(&mut self) -> Option<String> {
        self.active.values_mut().filter_map(Active::take_left_out).last()
    }

    /// Changes the labels of regions of a recording that has ended, all or none; their figures stay.
    /// `labels` are in the order of samples and regions.
    pub fn relabel(&mut self, recording: RecordingId, labels: &[NewLabel]) -> Result<(), Error> {
        // Rows become chunks, which are rebuilt with the new labels.
        self.tidy()?;
        in_transaction(&mut self.connection, |transaction| {
            relabel::write(transaction, recording, labels)
        })
        .at(&self.path)?;
        self.pruning.loose.1 = orphans::all_kinds(&self.connection).at(&self.path)?;
        Ok(())
    }

    /// Ends a recording.
    pub fn end(&mut self, id: RecordingId, at: Timestamp, why: &WhyEnded) -> Result<(), Error> {
        let Some(active) = self.active.get_mut(&id) else { return Err(not_begun(&self.path)) };
        in_transaction(&mut self.connection, |transaction| {
            recording::end_recording(transaction, id, at, why)
        })
        .at(&self.path)?;
        if let Some(thread) = &mut self.chunk_thread {
            thread.build(id, &mut active.pending);
        }
        self.store_chunks_of(id);
        self.active.remove(&id);
        if self.active.is_empty() {
            // Rows that did not become a chunk are complete as they are; the next recorder tries
            // again.
            let _ = vacuum::vacuum(&self.connection, ALL_PAGES);
        }
        Ok(())
    }

    /// Checks that the path still leads to the file, and takes the lock again if it was deleted and
    /// no other recorder has taken it since.
    fn check_hold(&mut self) -> Result<(), Error> {
        let there = fs::metadata(&self.real_path);
        if !there.is_ok_and(|there| (there.dev(), there.ino()) == self.file) {
            return Err(Error::Gone { path: self.path.clone() });
        }
        if !self.lock.is_in_force() {
            self.lock = Lock::take(&self.real_path)?;
            // Another recorder may have written to the file in between.
            self.active.values_mut().for_each(Active::reject);
        }
        Ok(())
    }

    /// Fails while a recording is active.
    pub(crate) fn none_active(&self) -> Result<(), Error> {
        match self.active.keys().next() {
            Some(id) => Err(Error::NotEnded { id: *id, path: self.path.clone() }),
            None => Ok(()),
        }
    }

    /// Returns the size of the file and its write-ahead log in bytes.
    pub fn file_bytes(&self) -> u64 {
        file_bytes(&self.real_path)
    }

    /// Closes the file so that it can be read from a folder that cannot be written to.
    pub fn close(mut self) -> Result<(), Error> {
        self.shut().at(&self.path)
    }

    /// Closes the file, and deletes it if this writer made it and no session began.
    pub fn close_or_discard(mut self) -> Result<(), Error> {
        if self.unused {
            self.check_hold()?;
        }
        self.shut().at(&self.path)?;
        if self.unused {
            // Still locked: no other recorder has begun to use it.
            fs::remove_file(&self.real_path).at(&self.path)?;
        }
        Ok(())
    }

    /// Writes a sample of each of these recordings in one transaction, and returns their numbers.
    fn write(
        &mut self,
        ids: &[RecordingId],
        mut sample: impl FnMut(RecordingId, &mut Active, &Transaction<'_>) -> rusqlite::Result<Written>,
    ) -> Result<BTreeMap<RecordingId, u64>, Error> {
        if !ids.iter().all(|id| self.active.contains_key(id)) {
            return Err(not_begun(&self.path));
        }
        let written = self.while_held(|transaction, active| {
            let chosen = active.iter_mut().filter(|(id, _)| ids.contains(id));
            chosen
                .map(|(id, active)| Ok((*id, sample(*id, active, transaction)?)))
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut numbers = BTreeMap::new();
        for (id, written) in written {
            numbers.insert(id, self.accept(id, written));
        }
        self.store_ready_chunks();
        self.note_growth();
        Ok(numbers)
    }

    /// Runs `work` in a transaction while this writer holds the lock. If that fails, the state that
    /// depends on the last commit is forgotten.
    pub(crate) fn while_held<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &mut BTreeMap<RecordingId, Active>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.check_hold()?;
        let (active, lock) = (&mut self.active, &self.lock);
        let mut in_force = true;
        let done = in_transaction(&mut self.connection, |transaction| {
            // Checked within the transaction: no other recorder has written since, nor is writing.
            in_force = lock.is_in_force();
            if !in_force {
                return Err(rusqlite::Error::InvalidQuery);
            }
            work(transaction, active)
        });
        done.map_err(|source| {
            self.active.values_mut().for_each(Active::reject);
            match in_force {
                true => Error::sql(&self.path, source),
                false => Error::LockLost { path: self.path.clone() },
            }
        })
    }

    /// Updates the state of a recording after its sample is stored durably; returns its number.
    pub(crate) fn accept(&mut self, id: RecordingId, written: Written) -> u64 {
        let number = written.0.number;
        if let Some(active) = self.active.get_mut(&id) {
            active.accept(written, self.chunk_thread.as_mut());
            active.limit_chunk();
        }
        number
    }

    /// Starts the thread that builds chunks, unless it runs.
    pub(crate) fn start_chunk_thread(&mut self) {
        if self.chunk_thread.is_none() {
            self.chunk_thread = ChunkThread::start().ok();
        }
    }

    fn shut(&mut self) -> rusqlite::Result<()> {
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        self.connection.flush_prepared_statement_cache();
        self.connection.busy_timeout(CLOSE_TIMEOUT)?;
        let left =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).and_then(
                |()| self.connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())),
            );
        match left {
            // Readers keep the log; every sample is in it, and the next writer removes it.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Ok(())
            }
            other => other,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Callers that need the error call `close`.
        let _ = self.shut();
    }
}

pub(crate) fn not_begun(path: &Path) -> Error {
    Error::NotBegun { path: path.to_owned() }
}

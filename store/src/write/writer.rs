//! Writes recordings: one durable transaction per sample.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use vmrec_sampler::Evidence;
use vmrec_sampler::{Host, Label, ProcessInfo, Snapshot, Timestamp};

use crate::codec::evidence;
use crate::codec::frame::encode::Encoder;
use crate::db::lock::{Lock, beside};
use crate::db::open::{BUSY_TIMEOUT, Found, file_bytes, prepare};
use crate::db::transaction::{Transaction, in_transaction};
use crate::db::vacuum::ALL_PAGES;
use crate::db::{open, schema, vacuum};
use crate::error::Error;
use crate::recording::{RecordingId, RegionNumber, Sample, WhyEnded};
use crate::retention::Pruning;
use crate::tables::interner::Interner;
use crate::tables::recording;
use crate::tables::rollup::minutes::Trail;
use crate::write::active::{Current, Written};
use crate::write::chunk_thread::Chunker;
use crate::write::{recompute_sums, relabel};

/// How long to wait for readers before the file is left in WAL mode, which any reader copes with.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

/// The only writer of a recording file, which may hold several recordings, one under way at a time.
#[derive(Debug)]
pub struct Writer {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    /// Where `path` leads: SQLite's own files lie beside it.
    real_path: PathBuf,
    pub(crate) current: Option<Current>,
    /// What retention is about.
    pub(crate) pruning: Pruning,
    closed: bool,
    /// After `connection`, so that it is given back when the file is closed.
    _lock: Lock,
}

impl Writer {
    /// Opens the file at `path` for recording, creating it (mode 0600) where there is none.
    ///
    /// A file that is not a recording is refused untouched, and so is one another recorder writes to.
    /// Recordings whose recorder was killed get their end: the last sample stored.
    pub fn open(path: &Path) -> Result<Self, Error> {
        open::identify(path)?;
        let real_path = open::real_path(path)?;
        let lock = Lock::take(&real_path)?;
        // Looked at again, as another recorder may have created or closed it before we had the lock.
        if matches!(open::identify(&real_path)?, Found::Nothing | Found::Empty) {
            open::create(&real_path)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = |source| Error::sql(path, source);
        let mut connection = Connection::open_with_flags(&real_path, flags).map_err(sql)?;
        open::set_up(&connection).map_err(sql)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(sql)?;
        schema::version(&connection, path)?;
        prepare(&mut connection).map_err(sql)?;
        let path = path.to_owned();
        let mut writer = Self {
            connection,
            path,
            real_path,
            current: None,
            pruning: Pruning::default(),
            closed: false,
            _lock: lock,
        };
        writer.end_lost()?;
        writer.settle_few()?;
        Ok(writer)
    }

    /// Begins a recording of `process` on `host`; samples go to it until [`Writer::end`].
    pub fn begin(
        &mut self,
        process: &ProcessInfo,
        host: &Host,
        name: Option<&str>,
        interval_ns: u64,
        begun: Timestamp,
    ) -> Result<RecordingId, Error> {
        if let Some(current) = &self.current {
            return Err(Error::NotEnded { id: current.id, path: self.path.clone() });
        }
        let id = in_transaction(&mut self.connection, |transaction| {
            recording::insert_recording(transaction, process, host, name, interval_ns, begun)
        })
        .map_err(|source| Error::sql(&self.path, source))?;
        self.current = Some(Current {
            id,
            begun,
            next: Some(1),
            row: None,
            encoder: Encoder::default(),
            interner: Interner::default(),
            chunker: Chunker::start(id, begun).ok(),
            trail: Trail::default(),
            images: None,
        });
        Ok(id)
    }

    /// Stores `snapshot` for good and returns its number.
    ///
    /// After an error nothing of it is stored, what came before is, and the next one may be given.
    pub fn append(&mut self, snapshot: Snapshot) -> Result<u64, Error> {
        self.write(|current, transaction| current.append(transaction, snapshot))
    }

    /// Stores that `ticks` ticks of the schedule passed without a sample, the first one due at `due`; returns their number.
    pub fn missed(&mut self, due: Timestamp, ticks: u64, reason: &str) -> Result<u64, Error> {
        self.write(|current, transaction| {
            let number = current.next(transaction)?;
            let sample = Sample::missed(number, due, ticks, reason);
            current.write_row(transaction, &sample)?;
            Ok((sample, None))
        })
    }

    /// Stores what the types from sample `number` of the recording under way on were told by.
    ///
    /// Evidence beyond all measure is left out: types can then be told again by names only.
    pub fn evidence(&mut self, number: u64, evidence: &Evidence) -> Result<(), Error> {
        let Some(current) = &mut self.current else { return Err(not_begun(&self.path)) };
        let images = &evidence.facts.images;
        let base = current.images.take().filter(|(at, base)| *at < number && base == images);
        let packed = evidence::pack(evidence, base.as_ref().map(|(at, _)| *at))
            .map_err(|source| Error::io(&self.path, source))?;
        let Some(data) = packed else { return Ok(()) };
        let id = current.id;
        in_transaction(&mut self.connection, |transaction| {
            crate::tables::evidence::write(transaction, id, number, &data)
        })
        .map_err(|source| Error::sql(&self.path, source))?;
        current.images = Some(base.unwrap_or_else(|| (number, images.clone())));
        Ok(())
    }

    /// Changes the labels of regions of a recording that has ended, all or none; their figures stay.
    pub fn relabel(
        &mut self,
        recording: RecordingId,
        labels: &[(RegionNumber, Label)],
    ) -> Result<(), Error> {
        if let Some(current) = &self.current {
            return Err(Error::NotEnded { id: current.id, path: self.path.clone() });
        }
        in_transaction(&mut self.connection, |transaction| {
            relabel::write(transaction, recording, labels)?;
            recompute_sums::write(transaction, recording)
        })
        .map_err(|source| Error::sql(&self.path, source))
    }

    /// Ends the recording under way.
    pub fn end(&mut self, at: Timestamp, why: &WhyEnded) -> Result<(), Error> {
        let current = self.current.as_mut().ok_or_else(|| not_begun(&self.path))?;
        let id = current.id;
        in_transaction(&mut self.connection, |transaction| {
            recording::end_recording(transaction, id, at, why)
        })
        .map_err(|source| Error::sql(&self.path, source))?;
        let chunker = current.chunker.take();
        for built in chunker.map(Chunker::finish).into_iter().flatten() {
            self.store_chunk(id, built);
        }
        self.current = None;
        // What did not become a chunk is whole as it is; the next recorder tries again.
        let _ = vacuum::vacuum(&self.connection, ALL_PAGES);
        Ok(())
    }

    /// Returns the bytes the file takes on disk, with what waits in its write-ahead log.
    pub fn file_bytes(&self) -> u64 {
        file_bytes(&self.real_path)
    }

    /// Returns the bytes of the write-ahead log.
    pub(crate) fn log_bytes(&self) -> u64 {
        fs::metadata(beside(&self.real_path, "-wal")).map_or(0, |metadata| metadata.len())
    }

    /// Closes the file so that it can be read from a folder that cannot be written to.
    pub fn close(mut self) -> Result<(), Error> {
        self.shut().map_err(|source| Error::sql(&self.path, source))
    }

    fn write(
        &mut self,
        sample: impl FnOnce(&mut Current, &Transaction<'_>) -> rusqlite::Result<Written>,
    ) -> Result<u64, Error> {
        let Some(current) = &mut self.current else { return Err(not_begun(&self.path)) };
        match in_transaction(&mut self.connection, |transaction| sample(current, transaction)) {
            Ok(written) => {
                let (id, number) = (current.id, written.0.number);
                current.stored(written);
                if let Some(built) = current.chunker.as_ref().and_then(Chunker::ready) {
                    self.store_chunk(id, built);
                }
                Ok(number)
            }
            Err(source) => {
                // Nothing is known for sure now: the commit may have taken place all the same.
                (current.next, current.row) = (None, None);
                current.encoder = Encoder::default();
                current.interner.reject();
                Err(Error::sql(&self.path, source))
            }
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
            // Readers hold on to the log; every sample is in it, and the next writer tidies up.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Ok(())
            }
            other => other,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.shut();
    }
}

fn not_begun(path: &Path) -> Error {
    Error::NotBegun { path: path.to_owned() }
}

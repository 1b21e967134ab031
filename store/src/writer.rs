//! Writes recordings: one durable transaction per sample.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use vmrec_sampler::classify::facts::Evidence;
use vmrec_sampler::{Host, Label, ProcessInfo, Snapshot, Timestamp};

use crate::address::to_column;
use crate::chunk::Built;
use crate::chunker::Chunker;
use crate::error::Error;
use crate::evidence;
use crate::frame::{Edit, Encoder, Frame, Table, checksum};
use crate::intern::Interner;
use crate::lock::{Lock, beside};
use crate::recording::{RecordingId, RegionNumber, Sample, WhyEnded};
use crate::relabel;
use crate::resum;
use crate::retention::{self, Pruning};
use crate::rollup::{self, Trail};
use crate::schema::{self, Found};
use crate::settle;
use crate::transaction::{Transaction, in_transaction};
use crate::write_rows;

/// How long to wait for a mark that is being written.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for readers before the file is left in WAL mode, which any reader copes with.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);
/// More pages than a file has.
const ALL_PAGES: u64 = i32::MAX as u64;
/// More statements than are used, so that none is prepared twice.
const STATEMENTS: usize = 64;
/// Samples left by a killed recorder that the next one makes a chunk of as it begins: more would keep it waiting.
const FEW_SAMPLES: u64 = 900;

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

/// The recording under way.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) id: RecordingId,
    begun: Timestamp,
    /// The number of the next sample; `None` after a failure, as what was stored is to be looked up.
    next: Option<u64>,
    /// The id of the last row of a sample; `None` if it is to be looked up.
    row: Option<i64>,
    encoder: Encoder,
    pub(crate) interner: Interner,
    /// Makes the chunks; `None` if its thread could not be started, and all stays in rows.
    chunker: Option<Chunker>,
    /// The rows of rollups that the next chunk may go on with.
    trail: Trail,
    /// The images stored last, and the sample whose evidence has them.
    images: Option<(u64, evidence::Images)>,
}

impl Writer {
    /// Opens the file at `path` for recording, creating it (mode 0600) where there is none.
    ///
    /// A file that is not a recording is refused untouched, and so is one another recorder writes to.
    /// Recordings whose recorder was killed get their end: the last sample stored.
    pub fn open(path: &Path) -> Result<Self, Error> {
        schema::identify(path)?;
        let real_path = schema::real_path(path)?;
        let lock = Lock::take(&real_path)?;
        // Looked at again, as another recorder may have created or closed it before we had the lock.
        if matches!(schema::identify(&real_path)?, Found::Nothing | Found::Empty) {
            schema::create(&real_path)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sql = |source| Error::sql(path, source);
        let mut connection = Connection::open_with_flags(&real_path, flags).map_err(sql)?;
        schema::set_up(&connection).map_err(sql)?;
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
            write_rows::recording(transaction, process, host, name, interval_ns, begun)
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

    /// Makes chunks of all samples that are rows still, as those of a recorder that was killed or of
    /// an older version are, and gives what became free back to the file system.
    pub fn tidy(&mut self) -> Result<(), Error> {
        if let Some(current) = &self.current {
            return Err(Error::NotEnded { id: current.id, path: self.path.clone() });
        }
        for id in self.with_rows(u64::MAX)? {
            self.settle_one(id, u64::MAX)?;
        }
        retention::vacuum(&self.connection, ALL_PAGES)
            .map_err(|source| Error::sql(&self.path, source))
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
            evidence::write(transaction, id, number, &data)
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
            resum::write(transaction, recording)
        })
        .map_err(|source| Error::sql(&self.path, source))
    }

    /// Ends the recording under way.
    pub fn end(&mut self, at: Timestamp, why: &WhyEnded) -> Result<(), Error> {
        let current = self.current.as_mut().ok_or_else(|| not_begun(&self.path))?;
        let id = current.id;
        in_transaction(&mut self.connection, |transaction| {
            write_rows::end(transaction, id, at, why)
        })
        .map_err(|source| Error::sql(&self.path, source))?;
        let chunker = current.chunker.take();
        for built in chunker.map(Chunker::finish).into_iter().flatten() {
            self.store_chunk(id, built);
        }
        self.current = None;
        // What did not become a chunk is whole as it is; the next recorder tries again.
        let _ = retention::vacuum(&self.connection, ALL_PAGES);
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

    /// Stores a chunk in place of the rows it was made of.
    ///
    /// Should that fail, the rows stay, and with them all that is known.
    fn store_chunk(&mut self, id: RecordingId, built: std::io::Result<Built>) {
        let Ok(built) = built else { return };
        let upto = built.head.last;
        let known = self.current.as_mut().map(|current| std::mem::take(&mut current.trail));
        let mut trail = known.unwrap_or_default();
        let stored = in_transaction(&mut self.connection, |transaction| {
            settle::store(transaction, id, &built, &mut trail)
        });
        // After a failure nothing is known to run on.
        if let (Ok(true), Some(current)) = (&stored, &mut self.current) {
            current.trail = trail;
        }
        if matches!(stored, Ok(false)) {
            let _ = self.settle_one(id, upto);
        }
        self.pruning.chunk_made();
    }

    /// Gives recordings whose recorder was lost their end.
    fn end_lost(&mut self) -> Result<(), Error> {
        let lost = write_rows::without_end(&self.connection)
            .map_err(|source| Error::sql(&self.path, source))?;
        for id in lost {
            let ended = in_transaction(&mut self.connection, |transaction| {
                write_rows::end_lost(transaction, id)
            });
            match ended.map_err(|source| Error::sql(&self.path, source)) {
                // Recording must go on beside what is damaged, which `verify` tells.
                Err(Error::Damaged { .. }) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Makes chunks of the rows that recordings of few of them have.
    fn settle_few(&mut self) -> Result<(), Error> {
        for id in self.with_rows(FEW_SAMPLES)? {
            match self.settle_one(id, u64::MAX) {
                // Nor does what is damaged keep it, or a disk that has no room for a chunk.
                Err(Error::Damaged { .. } | Error::DiskFull { .. }) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Returns the recordings that have rows of samples, at most `most`.
    fn with_rows(&self, most: u64) -> Result<Vec<RecordingId>, Error> {
        self.connection
            .prepare("SELECT recording FROM sample GROUP BY recording HAVING count(*) <= ?")
            .and_then(|mut statement| {
                statement
                    .query_map([to_column(most.min(i64::MAX as u64))], |row| {
                        row.get(0).map(RecordingId)
                    })?
                    .collect()
            })
            .map_err(|source| Error::sql(&self.path, source))
    }

    /// Makes chunks of the rows of a recording up to a sample.
    fn settle_one(&mut self, id: RecordingId, upto: u64) -> Result<(), Error> {
        while let Some(built) = settle::rebuild(&self.connection, &self.path, id, upto)? {
            let stored = in_transaction(&mut self.connection, |transaction| {
                settle::store(transaction, id, &built, &mut Trail::default())
            })
            .map_err(|source| Error::sql(&self.path, source))?;
            if !stored {
                break;
            }
        }
        Ok(())
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

/// What a transaction wrote: a sample and, unless it was missed, its regions, their frame and how
/// they differ from those before.
type Written = (Sample, Option<(Table, Frame, Vec<Edit>)>);

impl Current {
    fn next(&self, transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
        match self.next {
            Some(next) => Ok(next),
            None => write_rows::next_number(transaction, self.id),
        }
    }

    fn append(
        &mut self,
        transaction: &Transaction<'_>,
        snapshot: Snapshot,
    ) -> rusqlite::Result<Written> {
        let number = self.next(transaction)?;
        let sample = Sample::of(number, &snapshot);
        let regions = snapshot.regions;
        let identities =
            self.interner.number(transaction, self.id, self.encoder.last(), &regions)?;
        let table = Table { identities, regions };
        let (frame, edits) = self.encoder.encode(&table, self.minute(sample.taken));
        let row = self.write_row(transaction, &sample)?;
        let sum = checksum(self.id.0, number, frame.kind, &frame.data);
        write_rows::frame(transaction, row, &frame, sum)?;
        Ok((sample, Some((table, frame, edits))))
    }

    /// Writes the row of a sample and returns its id.
    fn write_row(
        &mut self,
        transaction: &Transaction<'_>,
        sample: &Sample,
    ) -> rusqlite::Result<i64> {
        let row = write_rows::sample(transaction, self.row.map(|row| row + 1), self.id, sample)?;
        self.row = Some(row);
        Ok(row)
    }

    /// Returns the minute of a moment, as rollups count them.
    fn minute(&self, taken: Timestamp) -> i64 {
        rollup::place(self.begun, taken, rollup::MINUTE_S)
    }

    /// Takes note of what is stored for good.
    fn stored(&mut self, (sample, regions): Written) {
        let (number, minute) = (sample.number, self.minute(sample.taken));
        self.next = Some(number + 1);
        self.interner.accept();
        match (regions, &mut self.chunker) {
            (None, chunker) => {
                self.encoder.missed();
                if let Some(chunker) = chunker {
                    chunker.push_missed(sample);
                }
            }
            (Some((table, frame, edits)), chunker) => {
                if let Some(chunker) = chunker {
                    chunker.push(sample, &edits, &table, frame.begins);
                }
                self.encoder.accept(number, table, &frame, minute);
            }
        }
    }
}

fn not_begun(path: &Path) -> Error {
    Error::NotBegun { path: path.to_owned() }
}

/// Makes the file ready for one writer and any number of readers. What is a property of the
/// file itself (page size, vacuum mode) was set as it was created.
fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Where the file system cannot do WAL the mode stays as it is: as durable, but readers wait.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    schema::make_durable(connection)?;
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
    connection.query_row("PRAGMA wal_autocheckpoint = 64", [], |_| Ok(()))?;
    // A recorder stays small: pages that a sample changes are few.
    connection.execute_batch("PRAGMA cache_size = -512")?;
    connection.query_row("PRAGMA journal_size_limit = 1048576", [], |_| Ok(()))?;
    schema::migrate(connection)
}

/// Returns the bytes of the file at `path` and of its write-ahead log.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    [path.to_owned(), beside(path, "-wal")]
        .iter()
        .filter_map(|file| fs::metadata(file).ok())
        .map(|metadata| metadata.len())
        .sum()
}

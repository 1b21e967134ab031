//! Stores chunks in place of rows, also for the rows of a lost recorder.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::codec::chunk::builder::Built;
use crate::db::integer::{limit_to_column, to_column};
use crate::db::transaction::{Transaction, in_transaction};
use crate::db::vacuum;
use crate::db::vacuum::ALL_PAGES;
use crate::error::{At, Error};
use crate::recording::{RecordingId, WhyEnded};
use crate::tables::recording::end_recording;
use crate::tables::sample::{next_number, sample_columns};
use crate::tables::{chunk, recording, sample};
use crate::write::chunk_thread::{ChunkThread, Ready};
use crate::write::compact;
use crate::write::writer::Writer;

/// The maximum number of samples left by a killed recorder that the next one compacts at its start:
/// more would delay it.
const FEW_SAMPLES: u64 = 900;

/// The number of chunks that may be stored in one transaction, which keeps a sample waiting; more if
/// many recordings end at each tick.
const CHUNKS_AT_ONCE: usize = 16;

impl Writer {
    /// Compacts all samples that are still rows, such as those of a killed recorder, and returns
    /// free pages to the file system.
    pub fn tidy(&mut self) -> Result<(), Error> {
        self.none_active()?;
        tidy(&mut self.connection, &self.path, &[])
    }

    /// Stores the chunks that are ready, a few or half of those that wait, in one transaction: so
    /// no more wait than become full in two ticks, however many those are.
    pub(crate) fn store_ready_chunks(&mut self) {
        let Some(thread) = &mut self.chunk_thread else { return };
        let count = CHUNKS_AT_ONCE.max(thread.waiting().div_ceil(2));
        let ready: Vec<_> = std::iter::from_fn(|| thread.ready()).take(count).collect();
        self.store_built(ready);
    }

    /// Waits for all chunks that are being built, and stores them.
    pub(crate) fn store_all_chunks(&mut self) {
        while let Some(ready) = self.chunk_thread.as_mut().and_then(ChunkThread::wait_any) {
            self.store_built(vec![ready]);
            self.store_ready_chunks();
        }
    }

    /// Replaces the rows that chunks were made from by the chunks.
    ///
    /// If that fails, the rows stay and nothing is lost.
    fn store_built(&mut self, ready: Vec<Ready>) {
        let ready: Vec<_> =
            ready.into_iter().filter_map(|(id, built)| Some((id, built.ok()?))).collect();
        if ready.is_empty() {
            return;
        }
        let stored = in_transaction(&mut self.connection, |transaction| {
            let store =
                |(id, built): &(RecordingId, Built)| compact::store(transaction, *id, built);
            ready.iter().map(store).collect::<rusqlite::Result<Vec<bool>>>()
        });
        for ((id, built), done) in ready.iter().zip(stored.unwrap_or_default()) {
            if !done {
                let _ = compact_one(&mut self.connection, &self.path, *id, built.header.last);
            }
        }
        self.pruning.chunk_made();
    }

    /// Waits for the chunks that are being built, and stores them.
    pub(crate) fn store_chunks(&mut self) {
        let ids: Vec<RecordingId> = self.active.keys().copied().collect();
        for id in ids {
            self.store_chunks_of(id);
        }
    }

    /// Waits for the chunks of a recording that are being built, and stores them.
    pub(crate) fn store_chunks_of(&mut self, id: RecordingId) {
        while let Some(ready) = self.chunk_thread.as_mut().and_then(|thread| thread.wait(id)) {
            self.store_built(vec![ready]);
        }
    }

    /// Writes the end of recordings whose recorder was lost.
    pub(crate) fn end_lost(&mut self) -> Result<(), Error> {
        let lost = recording::without_end(&self.connection).at(&self.path)?;
        for id in lost {
            let ended =
                in_transaction(&mut self.connection, |transaction| end_lost(transaction, id));
            match ended.at(&self.path) {
                // Recording must go on beside damaged data, which `verify` reports.
                Err(Error::Damaged { .. }) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Compacts the rows of recordings that have few.
    pub(crate) fn compact_few(&mut self) -> Result<(), Error> {
        for id in with_rows(&self.connection, &self.path, FEW_SAMPLES)? {
            match compact_one(&mut self.connection, &self.path, id, u64::MAX) {
                // Neither damaged data nor a full disk prevents recording.
                Err(Error::Damaged { .. } | Error::DiskFull { .. }) => {}
                other => other?,
            }
        }
        Ok(())
    }
}

/// Compacts all samples that are still rows, except those of `running`, and returns free pages to
/// the file system.
pub(crate) fn tidy(
    connection: &mut Connection,
    path: &Path,
    running: &[RecordingId],
) -> Result<(), Error> {
    let mut ids = with_rows(connection, path, u64::MAX)?;
    ids.retain(|id| !running.contains(id));
    for id in ids {
        compact_one(connection, path, id, u64::MAX)?;
    }
    vacuum::vacuum(connection, ALL_PAGES).at(path)
}

/// Returns the recordings that have rows of samples, at most `max`.
fn with_rows(connection: &Connection, path: &Path, max: u64) -> Result<Vec<RecordingId>, Error> {
    connection
        .prepare("SELECT recording FROM sample GROUP BY recording HAVING count(*) <= ?")
        .and_then(|mut statement| {
            statement
                .query_map([limit_to_column(max)], |row| row.get(0).map(RecordingId))?
                .collect()
        })
        .at(path)
}

/// Compacts the rows of a recording up to a sample.
fn compact_one(
    connection: &mut Connection,
    path: &Path,
    id: RecordingId,
    upto: u64,
) -> Result<(), Error> {
    while let Some(built) = compact::rebuild(connection, path, id, upto)? {
        let stored =
            in_transaction(connection, |transaction| compact::store(transaction, id, &built))
                .at(path)?;
        if !stored {
            break;
        }
    }
    Ok(())
}

/// Writes that a recording lost its recorder, at the time of its last sample, or of its begin if it
/// has none.
pub(crate) fn end_lost(transaction: &Transaction<'_>, id: RecordingId) -> rusqlite::Result<()> {
    let last = next_number(transaction, id)? - 1;
    let row = transaction
        .prepare_cached(&format!(
            "SELECT {} FROM sample AS s WHERE s.recording = ? AND s.number = ?",
            sample_columns()
        ))?
        .query_row(params![id.0, to_column(last)], |row| Ok(sample::sample_from_row(row)?.taken))
        .optional()?;
    let at = match row {
        Some(taken) => taken,
        None => match chunk::last(transaction, id)?.and_then(|chunk| chunk.header.span) {
            Some((_, taken)) => taken,
            None => recording::begun(transaction, id)?,
        },
    };
    end_recording(transaction, id, at, &WhyEnded::RecorderLost)
}

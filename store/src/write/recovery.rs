//! What the writer does beside samples: chunks in place of rows, also of what a lost recorder left.

use rusqlite::{OptionalExtension, params};

use crate::codec::chunk::builder::Built;
use crate::db::integer::to_column;
use crate::db::transaction::{Transaction, in_transaction};
use crate::db::vacuum;
use crate::db::vacuum::ALL_PAGES;
use crate::error::{At, Error};
use crate::recording::{RecordingId, WhyEnded};
use crate::tables::recording::end_recording;
use crate::tables::sample::{next_number, sample_columns};
use crate::tables::{chunk, recording, sample};
use crate::write::compact;
use crate::write::writer::Writer;

/// Samples left by a killed recorder that the next one makes a chunk of as it begins: more would keep it waiting.
const FEW_SAMPLES: u64 = 900;

impl Writer {
    /// Makes chunks of all samples that are rows still, as those of a recorder that was killed are, and gives what became free back to the file system.
    pub fn tidy(&mut self) -> Result<(), Error> {
        self.none_active()?;
        for id in self.with_rows(u64::MAX)? {
            self.compact_one(id, u64::MAX)?;
        }
        vacuum::vacuum(&self.connection, ALL_PAGES).at(&self.path)
    }

    /// Stores a chunk in place of the rows it was made of.
    ///
    /// Should that fail, the rows stay, and with them all that is known.
    pub(crate) fn store_chunk(&mut self, id: RecordingId, built: std::io::Result<Built>) {
        let Ok(built) = built else { return };
        let upto = built.head.last;
        let stored = in_transaction(&mut self.connection, |transaction| {
            compact::store(transaction, id, &built)
        });
        if matches!(stored, Ok(false)) {
            let _ = self.compact_one(id, upto);
        }
        self.pruning.chunk_made();
    }

    /// Gives recordings whose recorder was lost their end.
    pub(crate) fn end_lost(&mut self) -> Result<(), Error> {
        let lost = recording::without_end(&self.connection).at(&self.path)?;
        for id in lost {
            let ended =
                in_transaction(&mut self.connection, |transaction| end_lost(transaction, id));
            match ended.at(&self.path) {
                // Recording must go on beside what is damaged, which `verify` tells.
                Err(Error::Damaged { .. }) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Makes chunks of the rows that recordings of few of them have.
    pub(crate) fn compact_few(&mut self) -> Result<(), Error> {
        for id in self.with_rows(FEW_SAMPLES)? {
            match self.compact_one(id, u64::MAX) {
                // Nor does what is damaged keep it, or a disk that has no room for a chunk.
                Err(Error::Damaged { .. } | Error::DiskFull { .. }) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Returns the recordings that have rows of samples, at most `max`.
    fn with_rows(&self, max: u64) -> Result<Vec<RecordingId>, Error> {
        self.connection
            .prepare("SELECT recording FROM sample GROUP BY recording HAVING count(*) <= ?")
            .and_then(|mut statement| {
                statement
                    .query_map([to_column(max.min(i64::MAX as u64))], |row| {
                        row.get(0).map(RecordingId)
                    })?
                    .collect()
            })
            .at(&self.path)
    }

    /// Makes chunks of the rows of a recording up to a sample.
    fn compact_one(&mut self, id: RecordingId, upto: u64) -> Result<(), Error> {
        while let Some(built) = compact::rebuild(&self.connection, &self.path, id, upto)? {
            let stored = in_transaction(&mut self.connection, |transaction| {
                compact::store(transaction, id, &built)
            })
            .at(&self.path)?;
            if !stored {
                break;
            }
        }
        Ok(())
    }
}

/// Writes that a recording lost its recorder, at its last sample or else as it began.
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
        None => match chunk::last(transaction, id)?.and_then(|chunk| chunk.head.span) {
            Some((_, taken)) => taken,
            None => recording::begun(transaction, id)?,
        },
    };
    end_recording(transaction, id, at, &WhyEnded::RecorderLost)
}

//! The recording under way: what the writer knows of it from sample to sample.

use vmrec_sampler::{Snapshot, Timestamp};

use crate::codec::crc32::checksum;
use crate::codec::evidence;
use crate::codec::frame::Frame;
use crate::codec::frame::encode::Encoder;
use crate::codec::table_diff::{Edit, Table};
use crate::db::transaction::Transaction;
use crate::recording::{RecordingId, Sample};
use crate::tables::interner::Interner;
use crate::tables::rollup::minutes::Trail;
use crate::tables::{rollup, sample};
use crate::write::chunk_thread::Chunker;

/// The recording under way.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) id: RecordingId,
    pub(crate) begun: Timestamp,
    /// The number of the next sample; `None` after a failure, as what was stored is to be looked up.
    pub(crate) next: Option<u64>,
    /// The id of the last row of a sample; `None` if it is to be looked up.
    pub(crate) row: Option<i64>,
    pub(crate) encoder: Encoder,
    pub(crate) interner: Interner,
    /// Makes the chunks; `None` if its thread could not be started, and all stays in rows.
    pub(crate) chunker: Option<Chunker>,
    /// The rows of rollups that the next chunk may go on with.
    pub(crate) trail: Trail,
    /// The images stored last, and the sample whose evidence has them.
    pub(crate) images: Option<(u64, evidence::Images)>,
}

/// What a transaction wrote: a sample and, unless it was missed, its regions, their frame and how
/// they differ from those before.
pub(crate) type Written = (Sample, Option<(Table, Frame, Vec<Edit>)>);

impl Current {
    pub(crate) fn next(&self, transaction: &Transaction<'_>) -> rusqlite::Result<u64> {
        match self.next {
            Some(next) => Ok(next),
            None => sample::next_number(transaction, self.id),
        }
    }

    pub(crate) fn append(
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
        sample::insert_frame(transaction, row, &frame, sum)?;
        Ok((sample, Some((table, frame, edits))))
    }

    /// Writes the row of a sample and returns its id.
    pub(crate) fn write_row(
        &mut self,
        transaction: &Transaction<'_>,
        sample: &Sample,
    ) -> rusqlite::Result<i64> {
        let row = sample::insert_sample(transaction, self.row.map(|row| row + 1), self.id, sample)?;
        self.row = Some(row);
        Ok(row)
    }

    /// Returns the minute of a moment, as rollups count them.
    fn minute(&self, taken: Timestamp) -> i64 {
        rollup::place(self.begun, taken, rollup::MINUTE_S)
    }

    /// Takes note of what is stored for good.
    pub(crate) fn stored(&mut self, (sample, regions): Written) {
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

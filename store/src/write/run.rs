//! Writes several samples of one recording at once.

use vmrec_sampler::Snapshot;

use crate::error::Error;
use crate::recording::RecordingId;
use crate::write::writer::{Writer, not_begun};

impl Writer {
    /// Stores snapshots durably as the next samples of a recording and returns their numbers. Those
    /// with the same regions as the sample before share a transaction.
    ///
    /// After an error the first `numbers` of them are stored, and the next sample may be appended.
    pub fn append_run(
        &mut self,
        id: RecordingId,
        mut snapshots: Vec<Snapshot>,
        numbers: &mut Vec<u64>,
    ) -> Result<(), Error> {
        while !snapshots.is_empty() {
            let Some(active) = self.active.get(&id) else { return Err(not_begun(&self.path)) };
            let count = active.repeats(&snapshots);
            if count < 2 {
                let first = snapshots.remove(0);
                numbers.push(self.append(id, first)?);
                continue;
            }
            let same: Vec<Snapshot> = snapshots.drain(..count).collect();
            let written = self.while_held(|transaction, active| {
                // Its state follows what is stored.
                let active = active.get(&id).ok_or(rusqlite::Error::InvalidQuery)?;
                let repeat = |(snapshot, after)| active.repeat(transaction, snapshot, after);
                same.iter().zip(0..).map(repeat).collect::<rusqlite::Result<Vec<_>>>()
            })?;
            for sample in written {
                numbers.push(self.accept(id, sample));
            }
            self.store_ready_chunks();
            self.note_growth();
        }
        Ok(())
    }
}

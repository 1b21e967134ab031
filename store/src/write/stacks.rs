//! Writes the stacks of a sample.

use vmrec_sampler::StackTick;

use crate::db::transaction::in_transaction;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::tables::live_stacks;
use crate::write::writer::{Writer, not_begun};

impl Writer {
    /// Stores the stacks of samples, each of a recording and a number, durably, all or none.
    pub fn stacks(&mut self, ticks: &[(RecordingId, u64, StackTick)]) -> Result<(), Error> {
        if !ticks.iter().all(|(id, ..)| self.active.contains_key(id)) {
            return Err(not_begun(&self.path));
        }
        let bytes = in_transaction(&mut self.connection, |transaction| {
            let write = |(id, number, tick): &(RecordingId, u64, StackTick)| {
                Ok((*id, live_stacks::write(transaction, *id, *number, tick)?))
            };
            ticks.iter().map(write).collect::<rusqlite::Result<Vec<_>>>()
        })
        .at(&self.path)?;
        for (id, bytes) in bytes {
            if let Some(active) = self.active.get_mut(&id) {
                active.evidence_stored(bytes);
            }
        }
        Ok(())
    }
}

//! Writes the stacks of a sample.

use vmrec_sampler::StackTick;

use crate::db::transaction::in_transaction;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::tables::live_stacks;
use crate::write::writer::{Writer, not_begun};

impl Writer {
    /// Stores the stacks of sample `number` durably, all or nothing.
    pub fn stacks(&mut self, id: RecordingId, number: u64, tick: &StackTick) -> Result<(), Error> {
        let Some(active) = self.active.get_mut(&id) else { return Err(not_begun(&self.path)) };
        let bytes = in_transaction(&mut self.connection, |transaction| {
            live_stacks::write(transaction, id, number, tick)
        })
        .at(&self.path)?;
        active.evidence_stored(bytes);
        Ok(())
    }
}

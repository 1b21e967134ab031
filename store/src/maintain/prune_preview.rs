//! Previews what pruning deletes.

use vmrec_sampler::Timestamp;

use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::retention::policy::{Pruned, Retention};
use crate::tables::recording;
use crate::write::trial::trial;

impl Store {
    /// Returns exactly what [`crate::write::writer::Writer::prune`] would do to the file as it is at
    /// this moment; what it would refuse is refused.
    ///
    /// A copy of the file is pruned. The newest samples of a recorder that runs are ignored.
    pub fn prune_preview(
        &self,
        policy: &Retention,
        only: Option<&[RecordingId]>,
        now: Timestamp,
    ) -> Result<Pruned, Error> {
        for id in only.unwrap_or_default() {
            self.recording(*id)?;
        }
        let running = self.running()?;
        let bytes_before = self.file_bytes();
        let _transaction = self.transaction().at(&self.path)?;
        let pruned = trial(&self.connection, &self.path, policy, only, &running, now)?;
        Ok(Pruned { bytes_before, ..pruned })
    }

    /// Returns the recordings without an end, if a recorder is writing to the file.
    fn running(&self) -> Result<Vec<RecordingId>, Error> {
        if !self.being_recorded() {
            return Ok(Vec::new());
        }
        self.read(recording::without_end)
    }
}

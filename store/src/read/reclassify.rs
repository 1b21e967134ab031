//! What new rules need of an old recording besides its regions: the evidence that
//! their types rest on.

use vmrec_sampler::Evidence;

use crate::error::Error;
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::evidence;

impl Store {
    /// Returns the evidence that the types of a sample rest on: that stored at it or latest before.
    pub fn evidence(&self, id: RecordingId, number: u64) -> Result<Option<Evidence>, Error> {
        self.recording(id)?;
        let stored = self.read(|connection| evidence::read(connection, id, number))?;
        stored.transpose().map_err(|what| Error::Damaged { path: self.path.clone(), what })
    }

    /// Returns the samples that evidence was stored at, in order.
    pub fn evidence_numbers(&self, id: RecordingId) -> Result<Vec<u64>, Error> {
        self.recording(id)?;
        self.read(|connection| evidence::numbers(connection, id))
    }
}

//! Reads the evidence with which newer rules reclassify an old recording.

use vmrec_sampler::Evidence;

use crate::error::Error;
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::evidence;

impl Store {
    /// Returns the evidence that the types of a sample were derived from: that stored at it or last
    /// before it.
    pub fn evidence(&self, id: RecordingId, number: u64) -> Result<Option<Evidence>, Error> {
        self.recording(id)?;
        let stored = self.read(|connection| evidence::read(connection, id, number))?;
        stored.transpose().map_err(|what| Error::Damaged { path: self.path.clone(), what })
    }

    /// Returns the numbers of the samples at which evidence was stored, in order.
    pub fn evidence_numbers(&self, id: RecordingId) -> Result<Vec<u64>, Error> {
        self.recording(id)?;
        let numbers = self.read(|connection| evidence::numbers(connection, id))?;
        numbers.map_err(|what| Error::Damaged { path: self.path.clone(), what })
    }
}

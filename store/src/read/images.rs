//! Reads which images a process had.

use vmrec_sampler::LoadedImages;

use crate::error::Error;
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::images;

impl Store {
    /// Returns the images of sample `number`, by address; `None` if they are unknown, as on systems
    /// whose dynamic linker keeps no list that is read.
    pub fn images(&self, id: RecordingId, number: u64) -> Result<Option<LoadedImages>, Error> {
        self.recording(id)?;
        self.read(|connection| images::at(connection, id, number))
    }
}

//! Reads the call stacks that made memory resident.

use vmrec_sampler::StackNode;

use crate::codec::live_stacks::LiveStacks;
use crate::error::Error;
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::live_stacks;

impl Store {
    /// Returns the stacks whose pages were present at sample `number`; `None` if none were recorded.
    pub fn live_stacks(&self, id: RecordingId, number: u64) -> Result<Option<LiveStacks>, Error> {
        self.recording(id)?;
        let stored = self.read(|connection| live_stacks::read(connection, id, number))?;
        stored.transpose().map_err(|what| Error::Damaged { path: self.path.clone(), what })
    }

    /// Calls `each` with all stacks that are good for some of the samples from `from` to `to`, and the
    /// first sample that they are good for, in their order.
    pub fn for_each_live_stacks(
        &self,
        id: RecordingId,
        [from, to]: [u64; 2],
        each: impl FnMut(u64, LiveStacks),
    ) -> Result<(), Error> {
        self.recording(id)?;
        let read =
            self.read(|connection| live_stacks::read_between(connection, id, [from, to], each))?;
        read.map_err(|what| Error::Damaged { path: self.path.clone(), what })
    }

    /// Returns all stacks of a recording, in the order of their numbers.
    pub fn stack_nodes(&self, id: RecordingId) -> Result<Vec<StackNode>, Error> {
        self.recording(id)?;
        self.read(|connection| live_stacks::nodes(connection, id))
    }
}

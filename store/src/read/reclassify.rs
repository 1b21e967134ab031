//! What new rules need of an old recording: its regions with their numbers,
//! what their types were told by, and a way to give them other labels.

use std::ops::ControlFlow;

use vmrec_sampler::{Evidence, Snapshot};

use crate::error::Error;
use crate::read::store::Store;
use crate::recording::{RecordingId, RegionNumber, Sample};
use crate::tables::evidence;

impl Store {
    /// Calls `visit` with each sample that has regions, in order, and their numbers, until it breaks.
    pub fn for_each_numbered(
        &self,
        id: RecordingId,
        mut visit: impl FnMut(&Sample, &Snapshot, &[RegionNumber]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut numbers = Vec::new();
        self.walk(id, 0..=u64::MAX, |sample, regions| match regions {
            Some((snapshot, rows)) => {
                numbers.clear();
                numbers.extend(rows.iter().map(|row| RegionNumber(row.identity)));
                visit(sample, &snapshot, &numbers)
            }
            None => ControlFlow::Continue(()),
        })
    }

    /// Returns what the types of a sample were told by: the evidence stored at it or latest before.
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

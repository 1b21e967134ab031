//! What new rules need of an old recording: its regions with their numbers,
//! and a way to give those other labels.

use std::ops::ControlFlow;

use rusqlite::{Transaction, params};
use vmrec_sampler::{Label, Snapshot};

use crate::error::Error;
use crate::recording::{RecordingId, RegionNumber, Sample};
use crate::store::Store;

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
}

/// Writes labels of regions of `recording`.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    labels: &[(RegionNumber, Label)],
) -> rusqlite::Result<()> {
    let mut update = transaction.prepare(
        "UPDATE region SET type = ?, family = ?, confidence = ?, rule = ?, detail = ? \
         WHERE id = ? AND recording = ?",
    )?;
    for (number, label) in labels {
        update.execute(params![
            label.region_type.name(),
            label.region_type.family().name(),
            label.confidence.name(),
            &*label.rule,
            label.detail.as_deref(),
            number.0,
            recording.0,
        ])?;
    }
    Ok(())
}

//! What new rules need of an old recording: its regions with their numbers,
//! what their types were told by, and a way to give them other labels.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use rusqlite::OptionalExtension;
use vmrec_sampler::classify::facts::Evidence;
use vmrec_sampler::{Label, Snapshot};

use crate::checked;
use crate::error::Error;
use crate::evidence;
use crate::intern::insert_kind;
use crate::recording::{RecordingId, RegionNumber, Sample};
use crate::store::Store;
use crate::transaction::Transaction;

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
    ///
    /// Files of version 1 hold none.
    pub fn evidence(&self, id: RecordingId, number: u64) -> Result<Option<Evidence>, Error> {
        self.recording(id)?;
        if self.schema_version() < 2 {
            return Ok(None);
        }
        let stored = self.read(|connection| evidence::read(connection, id, number))?;
        stored.transpose().map_err(|what| Error::Damaged { path: self.path.clone(), what })
    }

    /// Returns the samples that evidence was stored at, in order.
    pub fn evidence_numbers(&self, id: RecordingId) -> Result<Vec<u64>, Error> {
        self.recording(id)?;
        if self.schema_version() < 2 {
            return Ok(Vec::new());
        }
        self.read(|connection| evidence::numbers(connection, id))
    }
}

/// Writes labels of regions of `recording`.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    labels: &[(RegionNumber, Label)],
) -> rusqlite::Result<()> {
    let mut flags_of = transaction.prepare(
        "SELECT k.flags FROM region AS r JOIN region_kind AS k ON k.id = r.kind \
         WHERE r.id = ? AND r.recording = ?",
    )?;
    let mut update = transaction.prepare("UPDATE region SET kind = ? WHERE id = ?")?;
    let mut kinds: HashMap<(String, &Label), i64> = HashMap::new();
    for (number, label) in labels {
        let flags = flags_of.query_row([number.0, recording.0], |row| row.get(0)).optional()?;
        let Some(flags) = flags else { continue }; // a region of another recording
        let kind = match kinds.entry((flags, label)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let kind = insert_kind(transaction, recording, &new.key().0, label)?;
                *new.insert(kind)
            }
        };
        checked::update(transaction, "region", number.0, || update.execute([kind, number.0]))?;
    }
    transaction.execute(
        "DELETE FROM region_kind WHERE recording = ?1 \
         AND id NOT IN (SELECT kind FROM region WHERE recording = ?1)",
        [recording.0],
    )?;
    Ok(())
}

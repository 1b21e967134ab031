//! Writes new labels of regions of a recording.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::OptionalExtension;
use vmrec_sampler::Label;

use crate::db::columns::REGION;
use crate::db::row_checksum;
use crate::db::transaction::Transaction;
use crate::recording::{RecordingId, RegionNumber};
use crate::tables::interner::insert_kind;

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
        row_checksum::update(transaction, &REGION, number.0, || update.execute([kind, number.0]))?;
    }
    transaction.execute(
        "DELETE FROM region_kind WHERE recording = ?1 \
         AND id NOT IN (SELECT kind FROM region WHERE recording = ?1)",
        [recording.0],
    )?;
    Ok(())
}

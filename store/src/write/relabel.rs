//! Changes the labels of regions of a recording: rebuilds its chunks with the
//! same figures.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;

use vmrec_sampler::{Identity, Label, Region};

use crate::codec::chunk::builder::{Builder, Built};
use crate::codec::table_diff::RegionTable;
use crate::db::row_checksum::damaged;
use crate::db::transaction::Transaction;
use crate::recording::{NewLabel, RecordingId};
use crate::tables::chunk::StoredChunk;
use crate::tables::identity_cache::Identities;
use crate::tables::interner::{Interner, KindKey};
use crate::tables::{chunk, chunk_group, latest, rollup_row};

/// Writes labels of regions of `recording`.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    recording: RecordingId,
    labels: &[NewLabel],
) -> rusqlite::Result<()> {
    let mut relabeller = Relabeller {
        transaction,
        interner: Interner::default(),
        identities: Identities::default(),
        labels: labels.iter().peekable(),
        last: HashMap::new(),
    };
    let newest: Option<i64> =
        transaction.query_row("SELECT max(recording) FROM latest_row", [], |row| row.get(0))?;
    for chunk in chunk::all(transaction, recording)? {
        let built = relabeller.chunk(&chunk)?;
        chunk::replace(transaction, chunk.id, recording, &built)?;
        rollup_row::delete(transaction, "VALUES (?1)", [chunk.id])?;
        rollup_row::insert(transaction, chunk.id, &built)?;
        if newest == Some(recording.0) {
            latest::write(transaction, recording, &built)?;
        }
    }
    Ok(())
}

struct Relabeller<'a> {
    transaction: &'a Transaction<'a>,
    interner: Interner,
    identities: Identities,
    labels: Peekable<std::slice::Iter<'a, NewLabel>>,
    /// The relabelled regions of the last snapshot, by their original identity, which it keeps
    /// alive.
    last: HashMap<*const Identity, Relabelled>,
}

/// A region with another label.
#[derive(Clone)]
struct Relabelled {
    before: Arc<Identity>,
    after: Arc<Identity>,
    kind: i64,
}

impl Relabeller<'_> {
    /// Rebuilds a chunk.
    fn chunk(&mut self, chunk: &StoredChunk) -> rusqlite::Result<Built> {
        let regions = chunk_group::regions(self.transaction, chunk)?;
        let mut snapshots = regions.snapshots()?;
        let mut builder = Builder::default();
        let mut index = 0;
        for sample in chunk_group::samples(self.transaction, chunk)? {
            if !sample.has_regions() {
                builder.push(sample, None);
                continue;
            }
            let states = snapshots.at(index)?;
            index += 1;
            let table = self.identities.table(self.transaction, &states)?;
            let table = self.table(sample.number, table)?;
            builder.push(sample, Some(table));
        }
        let header = &chunk.header;
        let built = builder.finish(chunk.recording.0, header.first, header.last);
        built.map_err(|error| damaged(error.to_string()))
    }

    /// Relabels regions of sample `number`.
    fn table(&mut self, number: u64, mut table: RegionTable) -> rusqlite::Result<RegionTable> {
        let mut now = HashMap::with_capacity(self.last.len());
        for (index, region) in table.regions.iter_mut().enumerate() {
            let own = |label: &&NewLabel| (label.sample, label.region) == (number, index);
            while self
                .labels
                .next_if(|label| (label.sample, label.region) < (number, index))
                .is_some()
            {}
            let relabelled = match self.labels.next_if(own) {
                Some(new) => Some(self.relabelled(region, &new.label)?),
                None => self.last.get(&Arc::as_ptr(&region.identity)).cloned(),
            };
            if let Some(relabelled) = relabelled {
                table.kinds[index] = relabelled.kind;
                region.identity = Arc::clone(&relabelled.after);
                now.insert(Arc::as_ptr(&relabelled.before), relabelled);
            }
        }
        self.last = now;
        Ok(table)
    }

    fn relabelled(&mut self, region: &Region, label: &Label) -> rusqlite::Result<Relabelled> {
        let before = Arc::clone(&region.identity);
        let after = Arc::new(Identity { label: label.clone(), ..Identity::clone(&before) });
        let kind = self.interner.kind(self.transaction, KindKey::of(&after))?;
        Ok(Relabelled { before, after, kind })
    }
}

//! Builds a chunk from samples, one after the other.

use vmrec_sampler::{Quantities, Region};

use crate::codec::chunk::encode_sums::SumColumns;
use crate::codec::chunk::header::ChunkHeader;
use crate::codec::chunk::packed::PackedSamples;
use crate::codec::chunk::regions::RegionsEncoder;
use crate::codec::chunk::seal::{ChunkKey, Sealer};
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::codec::chunk::{Groups, totals};
use crate::codec::region_state::RegionState;
use crate::codec::table_diff::{Edit, Operation, RegionTable, edits};
use crate::codec::varint::Malformed;
use crate::recording::Sample;

/// A chunk under construction.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    samples: PackedSamples,
    regions: RegionsEncoder,
    sums: SumColumns,
    /// The contribution of the last snapshot's regions to the sums.
    added: Vec<Added>,
    spare: Vec<Added>,
    /// The last snapshot, if it was pushed without edits.
    last: RegionTable,
}

/// The contribution of one region to the sums.
#[derive(Clone, Copy, Debug)]
struct Added {
    /// The index of its type among the sums.
    type_index: usize,
    virtual_bytes: Option<u64>,
    quantities: Quantities,
}

/// A chunk made of samples.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    /// Its plain columns.
    pub(crate) header: ChunkHeader,
    /// Its groups, sealed.
    pub(crate) groups: Groups,
    /// Its ticks.
    pub(crate) ticks: Vec<Tick>,
    /// The sums of its snapshots.
    pub(crate) sums: SumColumns,
    /// The regions of its last snapshot.
    pub(crate) newest: Vec<RegionState>,
}

impl Builder {
    /// Adds a sample, with its regions unless it was missed.
    pub(crate) fn push(&mut self, sample: Sample, table: Option<RegionTable>) {
        if let Some(table) = table {
            let edits = edits(&self.last, &table);
            self.push_regions(&edits, &table);
            self.last = table;
        }
        self.samples.push(sample);
    }

    /// Adds a sample with the regions `table`. `edits` turn the regions of the last sample that has
    /// any into these.
    pub(crate) fn push_next(&mut self, sample: Sample, edits: &[Edit], table: &RegionTable) {
        self.push_regions(edits, table);
        self.samples.push(sample);
    }

    fn push_regions(&mut self, edits: &[Edit], table: &RegionTable) {
        self.regions.push(edits, &table.kinds, &table.regions);
        if edits.iter().all(|edit| edit.operation == Operation::Change) {
            let mut index = 0;
            for edit in edits {
                index += edit.kept as usize;
                subtract(&mut self.sums, self.added[index]);
                self.added[index] = add(&mut self.sums, &table.regions[index]);
                index += 1;
            }
        } else {
            self.replace(edits, &table.regions);
        }
        self.sums.end_sample();
    }

    /// Updates the sums to a snapshot whose regions differ from those of the one before.
    fn replace(&mut self, edits: &[Edit], regions: &[Region]) {
        let before = std::mem::take(&mut self.added);
        let mut after = std::mem::take(&mut self.spare);
        after.clear();
        let mut old = 0;
        for Edit { kept, operation } in edits {
            let end = old + *kept as usize;
            after.extend_from_slice(&before[old..end]);
            old = end;
            if *operation != Operation::Insert {
                subtract(&mut self.sums, before[old]);
                old += 1;
            }
            if *operation != Operation::Remove {
                after.push(add(&mut self.sums, &regions[after.len()]));
            }
        }
        after.extend_from_slice(&before[old..]);
        self.added = after;
        self.spare = before;
    }

    /// Returns whether it holds nothing yet.
    pub(crate) const fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Makes the chunk that stands for all samples from `first` to `last` of a recording.
    pub(crate) fn finish(self, recording: i64, first: u64, last: u64) -> std::io::Result<Built> {
        let key = ChunkKey { recording, last };
        let samples = self.samples.unpack();
        let samples = samples.map_err(|Malformed(what)| std::io::Error::other(what))?;
        let ticks = samples.iter().map(Tick::of).collect();
        let newest = self.regions.last();
        let (kinds, regions) = self.regions.finish();
        let mut sealer = Sealer::new()?;
        let groups = Groups {
            ticks: sealer.seal(key, "ticks", &[vec![Ticks::encode(&samples)]])?,
            totals: sealer.seal(key, "totals", &[vec![totals::encode(&samples)]])?,
            sums: sealer.seal(key, "sums", &self.sums.encode())?,
            kinds: key.seal("kinds", kinds),
            regions: key.seal("regions", regions),
        };
        let header = ChunkHeader::of(first, last, &samples);
        Ok(Built { header, groups, ticks, sums: self.sums, newest })
    }
}

/// Adds a region to the sums and returns what was added.
fn add(sums: &mut SumColumns, region: &Region) -> Added {
    let type_index = sums.index_of(&region.identity.label.region_type);
    let virtual_bytes = region.identity.range.known_bytes();
    let quantities = region.quantities;
    sums.add(type_index, &quantities, virtual_bytes);
    Added { type_index, virtual_bytes, quantities }
}

fn subtract(sums: &mut SumColumns, added: Added) {
    sums.remove(added.type_index, &added.quantities, added.virtual_bytes);
}

//! Sums by kind of region over time, for what no stored sums are by: objects, or rights.
//!
//! The regions of each chunk are decoded, but only those that change from one sample to the next
//! are looked at.

use std::collections::HashMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;

use vmrec_sampler::{Identity, Region};

use crate::codec::chunk::kind_sums::KindColumns;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::runs::{Run, Runs};
use crate::codec::chunk::ticks::{Tick, Ticks};
use crate::codec::varint::Malformed;
use crate::error::{At, Error};
use crate::read::series::keep;
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::tables::chunk::StoredChunk;
use crate::tables::chunk_group;
use crate::tables::chunk_group::NumberedSums;
use crate::tables::interner::KindKey;

/// The sums over the regions of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindSums {
    /// The kind.
    pub kind: KindKey,
    /// For each requested measure, the sum in each sample that has regions, in order: `None` where
    /// a region of the kind has no known value, 0 where there is no region of the kind.
    pub columns: Vec<Runs>,
}

/// The sums of consecutive samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindsBlock {
    /// The samples, missed ones included.
    pub ticks: Vec<Tick>,
    /// The kinds that have regions in any of them, each once.
    pub kinds: Vec<KindSums>,
}

impl Store {
    /// Calls `visit` with sums over the regions of each kind of the samples in `numbers`, some hundred
    /// at a time, in order, until it breaks. `measures` are to include one that is never 0 of a
    /// region, such as [`Measure::Regions`]: kinds that are 0 in all are left out.
    pub fn for_each_kind_sums(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        measures: &[Measure],
        mut visit: impl FnMut(&KindsBlock) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.recording(id)?;
        let _transaction = self.transaction().at(&self.path)?;
        let rows = self.chunks_of(id, &numbers, |chunk| {
            Ok(visit(&self.chunk_kind_sums(chunk, &numbers, measures)?))
        })?;
        if let Some(rows) = rows {
            let _ = visit(&self.row_kind_sums(id, rows, measures)?);
        }
        Ok(())
    }

    fn chunk_kind_sums(
        &self,
        chunk: &StoredChunk,
        numbers: &RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<KindsBlock, Error> {
        let (Ticks(mut ticks), mut sums) =
            chunk_group::kind_sums(&self.connection, chunk, measures).at(&self.path)?;
        keep(&mut ticks, numbers, sums.iter_mut().flat_map(|(_, columns)| columns));
        sums.retain(|(_, columns)| columns.iter().any(has_regions));
        self.named(ticks, sums)
    }

    /// Gives the sums their kinds.
    fn named(&self, ticks: Vec<Tick>, sums: NumberedSums) -> Result<KindsBlock, Error> {
        let numbers: Vec<i64> = sums.iter().map(|(number, _)| *number).collect();
        let mut identities = self.identities.take();
        let kinds = identities.kinds(&self.connection, &numbers);
        self.identities.replace(identities);
        let named = kinds.at(&self.path)?.into_iter().zip(sums);
        let kinds = named.map(|(kind, (_, columns))| KindSums { kind, columns }).collect();
        Ok(KindsBlock { ticks, kinds })
    }

    /// Sums the samples that are still rows.
    fn row_kind_sums(
        &self,
        id: RecordingId,
        numbers: RangeInclusive<u64>,
        measures: &[Measure],
    ) -> Result<KindsBlock, Error> {
        let (mut ticks, mut rows, mut summed) = (Vec::new(), Rows::new(measures), Ok(()));
        self.walk(id, numbers, |sample, snapshot| {
            ticks.push(Tick::of(sample));
            summed = snapshot.map_or(Ok(()), |snapshot| rows.push(snapshot.regions));
            if summed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        summed.map_err(|Malformed(what)| Error::Damaged {
            path: self.path.clone(),
            what: format!("recording {}: {what}", id.0),
        })?;
        Ok(KindsBlock { ticks, kinds: rows.finish() })
    }
}

/// The sums of samples that come with all their regions.
struct Rows {
    columns: KindColumns,
    kinds: Vec<KindKey>,
    by_kind: HashMap<KindKey, usize>,
    /// The kind of each identity by its address: it is kept, so that no other one gets that address.
    by_identity: HashMap<*const Identity, (Arc<Identity>, usize)>,
    last: Vec<Region>,
}

impl Rows {
    fn new(measures: &[Measure]) -> Self {
        Self {
            columns: KindColumns::new(measures),
            kinds: Vec::new(),
            by_kind: HashMap::new(),
            by_identity: HashMap::new(),
            last: Vec::new(),
        }
    }

    /// Adds the next sample.
    fn push(&mut self, regions: Vec<Region>) -> Result<(), Malformed> {
        for region in &std::mem::take(&mut self.last) {
            let kind = self.index_of(&region.identity);
            self.columns.remove(kind, |measure| measure.of(region));
        }
        for region in &regions {
            let kind = self.index_of(&region.identity);
            self.columns.add(kind, |measure| measure.of(region));
        }
        self.last = regions;
        self.columns.end_snapshot()
    }

    fn index_of(&mut self, identity: &Arc<Identity>) -> usize {
        if let Some((_, index)) = self.by_identity.get(&Arc::as_ptr(identity)) {
            return *index;
        }
        let kind = KindKey::of(identity);
        let next = self.kinds.len();
        let index = *self.by_kind.entry(kind.clone()).or_insert(next);
        if index == next {
            self.kinds.push(kind);
        }
        self.by_identity.insert(Arc::as_ptr(identity), (Arc::clone(identity), index));
        index
    }

    fn finish(self) -> Vec<KindSums> {
        let columns = self.columns.finish();
        self.kinds
            .into_iter()
            .zip(columns)
            .map(|(kind, columns)| KindSums { kind, columns })
            .collect()
    }
}

/// Returns whether a column is of a kind that has regions.
fn has_regions(column: &Runs) -> bool {
    column.iter().any(|Run { value, times }| times > 0 && value != Some(0))
}

//! Sums by kind of region over time, for what no stored sums are by: objects, or rights.
//!
//! The regions of each chunk are decoded, but only those that change from one sample to the next
//! are looked at.

use std::ops::{ControlFlow, RangeInclusive};

use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::runs::{Run, Runs};
use crate::codec::chunk::ticks::{Tick, Ticks};
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
            let (ticks, sums) = self.row_sums_by_kind(id, &rows, measures)?;
            let _ = visit(&self.named(ticks, sums)?);
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
        self.named(ticks, sums)
    }

    /// Gives the sums that are not of nothing their kinds.
    fn named(&self, ticks: Vec<Tick>, mut sums: NumberedSums) -> Result<KindsBlock, Error> {
        sums.retain(|(_, columns)| columns.iter().any(has_regions));
        let named = self.kinds_of(&sums)?.into_iter().zip(sums);
        let kinds = named.map(|(kind, (_, columns))| KindSums { kind, columns }).collect();
        Ok(KindsBlock { ticks, kinds })
    }
}

/// Returns whether a column is of a kind that has regions.
fn has_regions(column: &Runs) -> bool {
    column.iter().any(|Run { value, times }| times > 0 && value != Some(0))
}

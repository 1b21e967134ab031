//! The regions of a chunk.
//!
//! ```text
//! kinds   = count, then runs of consecutive numbers (`kinds`)
//! regions = snapshots, maximum regions of a snapshot, decisions
//! ```
//!
//! All but the decisions are varints. The kinds are a separate group, so that
//! they can be read without the regions. The decisions are those of an adaptive
//! model ([`snapshots`]) through a range coder: snapshot after snapshot, each
//! as its differences from the one before. Any order and any overlap of regions
//! is kept.
//!
//! The bytes bound the memory of a decoder, which no bits of the model do: each
//! region of a snapshot takes [`BYTES_A_REGION`] of them at least, and each kind
//! [`BYTES_A_KIND`]. The few chunks that would be shorter are padded with zeros.

mod flat;
mod kinds;
mod quiet;
mod ranges;
mod slot;
mod snapshots;
mod steps;
mod values;

use vmrec_sampler::Region;

use self::flat::Flat;
use self::kinds::KindList;
pub(crate) use self::kinds::decode_kinds;
use self::snapshots::SnapshotModel;
use self::steps::steps;
use crate::codec::chunk::kind_sums::KindColumns;
use crate::codec::range_coder::{RangeDecoder, RangeEncoder};
use crate::codec::region_state::RegionState;
use crate::codec::table_diff::Edit;
use crate::codec::varint::{Cursor, Malformed, put};

/// The minimum number of bytes for each region of a snapshot.
const BYTES_A_REGION: usize = 2;
/// The minimum number of bytes for each kind, which has larger models.
const BYTES_A_KIND: usize = 4;
/// The maximum number of snapshots that a chunk may claim to have, more than any has.
const MAX_SNAPSHOTS: usize = 1024;

/// The regions of a chunk under construction.
#[derive(Debug, Default)]
pub(crate) struct RegionsEncoder {
    kinds: KindList,
    model: SnapshotModel,
    encoder: RangeEncoder,
    snapshots: u64,
    max: usize,
}

impl RegionsEncoder {
    /// Adds a snapshot of `regions`, each with the number of its kind. `edits` turn the one before
    /// into it.
    pub(crate) fn push(&mut self, edits: &[Edit], kinds: &[i64], regions: &[Region]) {
        let list = &mut self.kinds;
        let new = |index: u32| {
            let index = index as usize;
            Flat::of(list.index(kinds[index]), &regions[index])
        };
        self.model.code(&mut self.encoder, &steps(edits), new, usize::MAX, |_, _| {});
        self.snapshots += 1;
        self.max = self.max.max(self.model.len());
    }

    /// Returns the regions of the last snapshot.
    pub(crate) fn last(&self) -> Vec<RegionState> {
        let state = |region: &Flat| region.state(self.kinds.number(region.kind));
        self.model.regions().map(state).collect()
    }

    /// Returns the bytes of the kinds and of the regions.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<u8>) {
        let mut out = Vec::new();
        put(&mut out, self.snapshots);
        put(&mut out, self.max as u64);
        out.append(&mut self.encoder.finish());
        let min = (self.max * BYTES_A_REGION).max(self.kinds.len() * BYTES_A_KIND);
        out.resize(out.len().max(min), 0);
        (self.kinds.encode(), out)
    }
}

/// Decodes the regions of a chunk, snapshot by snapshot.
#[derive(Debug)]
pub(crate) struct RegionsDecoder<'a> {
    kinds: Vec<i64>,
    model: SnapshotModel,
    decoder: RangeDecoder<'a>,
    left: usize,
    max: usize,
}

impl<'a> RegionsDecoder<'a> {
    /// Starts decoding the bytes of [`RegionsEncoder::finish`], whose regions have these `kinds`.
    pub(crate) fn new(kinds: Vec<i64>, data: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let left = cursor.take_count(MAX_SNAPSHOTS)?;
        let max = cursor.take_count(data.len() / BYTES_A_REGION)?;
        if kinds.len() > data.len() / BYTES_A_KIND {
            return Err(Malformed("more kinds than its bytes can hold"));
        }
        let decoder = RangeDecoder::new(cursor.0);
        Ok(Self { kinds, model: SnapshotModel::default(), decoder, left, max })
    }

    /// Advances to the next snapshot; `false` if there is none.
    pub(crate) fn advance(&mut self) -> Result<bool, Malformed> {
        self.advance_seeing(|_, _| {})
    }

    /// Advances to the next snapshot and adds it to the sums of each kind, by the kind's index among
    /// those of the chunk; returns how many regions it has, or `None` if there is none.
    pub(crate) fn advance_summing(
        &mut self,
        sums: &mut KindColumns,
    ) -> Result<Option<usize>, Malformed> {
        let there = self.advance_seeing(|was, is| {
            if let Some(was) = was {
                sums.remove(was.kind as usize, |measure| was.measure(measure));
            }
            if let Some(is) = is {
                sums.add(is.kind as usize, |measure| is.measure(measure));
            }
        })?;
        if !there {
            return Ok(None);
        }
        sums.end_snapshot()?;
        Ok(Some(self.model.len()))
    }

    fn advance_seeing(
        &mut self,
        seen: impl FnMut(Option<&Flat>, Option<&Flat>),
    ) -> Result<bool, Malformed> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(false) };
        self.left = left;
        self.model.code(&mut self.decoder, &[], |_| Flat::default(), self.max, seen);
        let is_whole = self.model.len() <= self.max && self.model.kinds() <= self.kinds.len();
        if self.decoder.is_past_end() || !is_whole {
            self.left = 0;
            return Err(Malformed("decisions that lead nowhere"));
        }
        Ok(true)
    }

    /// Returns the numbers of the kinds.
    pub(crate) fn kinds(&self) -> &[i64] {
        &self.kinds
    }

    /// Returns the regions of the current snapshot, in its order.
    pub(crate) fn regions(&self) -> impl ExactSizeIterator<Item = RegionState> + '_ {
        self.model.regions().map(|region| {
            let kind = self.kinds.get(region.kind as usize).copied().unwrap_or_default();
            region.state(kind)
        })
    }
}

#[cfg(test)]
mod tests;

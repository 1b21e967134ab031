//! Encodes snapshots as frames.

use crate::codec::frame::{Frame, FrameKind};
use crate::codec::region_change::RegionChange;
use crate::codec::region_state::RegionState;
use crate::codec::table_diff::{Edit, Operation, RegionTable, edits};
use crate::codec::varint::put;

/// Samples that a chunk is made of, unless they take many bytes. Each chunk begins with a key frame,
/// which is also what a reader of its samples decodes from until the chunk is made.
const CHUNK_SAMPLES: u32 = 900;
/// The approximate maximum of delta bytes in a chunk: more bytes make its last sample slower to
/// read, which must take no more than some milliseconds.
const CHUNK_BYTES: usize = 64 << 10;

/// Makes the frame of each sample, a key or a delta from the last stored sample.
#[derive(Debug, Default)]
pub(crate) struct FrameEncoder {
    last: Option<(u64, RegionTable)>,
    /// Samples of the current chunk so far.
    samples: u32,
    /// Bytes of their frames, except the first.
    bytes: usize,
}

impl FrameEncoder {
    /// Returns the regions of the frame stored last, if the next one can build on it.
    pub(crate) fn last(&self) -> Option<&RegionTable> {
        self.last.as_ref().map(|(_, table)| table)
    }

    /// Returns the frame of `table`, a key frame if a chunk begins with it or if that is not much
    /// larger than a delta, and the edits from the table before.
    pub(crate) fn encode(&self, table: &RegionTable) -> (Frame, Vec<Edit>) {
        let Some((number, last)) = self.last.as_ref().filter(|_| !self.is_full()) else {
            return (key(table, true), edits(&RegionTable::default(), table));
        };
        let edits = edits(last, table);
        let delta = delta(*number, last, table, &edits);
        // A region takes at least two bytes of a key frame, so a small delta needs no comparison.
        if delta.data.len() > table.regions.len() {
            let key = key(table, false);
            if delta.data.len() * 2 > key.data.len() {
                return (key, edits);
            }
        }
        (delta, edits)
    }

    /// Returns how many samples with the regions stored last can follow in its chunk.
    pub(crate) fn room(&self) -> usize {
        let fits = self.last.is_some() && !self.is_full();
        if fits { (CHUNK_SAMPLES - self.samples) as usize } else { 0 }
    }

    /// Returns the regions stored last once more, with the frame of a sample that has them too: the next
    /// one, or one after sample `before`, which has them as well. `None` if there are none.
    pub(crate) fn repeat(&self, before: Option<u64>) -> Option<(RegionTable, Frame)> {
        let (number, last) = self.last.as_ref()?;
        let frame = delta(before.unwrap_or(*number), last, last, &[]);
        let table = RegionTable { kinds: last.kinds.clone(), regions: last.regions.clone() };
        Some((table, frame))
    }

    /// Records that `frame`, that of sample `number`, is stored durably.
    pub(crate) fn accept(&mut self, number: u64, table: RegionTable, frame: &Frame) {
        self.last = Some((number, table));
        if frame.begins {
            (self.samples, self.bytes) = (0, 0);
        } else {
            self.bytes += frame.data.len();
        }
        self.samples += 1;
    }

    /// Begins a chunk with the next sample that has regions.
    pub(crate) const fn end_chunk(&mut self) {
        self.samples = CHUNK_SAMPLES;
    }

    /// Returns whether the chunk has as many samples or bytes as one may have.
    pub(crate) const fn is_full(&self) -> bool {
        self.samples >= CHUNK_SAMPLES || self.bytes >= CHUNK_BYTES
    }

    /// Records a sample without regions, such as missed ticks.
    pub(crate) const fn without_regions(&mut self) {
        self.samples += 1;
    }
}

fn key(table: &RegionTable, begins: bool) -> Frame {
    let known = usual(table);
    let mut data = Vec::with_capacity(16 + table.regions.len() * 24);
    put(&mut data, table.regions.len() as u64);
    put(&mut data, u64::from(known));
    let mut base = RegionState::first(known);
    for (kind, region) in table.kinds.iter().zip(&table.regions) {
        let state = RegionState::of(*kind, region);
        RegionChange::between(&base, &state).put(&mut data);
        base = state.next(known);
    }
    Frame { kind: FrameKind::Key, begins, data }
}

/// Returns the delta with `edits` of `before`, the regions of sample `base`.
fn delta(base: u64, before: &RegionTable, after: &RegionTable, edits: &[Edit]) -> Frame {
    let known = usual(before);
    let structural = edits.iter().any(|edit| edit.operation != Operation::Change);
    let mut data = Vec::with_capacity(256);
    put(&mut data, base << 1 | u64::from(structural));
    put(&mut data, after.regions.len() as u64);
    let (mut old, mut new, mut inserted) = (0, 0, RegionState::first(known));
    for Edit { kept, operation } in edits {
        put(&mut data, u64::from(*kept) << Operation::BITS | *operation as u64);
        (old, new) = (old + *kept as usize, new + *kept as usize);
        let state = |table: &RegionTable, index: usize| {
            RegionState::of(table.kinds[index], &table.regions[index])
        };
        match operation {
            Operation::Remove => old += 1,
            Operation::Change => {
                let change = RegionChange::between(&state(before, old), &state(after, new));
                change.put(&mut data);
                (old, new) = (old + 1, new + 1);
            }
            Operation::Insert => {
                let state = state(after, new);
                RegionChange::between(&inserted, &state).put(&mut data);
                inserted = state.next(known);
                new += 1;
            }
        }
    }
    Frame { kind: FrameKind::Delta, begins: false, data }
}

/// Returns the known quantities of the first region, which most others share.
fn usual(table: &RegionTable) -> u16 {
    table.regions.first().map_or(0, |region| region.quantities.known_mask())
}

//! Snapshots to frames.

use std::sync::Arc;

use vmrec_sampler::Region;

use super::reading::Reading;
use super::varint::{put, put_signed};
use super::{Frame, Kind};

/// Samples that a chunk is made of, unless they take many bytes. Each chunk begins with a key frame,
/// which is also what a reader of its samples decodes from until the chunk is made.
const CHUNK_SAMPLES: u32 = 360;
/// From how many on one may begin with a new minute, so that minutes lie in one chunk.
const ENOUGH_SAMPLES: u32 = 300;
/// Bytes of deltas that a chunk is made of at most, about.
const CHUNK_BYTES: usize = 512 << 10;

/// The regions of a sample, each with its identity's number.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Numbers in the `region` table, one for each of `regions`.
    pub(crate) identities: Vec<i64>,
    /// The regions, in the sample's order.
    pub(crate) regions: Vec<Region>,
}

/// Chooses and makes the frame of each sample from what is known to be stored.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    last: Option<(u64, Arc<Table>)>,
    /// The minute of the last sample.
    minute: i64,
    /// Samples since the present chunk began, with its first.
    samples: u32,
    /// Bytes of their frames, without its first.
    bytes: usize,
}

impl Encoder {
    /// Returns the regions of the frame stored last, if the next one can build on it.
    pub(crate) fn last(&self) -> Option<&Table> {
        self.last.as_ref().map(|(_, table)| &**table)
    }

    /// Returns the frame for `table`: a delta unless a chunk begins with it or that is not much larger.
    ///
    /// `minute` is that of its sample.
    pub(crate) fn encode(&self, table: &Table, minute: i64) -> Frame {
        let Some((number, last)) = &self.last else { return key(table, true) };
        let new_minute = self.samples >= ENOUGH_SAMPLES && self.minute != minute;
        if new_minute || self.samples >= CHUNK_SAMPLES || self.bytes >= CHUNK_BYTES {
            return key(table, true);
        }
        let delta = delta(*number, last, table);
        // A region takes two bytes of a key frame at least, so a small delta needs no comparison.
        if delta.data.len() > table.regions.len() {
            let key = key(table, false);
            if delta.data.len() * 2 > key.data.len() {
                return key;
            }
        }
        delta
    }

    /// Takes note that `frame`, that of sample `number`, is stored for good.
    pub(crate) fn accept(&mut self, number: u64, table: Arc<Table>, frame: &Frame, minute: i64) {
        self.last = Some((number, table));
        self.minute = minute;
        if frame.begins {
            (self.samples, self.bytes) = (0, 0);
        } else {
            self.bytes += frame.data.len();
        }
        self.samples += 1;
    }

    /// Takes note that ticks were missed, which is a sample of its own.
    pub(crate) const fn missed(&mut self) {
        self.samples += 1;
    }
}

fn key(table: &Table, begins: bool) -> Frame {
    let usual = table.regions.first().map_or(0, |region| region.quantities.known_mask());
    let nothing = Reading::nothing(usual);
    let mut data = Vec::with_capacity(16 + table.regions.len() * 16);
    put(&mut data, table.regions.len() as u64);
    put(&mut data, u64::from(usual));
    let mut before = 0;
    for (identity, region) in table.identities.iter().zip(&table.regions) {
        put_signed(&mut data, identity.wrapping_sub(before));
        Reading::of(region).put(&nothing, &mut data);
        before = *identity;
    }
    Frame { kind: Kind::Key, begins, data }
}

/// What turns the region at one place of the table before into that of the table after.
pub(super) mod operation {
    pub(in crate::frame) const CHANGE: u64 = 0;
    pub(in crate::frame) const REPLACE: u64 = 1;
    pub(in crate::frame) const REMOVE: u64 = 2;
    pub(in crate::frame) const INSERT: u64 = 3;
    pub(in crate::frame) const BITS: u32 = 2;
}

/// Walks both tables side by side. Their order by start address only guides which regions are
/// paired: any walk gives a right delta, whatever the order, so torn tables need no care.
fn delta(base: u64, before: &Table, after: &Table) -> Frame {
    let usual = before.regions.first().map_or(0, |region| region.quantities.known_mask());
    let nothing = Reading::nothing(usual);
    let mut operations = Vec::with_capacity(256);
    let mut structural = false;
    let mut inserted = 0;
    let mut unchanged = 0_u64;
    let (mut old, mut new) = (0, 0);
    while old < before.regions.len() || new < after.regions.len() {
        let mut operation = |code, out: &mut Vec<u8>| {
            put(out, unchanged << operation::BITS | code);
            unchanged = 0;
        };
        match (before.regions.get(old), after.regions.get(new)) {
            (Some(was), Some(is)) if before.identities[old] == after.identities[new] => {
                if same(was, is) {
                    unchanged += 1;
                } else {
                    operation(operation::CHANGE, &mut operations);
                    Reading::of(is).put(&Reading::of(was), &mut operations);
                }
                (old, new) = (old + 1, new + 1);
            }
            (Some(was), Some(is)) if start(was) == start(is) => {
                operation(operation::REPLACE, &mut operations);
                let moved = after.identities[new].wrapping_sub(before.identities[old]);
                put_signed(&mut operations, moved);
                Reading::of(is).put(&Reading::of(was), &mut operations);
                (old, new) = (old + 1, new + 1);
            }
            (Some(was), is) if is.is_none_or(|is| start(was) < start(is)) => {
                structural = true;
                operation(operation::REMOVE, &mut operations);
                old += 1;
            }
            (_, Some(is)) => {
                structural = true;
                operation(operation::INSERT, &mut operations);
                put_signed(&mut operations, after.identities[new].wrapping_sub(inserted));
                Reading::of(is).put(&nothing, &mut operations);
                inserted = after.identities[new];
                new += 1;
            }
            // The guard above takes every region left over in `before`.
            (_, None) => break,
        }
    }
    let mut data = Vec::with_capacity(operations.len() + 16);
    put(&mut data, base << 1 | u64::from(structural));
    put(&mut data, after.regions.len() as u64);
    data.append(&mut operations);
    Frame { kind: Kind::Delta, begins: false, data }
}

fn same(was: &Region, is: &Region) -> bool {
    was.quantities == is.quantities
        && was.share_mode == is.share_mode
        && was.provenance == is.provenance
}

fn start(region: &Region) -> u64 {
    region.identity.range.start
}

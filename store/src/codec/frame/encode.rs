//! Snapshots to frames.

use crate::codec::frame::{Frame, Kind};
use crate::codec::region_change::Reading;
use crate::codec::table_diff::{Edit, Operation, Table, edits};
use crate::codec::varint::{put, put_signed};

/// Samples that a chunk is made of, unless they take many bytes. Each chunk begins with a key frame,
/// which is also what a reader of its samples decodes from until the chunk is made.
const CHUNK_SAMPLES: u32 = 360;
/// From how many on one may begin with a new minute, so that minutes lie in one chunk.
const ENOUGH_SAMPLES: u32 = 300;
/// Bytes of deltas that a chunk is made of at most, about.
const CHUNK_BYTES: usize = 512 << 10;

/// Chooses and makes the frame of each sample from what is known to be stored.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    last: Option<(u64, Table)>,
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
        self.last.as_ref().map(|(_, table)| table)
    }

    /// Returns the frame for `table`, a delta unless a chunk begins with it or that is not much
    /// larger, and what leads to `table` from the one before.
    ///
    /// `minute` is that of its sample.
    pub(crate) fn encode(&self, table: &Table, minute: i64) -> (Frame, Vec<Edit>) {
        let new_minute = self.samples >= ENOUGH_SAMPLES && self.minute != minute;
        let full = new_minute || self.samples >= CHUNK_SAMPLES || self.bytes >= CHUNK_BYTES;
        let Some((number, last)) = self.last.as_ref().filter(|_| !full) else {
            return (key(table, true), edits(&Table::default(), table));
        };
        let edits = edits(last, table);
        let delta = delta(*number, last, table, &edits);
        // A region takes two bytes of a key frame at least, so a small delta needs no comparison.
        if delta.data.len() > table.regions.len() {
            let key = key(table, false);
            if delta.data.len() * 2 > key.data.len() {
                return (key, edits);
            }
        }
        (delta, edits)
    }

    /// Takes note that `frame`, that of sample `number`, is stored for good.
    pub(crate) fn accept(&mut self, number: u64, table: Table, frame: &Frame, minute: i64) {
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

/// Returns the delta that `edits` of `before`, the regions of sample `base`, are.
fn delta(base: u64, before: &Table, after: &Table, edits: &[Edit]) -> Frame {
    let usual = before.regions.first().map_or(0, |region| region.quantities.known_mask());
    let nothing = Reading::nothing(usual);
    let structural =
        edits.iter().any(|edit| matches!(edit.operation, Operation::Remove | Operation::Insert));
    let mut data = Vec::with_capacity(256);
    put(&mut data, base << 1 | u64::from(structural));
    put(&mut data, after.regions.len() as u64);
    let (mut old, mut new, mut inserted) = (0, 0, 0);
    for Edit { kept, operation } in edits {
        put(&mut data, u64::from(*kept) << Operation::BITS | *operation as u64);
        (old, new) = (old + *kept as usize, new + *kept as usize);
        if *operation == Operation::Remove {
            old += 1;
            continue;
        }
        let (is, identity) = (Reading::of(&after.regions[new]), after.identities[new]);
        new += 1;
        let base = match operation {
            Operation::Insert => {
                put_signed(&mut data, identity.wrapping_sub(inserted));
                inserted = identity;
                nothing
            }
            _ => {
                if *operation == Operation::Replace {
                    put_signed(&mut data, identity.wrapping_sub(before.identities[old]));
                }
                old += 1;
                Reading::of(&before.regions[old - 1])
            }
        };
        is.put(&base, &mut data);
    }
    Frame { kind: Kind::Delta, begins: false, data }
}

//! Evidence to the bytes to store: what does not change is not stored again.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;

use vmrec_sampler::Evidence;

use crate::codec::evidence::encode::encode;
use crate::codec::evidence::{MAX_BYTES, MAX_WINDOW_LOG};
use crate::codec::varint::put;

/// Evidence is written while the target runs: the level where more work gains little.
const LEVEL: i32 = 3;
const MIN_WINDOW_LOG: u32 = 10;

/// Packs the evidence of one recording.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    keys: [RandomState; 2],
    base: Option<Base>,
    /// Of the last evidence stored: its hash, which no other has in practice.
    last: Option<[u64; 2]>,
}

/// Evidence that stands alone, which later evidence is coded against.
#[derive(Debug)]
struct Base {
    number: u64,
    plain: Vec<u8>,
    /// Bytes it takes, and bytes that those coded against it take together.
    own_bytes: usize,
    later_bytes: usize,
}

/// Evidence to be stored.
#[derive(Debug)]
pub(crate) struct New {
    /// The bytes.
    pub(crate) data: Vec<u8>,
    hash: [u64; 2],
    /// The evidence itself, if it is a base.
    base: Option<Base>,
}

impl Packer {
    /// Packs the evidence that is good from sample `number` on; `None` if it is the same as the last,
    /// or would be more than may be read back.
    pub(crate) fn pack(&self, number: u64, evidence: &Evidence) -> std::io::Result<Option<New>> {
        let plain = encode(evidence);
        let hash = self.keys.each_ref().map(|key| key.hash_one(&plain));
        if plain.len() > MAX_BYTES || self.last == Some(hash) {
            return Ok(None);
        }
        // Once those coded against a base take as much as it, another one pays.
        let base = self.base.as_ref().filter(|base| base.later_bytes < base.own_bytes);
        if let Some(base) = base.filter(|base| base.number < number) {
            let data = compress(Some(base.number), &base.plain, &plain)?;
            return Ok(Some(New { data, hash, base: None }));
        }
        let data = compress(None, &[], &plain)?;
        let own_bytes = data.len();
        let base = Some(Base { number, plain, own_bytes, later_bytes: 0 });
        Ok(Some(New { data, hash, base }))
    }

    /// Notes that `new` is stored.
    pub(crate) fn accept(&mut self, new: New) {
        self.last = Some(new.hash);
        match new.base {
            Some(base) => self.base = Some(base),
            None => {
                if let Some(base) = &mut self.base {
                    base.later_bytes += new.data.len();
                }
            }
        }
    }

    /// Notes that what is stored is not known: the next evidence stands alone.
    pub(crate) fn reject(&mut self) {
        (self.base, self.last) = (None, None);
    }
}

/// Returns the bytes to store of `plain`, coded against the evidence of a sample.
fn compress(number: Option<u64>, base: &[u8], plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    put(&mut data, number.unwrap_or(0));
    let mut encoder = zstd::stream::write::Encoder::with_ref_prefix(data, LEVEL, base)?;
    let window = (base.len() + plain.len()).max(1).ilog2() + 1;
    encoder.window_log(window.clamp(MIN_WINDOW_LOG, MAX_WINDOW_LOG))?;
    encoder.set_pledged_src_size(Some(plain.len() as u64))?;
    encoder.write_all(plain)?;
    encoder.finish()
}

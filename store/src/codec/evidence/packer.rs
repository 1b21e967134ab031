//! Packs evidence for storage: unchanged evidence is not stored again.

use std::io::Write;
use std::sync::Arc;

use vmrec_sampler::{Evidence, Facts};

use crate::codec::evidence::encode::encode;
use crate::codec::evidence::{MAX_BYTES, MAX_ELEMENTS, MAX_WINDOW_LOG};
use crate::codec::varint::put;

/// Evidence is compressed while the target runs: higher levels gain little.
const LEVEL: i32 = 3;
const MIN_WINDOW_LOG: u32 = 10;

/// The maximum number of blobs that a reader decodes for one: itself and those it builds on.
pub(crate) const MAX_DEPTH: u32 = 64;

/// Packs the evidence of one recording.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    /// The evidence that stands alone and the one stored last, which may be the same.
    bases: Option<(Key, Base)>,
}

/// Evidence that stands alone.
#[derive(Debug)]
struct Key {
    base: Base,
    /// Bytes it takes, and bytes that those coded since take together.
    own_bytes: usize,
    later_bytes: usize,
}

/// Evidence that other evidence may be coded against.
#[derive(Clone, Debug)]
struct Base {
    number: u64,
    plain: Arc<[u8]>,
    /// How much evidence it builds on.
    depth: u32,
}

/// Evidence to be stored.
#[derive(Debug)]
pub(crate) struct New {
    /// The bytes.
    pub(crate) data: Vec<u8>,
    base: Base,
}

impl Packer {
    /// Packs the evidence that holds from sample `number` on; `None` if it equals the last, or
    /// would exceed the limit of a reader.
    pub(crate) fn pack(&self, number: u64, evidence: &Evidence) -> std::io::Result<Option<New>> {
        let plain: Arc<[u8]> = encode(evidence).into();
        let is_last = |(_, last): &(Key, Base)| last.plain == plain;
        if plain.len() > MAX_BYTES
            || elements(evidence) > MAX_ELEMENTS
            || self.bases.as_ref().is_some_and(is_last)
        {
            return Ok(None);
        }
        let mut next = None;
        if let Some((key, last)) = &self.bases
            && let Some(base) = next_base(key, last)
            && base.number < number
        {
            let data = compress(Some(base.number), &base.plain, &plain)?;
            let depth = base.depth + 1;
            if data.len() * 2 < key.own_bytes {
                return Ok(Some(New { data, base: Base { number, plain, depth } }));
            }
            next = Some((data, depth));
        }
        // Evidence may have grown since the key, or be unlike the last: then another key pays.
        let alone = compress(None, &[], &plain)?;
        let (data, depth) =
            next.filter(|(data, _)| data.len() * 10 <= alone.len() * 9).unwrap_or((alone, 0));
        Ok(Some(New { data, base: Base { number, plain, depth } }))
    }

    /// Records that `new` is stored.
    pub(crate) fn accept(&mut self, New { data, base }: New) {
        let key = match self.bases.take() {
            Some((mut key, _)) if base.depth > 0 => {
                key.later_bytes += data.len();
                key
            }
            _ => Key { base: base.clone(), own_bytes: data.len(), later_bytes: 0 },
        };
        self.bases = Some((key, base));
    }

    /// Records that the stored evidence is not known: the next evidence stands alone.
    pub(crate) fn reject(&mut self) {
        self.bases = None;
    }
}

/// Returns the number of elements of all lists.
fn elements(evidence: &Evidence) -> usize {
    let Facts { threads, images, glibc_stacks, listed_code, native_memory, jvm, .. } =
        &evidence.facts;
    let of_images = images
        .values()
        .map(|image| 1 + image.segments.len() + image.relro.len() + image.markers.len());
    let of_jvm = jvm.as_ref().map_or(0, |jvm| jvm.heap.len() + jvm.code.len());
    let stacks = glibc_stacks.as_ref().map_or(0, Vec::len);
    let listed = listed_code.len() + native_memory.len();
    threads.len() + of_images.sum::<usize>() + stacks + listed + of_jvm + evidence.peeks.len()
}

/// Returns the evidence that the next builds on: the last, or the one that stands alone if the
/// chain would get too long; none once the evidence since takes as many bytes as that one.
fn next_base<'a>(key: &'a Key, last: &'a Base) -> Option<&'a Base> {
    if last.depth + 1 < MAX_DEPTH {
        Some(last)
    } else {
        (key.later_bytes < key.own_bytes).then_some(&key.base)
    }
}

/// Returns the stored bytes of `plain`, coded against the evidence of a sample.
pub(crate) fn compress(number: Option<u64>, base: &[u8], plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    put(&mut data, number.unwrap_or(0));
    let mut encoder = zstd::stream::write::Encoder::with_ref_prefix(data, LEVEL, base)?;
    let window = (base.len() + plain.len()).max(1).ilog2() + 1;
    encoder.window_log(window.clamp(MIN_WINDOW_LOG, MAX_WINDOW_LOG))?;
    encoder.set_pledged_src_size(Some(plain.len() as u64))?;
    encoder.write_all(plain)?;
    encoder.finish()
}

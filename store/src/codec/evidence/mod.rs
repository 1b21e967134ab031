//! What types were told by, as bytes: the facts of a process and what was read
//! of its memory, so that newer rules can tell the types of an old recording.
//!
//! ```text
//! data     = zstd of: version, the sample whose evidence has the images (0: this one), facts, peeks
//! facts    = executable, stack start, brk start, pid, threads, images, glibc stacks, JVM, memory readable
//! peeks    = count, count × (address − address before, bytes)
//! ```
//!
//! Numbers are varints, text and bytes are preceded by their length, lists by
//! their count, and what may be missing by 0 or 1. A file may come from
//! anywhere: nothing is allocated that the bytes at hand do not justify, and
//! they are bounded by [`MOST_BYTES`].

pub(crate) mod decode;
pub(crate) mod encode;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use vmrec_sampler::{Evidence, Image};

use crate::codec::varint::Malformed;

/// The most bytes that evidence decompresses to.
const MOST_BYTES: usize = 16 << 20;
/// Evidence is written while the target runs: the level where more work gains little.
const LEVEL: i32 = 3;

/// Images by name: they seldom change, and are most of what is known.
pub(crate) type Images = BTreeMap<Arc<str>, Arc<Image>>;

/// Returns the bytes to store; `None` if they would be more than may be read back.
///
/// With `images_at`, the evidence of that sample has the same images, and they are left out.
pub(crate) fn pack(
    evidence: &Evidence,
    images_at: Option<u64>,
) -> std::io::Result<Option<Vec<u8>>> {
    let plain = crate::codec::evidence::encode::encode(evidence, images_at);
    if plain.len() > MOST_BYTES {
        return Ok(None);
    }
    zstd::bulk::compress(&plain, LEVEL).map(Some)
}

/// Returns the evidence that was stored, and the sample whose evidence has its images if they were left out.
pub(crate) fn unpack(data: &[u8]) -> Result<(Evidence, Option<u64>), Malformed> {
    let mut decoder =
        zstd::stream::read::Decoder::new(data).map_err(|_| Malformed("no zstd data"))?;
    // Frames that ask for more window than the bound are refused before it is allocated.
    decoder.window_log_max(MOST_BYTES.ilog2()).map_err(|_| Malformed("no zstd data"))?;
    let mut plain = Vec::new();
    let most = MOST_BYTES as u64;
    std::io::Read::read_to_end(&mut std::io::Read::take(decoder, most + 1), &mut plain)
        .map_err(|_| Malformed("broken zstd data"))?;
    if plain.len() > MOST_BYTES {
        return Err(Malformed("more bytes than evidence has"));
    }
    crate::codec::evidence::decode::decode(&plain)
}

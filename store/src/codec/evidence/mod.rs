//! The evidence that types were derived from, as bytes: the facts of a process
//! and bytes read from its memory, so that newer rules can reclassify an old
//! recording.
//!
//! ```text
//! data     = the sample whose evidence it is coded against (0: none), zstd of plain
//! plain    = version, facts, peeks
//! facts    = executable, stack start, brk start, pid, threads, images, glibc stacks, listed code,
//!            native memory, JVM, memory readable
//! peeks    = count, count × (address − address before, bytes)
//! ```
//!
//! Numbers are varints, text and bytes are preceded by their length, lists by
//! their count, optional values by 0 or 1. Most evidence repeats the one
//! before. So zstd finds what repeats in a *base*: the plain evidence stored
//! before it, or an earlier one that stands alone, so that none builds on more
//! than [`packer::MAX_DEPTH`] others. Files are untrusted: memory is allocated
//! only as the bytes justify it, and they are bounded by [`MAX_BYTES`].

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod packer;
#[cfg(test)]
mod tests;

use std::io::Read;

use crate::codec::varint::{Cursor, Malformed};

/// The maximum number of elements of all its lists: more than the limits of the sampler allow.
const MAX_ELEMENTS: usize = 1 << 18;
/// The maximum decompressed size of evidence.
const MAX_BYTES: usize = 16 << 20;

/// Evidence as it is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    /// The sample whose evidence it is coded against.
    pub(crate) base: Option<u64>,
    compressed: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Splits the bytes that a [`packer::Packer`] made.
    pub(crate) fn new(data: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor(data);
        let base = Some(cursor.take()?).filter(|number| *number != 0);
        Ok(Self { base, compressed: cursor.0 })
    }

    /// Returns its plain bytes; `base` are those of the evidence it is coded against, or none.
    pub(crate) fn plain(&self, base: &[u8]) -> Result<Vec<u8>, Malformed> {
        let no_zstd = |_| Malformed("no zstd data");
        let mut decoder =
            zstd::stream::read::Decoder::with_ref_prefix(self.compressed, base).map_err(no_zstd)?;
        // Frames that claim a larger window than the bound are refused before it is allocated.
        decoder.window_log_max(MAX_WINDOW_LOG).map_err(no_zstd)?;
        let mut plain = Vec::new();
        decoder
            .take(MAX_BYTES as u64 + 1)
            .read_to_end(&mut plain)
            .map_err(|_| Malformed("broken zstd data"))?;
        if plain.len() > MAX_BYTES {
            return Err(Malformed("more bytes than evidence has"));
        }
        Ok(plain)
    }
}

/// The largest window, as a power of two: evidence and its base.
const MAX_WINDOW_LOG: u32 = MAX_BYTES.ilog2() + 1;

//! A group's bytes: zstd, or bytes that zstd makes no smaller, then the CRC-32 of where
//! it belongs and those bytes.

use std::cell::RefCell;
use std::io::Write;

use zstd::bulk::Decompressor;
use zstd::stream::write::Encoder;
use zstd::zstd_safe;
use zstd::zstd_safe::{CCtx, CParameter};

use crate::codec::crc32::checksum_of;
use crate::codec::varint::Malformed;

/// Higher levels gain little and take much longer. What resembles a number is near it: a window
/// and a table of twice the size gain nothing, and would be half a megabyte of a recorder.
const PARAMETERS: [CParameter; 3] =
    [CParameter::CompressionLevel(7), CParameter::WindowLog(16), CParameter::HashLog(15)];
/// The most bytes that a group decompresses to.
const MAX_GROUP_BYTES: usize = 64 << 20;
const CHECKSUM_BYTES: usize = 4;
/// Less does not pay for statistics of its own.
const BLOCK_BYTES: usize = 1024;

thread_local! {
    /// Made once: making one takes longer than decompressing a group.
    static CONTEXT: RefCell<Decompressor<'static>> = RefCell::default();
}

/// Where a group belongs: a chunk is known by its last sample, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkKey {
    /// The recording.
    pub(crate) recording: i64,
    /// The number of the chunk's last sample.
    pub(crate) last: u64,
}

impl ChunkKey {
    /// Returns the bytes to store of the group called `what`, which are not compressed.
    pub(crate) fn seal(self, what: &str, mut data: Vec<u8>) -> Vec<u8> {
        let sum = checksum_of(self.recording, self.last, what, &data);
        data.extend_from_slice(&sum.to_le_bytes());
        data
    }

    /// Returns what [`ChunkKey::seal`] was given.
    pub(crate) fn unseal<'a>(self, what: &str, data: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let (data, sum) =
            data.split_last_chunk::<CHECKSUM_BYTES>().ok_or(Malformed("no checksum"))?;
        if checksum_of(self.recording, self.last, what, data) != u32::from_le_bytes(*sum) {
            return Err(Malformed("it does not match its checksum"));
        }
        Ok(data)
    }
}

/// What seals groups, one after the other: the memory it takes is made once for all of a chunk.
pub(crate) struct Sealer(CCtx<'static>);

impl Sealer {
    /// Makes one.
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut context = CCtx::create();
        for parameter in PARAMETERS {
            let set = context.set_parameter(parameter);
            set.map_err(|code| std::io::Error::other(zstd_safe::get_error_name(code)))?;
        }
        Ok(Self(context))
    }

    /// Returns the bytes to store of the group called `what`, which is `pieces`, one after the other.
    ///
    /// Each piece of some size is compressed as a block: with statistics of its own, for numbers of
    /// different kinds resemble each other less than those of one.
    pub(crate) fn seal(
        &mut self,
        key: ChunkKey,
        what: &str,
        pieces: &[Vec<u8>],
    ) -> std::io::Result<Vec<u8>> {
        let mut encoder = Encoder::with_context(Vec::new(), &mut self.0);
        let bytes: usize = pieces.iter().map(Vec::len).sum();
        encoder.set_pledged_src_size(Some(bytes as u64))?;
        encoder.include_contentsize(true)?;
        let mut waiting = 0;
        for piece in pieces {
            if waiting >= BLOCK_BYTES && piece.len() >= BLOCK_BYTES {
                encoder.flush()?;
                waiting = 0;
            }
            encoder.write_all(piece)?;
            waiting += piece.len();
        }
        Ok(key.seal(what, encoder.finish()?))
    }
}

/// Returns what [`Sealer::seal`] was given.
pub(crate) fn unseal(key: ChunkKey, what: &str, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let data = key.unseal(what, data)?;
    // The size that the data claims is what is allocated; it is told by who wrote the checksum.
    let claimed = zstd_safe::get_frame_content_size(data).ok().flatten();
    let bytes = claimed.and_then(|bytes| usize::try_from(bytes).ok());
    let bytes = bytes.ok_or(Malformed("broken zstd data"))?;
    if bytes > MAX_GROUP_BYTES {
        return Err(Malformed("more bytes than a group has"));
    }
    CONTEXT
        .with_borrow_mut(|context| context.decompress(data, bytes))
        .map_err(|_| Malformed("broken zstd data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ChunkKey = ChunkKey { recording: 3, last: 300 };

    #[test]
    fn it_comes_back_only_where_it_belongs_and_whole() {
        let data =
            Sealer::new().unwrap().seal(KEY, "ticks", &[vec![7; 3000], vec![7; 2000]]).unwrap();
        assert_eq!(unseal(KEY, "ticks", &data), Ok(vec![7; 5000]));
        assert!(unseal(ChunkKey { last: 301, ..KEY }, "ticks", &data).is_err());
        assert!(unseal(ChunkKey { recording: 4, ..KEY }, "ticks", &data).is_err());
        assert!(unseal(KEY, "sums", &data).is_err());
        for bit in 0..data.len() * 8 {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(KEY, "ticks", &flipped).is_err(), "bit {bit}");
        }
        assert!(unseal(KEY, "ticks", &data[..3]).is_err());
    }
}

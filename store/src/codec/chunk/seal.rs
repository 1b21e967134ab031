//! The stored bytes of a group: zstd, or bytes that zstd would not shrink, then
//! the CRC-32 of its chunk, its name and those bytes.

use std::cell::RefCell;
use std::io::Write;

use zstd::bulk::Decompressor;
use zstd::stream::write::Encoder;
use zstd::zstd_safe;
use zstd::zstd_safe::{CCtx, CParameter};

use crate::codec::crc32::checksum_of;
use crate::codec::varint::Malformed;

/// Higher levels gain little and take much longer. Similar numbers are near each other: a window
/// and a table of twice the size gain nothing, and would take half a megabyte of the recorder's
/// memory.
const PARAMETERS: [CParameter; 3] =
    [CParameter::CompressionLevel(7), CParameter::WindowLog(16), CParameter::HashLog(15)];
/// The decompressed size that any group may have …
const FREE_BYTES: usize = 512 << 10;
/// … and the maximum for each of its stored bytes beyond that. A few groups that would be smaller
/// are padded.
const MAX_RATIO: usize = 8;
/// The first bytes of a frame that zstd skips; its length follows, then its content.
const SKIPPED: [u8; 4] = 0x184d_2a50_u32.to_le_bytes();
const CHECKSUM_BYTES: usize = 4;
/// Smaller pieces do not pay for statistics of their own.
const BLOCK_BYTES: usize = 1024;

thread_local! {
    /// Created once: that takes longer than decompressing a group.
    static CONTEXT: RefCell<Decompressor<'static>> = RefCell::default();
}

/// Identifies a chunk by its last sample, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkKey {
    /// The recording.
    pub(crate) recording: i64,
    /// The number of the chunk's last sample.
    pub(crate) last: u64,
}

impl ChunkKey {
    /// Returns the stored bytes of the group called `what`, uncompressed.
    pub(crate) fn seal(self, what: &str, mut data: Vec<u8>) -> Vec<u8> {
        let sum = checksum_of(self.recording, self.last, what, &data);
        data.extend_from_slice(&sum.to_le_bytes());
        data
    }

    /// Checks and returns the bytes passed to [`ChunkKey::seal`].
    pub(crate) fn unseal<'a>(self, what: &str, data: &'a [u8]) -> Result<&'a [u8], Malformed> {
        let (data, sum) =
            data.split_last_chunk::<CHECKSUM_BYTES>().ok_or(Malformed("no checksum"))?;
        if checksum_of(self.recording, self.last, what, data) != u32::from_le_bytes(*sum) {
            return Err(Malformed("it does not match its checksum"));
        }
        Ok(data)
    }
}

/// Seals groups, one after the other, and reuses its memory for all groups of a chunk.
pub(crate) struct Sealer(CCtx<'static>);

impl Sealer {
    /// Creates a sealer.
    pub(crate) fn new() -> std::io::Result<Self> {
        let mut context = CCtx::create();
        for parameter in PARAMETERS {
            let set = context.set_parameter(parameter);
            set.map_err(|code| std::io::Error::other(zstd_safe::get_error_name(code)))?;
        }
        Ok(Self(context))
    }

    /// Returns the stored bytes of the group called `what`, the concatenation of all pieces. Those of
    /// the first frame can be had without the others.
    ///
    /// Each larger piece is compressed as a block with its own statistics: numbers of one piece
    /// resemble each other more than those of others.
    pub(crate) fn seal(
        &mut self,
        key: ChunkKey,
        what: &str,
        frames: &[Vec<Vec<u8>>],
    ) -> std::io::Result<Vec<u8>> {
        let mut data = Vec::new();
        for pieces in frames {
            data = self.compress(data, pieces)?;
        }
        let bytes: usize = frames.iter().flatten().map(Vec::len).sum();
        let missing = bytes.saturating_sub(max_bytes(data.len())).div_ceil(MAX_RATIO);
        if let Ok(length @ 1..) = u32::try_from(missing) {
            data.extend_from_slice(&SKIPPED);
            data.extend_from_slice(&length.to_le_bytes());
            data.resize(data.len() + missing, 0);
        }
        Ok(key.seal(what, data))
    }

    /// Appends a frame of some pieces.
    fn compress(&mut self, data: Vec<u8>, pieces: &[Vec<u8>]) -> std::io::Result<Vec<u8>> {
        let mut encoder = Encoder::with_context(data, &mut self.0);
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
        encoder.finish()
    }
}

/// Checks and returns the bytes passed to [`Sealer::seal`].
pub(crate) fn unseal(key: ChunkKey, what: &str, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let data = key.unseal(what, data)?;
    let (mut claimed, mut left) = (0_usize, data);
    while !left.is_empty() {
        let (bytes, frame) = frame(left)?;
        claimed = claimed.checked_add(bytes).ok_or(BROKEN)?;
        left = &left[frame.len()..];
    }
    decompress(data, claimed, data.len())
}

/// Checks all bytes passed to [`Sealer::seal`], and returns those of the first frame.
pub(crate) fn unseal_first(key: ChunkKey, what: &str, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let data = key.unseal(what, data)?;
    let (bytes, frame) = frame(data)?;
    decompress(frame, bytes, data.len())
}

const BROKEN: Malformed = Malformed("broken zstd data");

/// Returns how many bytes the first frame claims to hold, and the frame.
fn frame(data: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let claimed = zstd_safe::get_frame_content_size(data).ok().flatten();
    let bytes = claimed.and_then(|bytes| usize::try_from(bytes).ok()).ok_or(BROKEN)?;
    let length = zstd_safe::find_frame_compressed_size(data).map_err(|_| BROKEN)?;
    Ok((bytes, data.get(..length).filter(|frame| !frame.is_empty()).ok_or(BROKEN)?))
}

/// Returns the bytes that frames hold, which claim to be so many; the whole group has `stored` bytes.
fn decompress(data: &[u8], bytes: usize, stored: usize) -> Result<Vec<u8>, Malformed> {
    // Only the claimed size is allocated, and the checksum covers it.
    if bytes > max_bytes(stored) {
        return Err(Malformed("more bytes than it can hold"));
    }
    CONTEXT.with_borrow_mut(|context| context.decompress(data, bytes)).map_err(|_| BROKEN)
}

/// Returns the maximum decompressed size of so many bytes, which bounds the memory of a reader.
const fn max_bytes(compressed: usize) -> usize {
    FREE_BYTES + compressed.saturating_mul(MAX_RATIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ChunkKey = ChunkKey { recording: 3, last: 300 };

    #[test]
    fn a_group_round_trips_only_undamaged_and_under_its_own_key() {
        let data = Sealer::new()
            .unwrap()
            .seal(KEY, "ticks", &[vec![vec![7; 3000], vec![7; 2000]], vec![vec![5; 9]]])
            .unwrap();
        assert_eq!(unseal(KEY, "ticks", &data), Ok([vec![7; 5000], vec![5; 9]].concat()));
        assert_eq!(unseal_first(KEY, "ticks", &data), Ok(vec![7; 5000]));
        assert!(unseal(ChunkKey { last: 301, ..KEY }, "ticks", &data).is_err());
        assert!(unseal(ChunkKey { recording: 4, ..KEY }, "ticks", &data).is_err());
        assert!(unseal(KEY, "sums", &data).is_err());
        for bit in 0..data.len() * 8 {
            let mut flipped = data.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(KEY, "ticks", &flipped).is_err(), "bit {bit}");
            assert!(unseal_first(KEY, "ticks", &flipped).is_err(), "bit {bit}");
        }
        assert!(unseal(KEY, "ticks", &data[..3]).is_err());
    }

    #[test]
    fn stored_bytes_bound_what_they_become() {
        for megabytes in [1, 8, 40] {
            let data = vec![vec![7; megabytes << 19]; 2];
            let sealed = Sealer::new()
                .unwrap()
                .seal(KEY, "sums", &[data[..1].to_vec(), data[1..].to_vec()])
                .unwrap();
            assert!(sealed.len() * MAX_RATIO + FREE_BYTES >= megabytes << 20, "{}", sealed.len());
            assert_eq!(unseal(KEY, "sums", &sealed), Ok(data.concat()));
            // The same content without padding, as only a crafted file has it.
            let crafted = zstd::bulk::compress(&data.concat(), 7).unwrap();
            let unsealed = unseal(KEY, "sums", &KEY.seal("sums", crafted));
            assert_eq!(unsealed, Err(Malformed("more bytes than it can hold")));
            assert_eq!(unseal_first(KEY, "sums", &sealed), Ok(data[0].clone()));
        }
    }
}

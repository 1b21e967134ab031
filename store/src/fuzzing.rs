//! Entries of the fuzz targets in `tests/fuzz`: what decodes bytes of files. Built with
//! `--cfg fuzzing` only.

use crate::codec::chunk::decode_sums::Decoded;
use crate::codec::chunk::measure::Measure;
use crate::codec::chunk::regions::{RegionsDecoder, decode_kinds};
use crate::codec::chunk::ticks::Ticks;
use crate::codec::chunk::totals;
use crate::codec::frame::FrameKind;
use crate::codec::frame::decode::FrameDecoder;
use crate::codec::{evidence, live_stacks};

/// Decodes the groups of a chunk, one after the other in the bytes, and frames of the tail.
pub fn chunk(bytes: &[u8]) {
    let Some((group, data)) = bytes.split_first() else { return };
    match group % 6 {
        0 => _ = Ticks::decode(data),
        1 => {
            let count = data.first().map_or(0, |count| usize::from(*count));
            let _ = totals::decode(count, data.get(1..).unwrap_or_default());
        }
        2 => _ = Decoded::decode(data, &Measure::ALL),
        3 => _ = decode_kinds(data),
        4 => {
            let kinds = (0..64).collect();
            let Ok(mut decoder) = RegionsDecoder::new(kinds, data) else { return };
            while decoder.advance() == Ok(true) {
                assert!(decoder.regions().len() <= data.len() * 64 + 4096);
            }
        }
        _ => {
            let mut decoder = FrameDecoder::default();
            let middle = data.len() / 2;
            let _ = decoder.apply(1, FrameKind::Key, &data[..middle]);
            let _ = decoder.apply(2, FrameKind::Delta, &data[middle..]);
        }
    }
}

/// Decodes evidence, which encodes again to evidence that is equal.
pub fn evidence(bytes: &[u8]) {
    let Ok(found) = evidence::decode::decode(bytes) else { return };
    let again = evidence::decode::decode(&evidence::encode::encode(&found));
    assert_eq!(again.as_ref(), Ok(&found));
}

/// Decodes what a recording keeps of stacks, from its plain bytes.
pub fn stacks(bytes: &[u8]) {
    if let Ok(data) = zstd::bulk::compress(bytes, 1) {
        let _ = live_stacks::decode(&data);
    }
}

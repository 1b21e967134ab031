//! CRC-32 (that of zlib and PNG) over a frame and its position, so that flipped
//! bits and misplaced frames are detected.

use crate::codec::frame::FrameKind;

/// The number of bytes processed in one step.
const STEP: usize = 16;

/// The contribution of each byte value to the sum, by the number of bytes that follow it in a step.
const TABLES: [[u32; 256]; STEP] = {
    let mut tables = [[0; 256]; STEP];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        tables[0][index] = value;
        index += 1;
    }
    let mut table = 1;
    while table < STEP {
        let mut index = 0;
        while index < 256 {
            let before = tables[table - 1][index];
            tables[table][index] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            index += 1;
        }
        table += 1;
    }
    tables
};

/// A sum under construction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc(u32);

impl Crc {
    /// Begins the sum of no bytes.
    pub(crate) const fn new() -> Self {
        Self(!0)
    }

    /// Returns the sum with `bytes` after those before.
    #[must_use]
    pub(crate) fn and(self, bytes: &[u8]) -> Self {
        let (steps, rest) = bytes.as_chunks::<STEP>();
        let state = steps.iter().fold(self.0, |state, step| {
            let step = (u128::from_le_bytes(*step) ^ u128::from(state)).to_le_bytes();
            worth(&step)
        });
        // Values of a row are shorter, most of them eight bytes.
        let (steps, rest) = rest.as_chunks::<8>();
        let state = steps.iter().fold(state, |state, step| {
            let step = (u64::from_le_bytes(*step) ^ u64::from(state)).to_le_bytes();
            worth(&step)
        });
        Self(rest.iter().fold(state, |state, byte| {
            (state >> 8) ^ TABLES[0][usize::from(state.to_le_bytes()[0] ^ byte)]
        }))
    }

    /// Returns the sum.
    pub(crate) const fn sum(self) -> u32 {
        !self.0
    }
}

/// Returns the contribution of the bytes of a step.
#[inline]
fn worth<const N: usize>(step: &[u8; N]) -> u32 {
    let tables = TABLES[..N].iter().rev();
    step.iter().zip(tables).fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)])
}

/// Returns the checksum of the frame `data` of sample `number` in `recording`.
pub(crate) fn checksum(recording: i64, number: u64, kind: FrameKind, data: &[u8]) -> u32 {
    checksum_of(recording, number, kind.name(), data)
}

/// Returns the checksum of `data`, which is `what` of sample `number` in `recording`.
pub(crate) fn checksum_of(recording: i64, number: u64, what: &str, data: &[u8]) -> u32 {
    Crc::new()
        .and(&recording.to_le_bytes())
        .and(&number.to_le_bytes())
        .and(what.as_bytes())
        .and(data)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_matches_the_standard_crc() {
        assert_eq!(Crc::new().and(b"123456789").sum(), 0xcbf4_3926);
        let pangram = b"The quick brown fox jumps over the lazy dog";
        assert_eq!(Crc::new().and(pangram).sum(), 0x414f_a339);
        for cut in 0..pangram.len() {
            let (header, tail) = pangram.split_at(cut);
            assert_eq!(Crc::new().and(header).and(tail).sum(), 0x414f_a339);
        }
    }

    #[test]
    fn number_and_kind_are_covered() {
        let sum = checksum(1, 2, FrameKind::Key, b"abc");
        assert_ne!(sum, checksum(2, 2, FrameKind::Key, b"abc"));
        assert_ne!(sum, checksum(1, 3, FrameKind::Key, b"abc"));
        assert_ne!(sum, checksum(1, 2, FrameKind::Delta, b"abc"));
    }
}

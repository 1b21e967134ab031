//! CRC-32 (that of zlib and PNG) over a frame and where it belongs, so that
//! flipped bits and frames in the wrong place are told from figures.

use super::Kind;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut place = 0;
    while place < 256 {
        let mut value = place as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xedb8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[place] = value;
        place += 1;
    }
    table
};

/// Returns the checksum of the frame `data` of sample `number` in `recording`.
pub(crate) fn checksum(recording: i64, number: u64, kind: Kind, data: &[u8]) -> u32 {
    checksum_of(recording, number, kind.name(), data)
}

/// Returns the checksum of `data`, which is `what` of sample `number` in `recording`.
pub(crate) fn checksum_of(recording: i64, number: u64, what: &str, data: &[u8]) -> u32 {
    let state = update(!0, &recording.to_le_bytes());
    let state = update(state, &number.to_le_bytes());
    let state = update(state, what.as_bytes());
    !update(state, data)
}

fn update(state: u32, bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(state, |state, byte| (state >> 8) ^ TABLE[usize::from(state.to_le_bytes()[0] ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_crc_everyone_else_computes() {
        assert_eq!(!update(!0, b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn place_and_kind_count() {
        let sum = checksum(1, 2, Kind::Key, b"abc");
        assert_ne!(sum, checksum(2, 2, Kind::Key, b"abc"));
        assert_ne!(sum, checksum(1, 3, Kind::Key, b"abc"));
        assert_ne!(sum, checksum(1, 2, Kind::Delta, b"abc"));
    }
}

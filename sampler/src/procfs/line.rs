//! Lines and numbers of `/proc` texts, read from bytes.

/// Returns the index of the first newline of `text`.
pub(crate) fn newline(text: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let mut words = text.chunks_exact(8);
    for (index, word) in words.by_ref().enumerate() {
        let Ok(word) = <[u8; 8]>::try_from(word) else { continue };
        // Bytes equal to '\n' become 0; the borrow marks the lowest of them exactly.
        let differs = u64::from_le_bytes(word) ^ (ONES * b'\n' as u64);
        let zeros = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let rest = words.remainder();
    let at = rest.iter().position(|byte| *byte == b'\n')?;
    Some(text.len() - rest.len() + at)
}

/// Reads `text` as a decimal number; anything else in it is an error.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    number(text, 10)
}

/// Reads `text` as a hexadecimal number without prefix.
pub(crate) fn hexadecimal(text: &[u8]) -> Option<u64> {
    number(text, 16)
}

fn number(text: &[u8], base: u32) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = (*byte as char).to_digit(base)?;
        value.checked_mul(base as u64)?.checked_add(digit as u64)
    })
}

/// Returns `text` as UTF-8, each invalid byte written as `\xNN`.
pub(crate) fn readable(text: &[u8]) -> String {
    let mut readable = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        readable.push_str(chunk.valid());
        for byte in chunk.invalid() {
            readable.push_str(&format!("\\x{byte:02x}"));
        }
    }
    readable
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_hold_nothing_else_and_do_not_overflow() {
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(decimal(b""), None);
        assert_eq!(decimal(b"+1"), None);
        assert_eq!(decimal(b" 1"), None);
        assert_eq!(hexadecimal(b"ffffffffff600000"), Some(0xffff_ffff_ff60_0000));
        assert_eq!(hexadecimal(b"10000000000000000"), None);
        assert_eq!(hexadecimal(b"0x1"), None);
    }

    #[test]
    fn invalid_bytes_are_shown_and_valid_ones_kept() {
        assert_eq!(readable(b"/tmp/\xff\xc3\xa4\\012"), "/tmp/\\xffä\\012");
    }

    proptest! {
        #[test]
        fn newline_is_the_first(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(0x0b_u8), Just(0_u8), any::<u8>()], 0..40)) {
            prop_assert_eq!(newline(&text), text.iter().position(|byte| *byte == b'\n'));
        }
    }
}

//! Sizes as tools print them: `92K`, `10.5M`, `824`, `411 MB`, `1,5G`.

/// A printed size: its bytes, and by how much it may differ from the exact size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// The bytes, as exactly as they were printed.
    pub(crate) bytes: u64,
    /// Half of the last digit's unit, in bytes.
    pub(crate) slack_bytes: u64,
}

/// Reads a size. Units are powers of 1024; a number without a unit is bytes. A comma is a decimal
/// point, or groups of three digits.
pub(crate) fn size(text: &str) -> Option<Size> {
    let text = text.trim();
    let digits = text
        .find(|character: char| !(character.is_ascii_digit() || matches!(character, '.' | ',')))
        .unwrap_or(text.len());
    let unit = unit_bytes(text[digits..].trim())?;
    let (whole, fraction) = number(&text[..digits])?;
    let mut bytes = whole.checked_mul(unit)?;
    let mut last = unit;
    for digit in fraction.bytes() {
        last /= 10;
        bytes = bytes.checked_add(last.checked_mul(u64::from(digit - b'0'))?)?;
    }
    if let (Some(_), true) = (fraction.bytes().next(), unit > 1) {
        // Digit by digit loses a little: the same in floating point is exact to the byte.
        let exact = format!("{whole}.{fraction}").parse::<f64>().ok()? * unit as f64;
        bytes = exact.round() as u64;
    }
    Some(Size { bytes, slack_bytes: if last == 1 { 0 } else { last.div_ceil(2) } })
}

/// Reads a size of which another program printed the unit: kilobytes without a letter.
pub(crate) fn kilobytes(text: &str) -> Option<Size> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let bytes = text.parse::<u64>().ok()?.checked_mul(1024)?;
        return Some(Size { bytes, slack_bytes: 512 });
    }
    size(text)
}

/// Returns the bytes of a unit; nothing is bytes.
pub(crate) fn unit_bytes(unit: &str) -> Option<u64> {
    let power = match unit.to_ascii_lowercase().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return None,
    };
    Some(1_u64 << (10 * power))
}

/// Splits a number into its whole part and its decimal digits.
fn number(text: &str) -> Option<(u64, &str)> {
    const MAX_DECIMALS: usize = 6;
    let is_grouped = |separator: char| {
        let mut groups = text.split(separator);
        groups.next().is_some_and(|first| (1..=3).contains(&first.len()))
            && groups.all(|group| group.len() == 3)
            && !text.starts_with('0')
    };
    let (whole, fraction) = match text.rsplit_once(['.', ',']) {
        None => (text, ""),
        Some(_) if text.contains(',') && !text.contains('.') && is_grouped(',') => (text, ""),
        Some((whole, fraction)) => (whole, fraction),
    };
    let digits: String = whole.chars().filter(|digit| *digit != ',').collect();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !plain(&digits) || !plain(fraction) || fraction.len() > MAX_DECIMALS {
        return None;
    }
    Some((digits.parse().ok()?, fraction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(text: &str) -> Option<u64> {
        size(text).map(|size| size.bytes)
    }

    #[test]
    fn units_are_powers_of_1024_and_none_is_bytes() {
        assert_eq!(bytes("0K"), Some(0));
        assert_eq!(bytes("824"), Some(824));
        assert_eq!(bytes("92K"), Some(92 << 10));
        assert_eq!(bytes("10.5M"), Some(11_010_048));
        assert_eq!(bytes("1.9G"), Some(2_040_109_466));
        assert_eq!(bytes("411 MB"), Some(411 << 20));
        assert_eq!(bytes("6342688768 B"), Some(6_342_688_768));
        assert_eq!(bytes("4096 kB"), Some(4 << 20));
        assert_eq!(bytes("2KiB"), Some(2048));
    }

    #[test]
    fn a_comma_is_a_decimal_point_or_groups_thousands() {
        assert_eq!(bytes("10,5M"), Some(11_010_048));
        assert_eq!(bytes("1,024K"), Some(1 << 20));
        assert_eq!(bytes("1,048,576"), Some(1 << 20));
    }

    #[test]
    fn the_slack_is_half_of_the_last_digit() {
        assert_eq!(size("92K").unwrap().slack_bytes, 512);
        assert_eq!(size("10.5M").unwrap().slack_bytes, 52_429);
        assert_eq!(size("824").unwrap().slack_bytes, 0);
    }

    #[test]
    fn other_words_are_no_sizes() {
        for text in ["", "K", "-", "1.2.3M", "0x10", "12Q", "-4K", "M12", "99999999999999999999K"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "[0-9.,KMGTPBi ]{0,24}|.{0,24}") {
            size(&text);
            kilobytes(&text);
        }

        #[test]
        fn a_printed_size_is_within_its_slack(exact in 0_u64..1 << 50, unit in 1_u32..4) {
            let unit_bytes = 1_u64 << (10 * unit);
            let printed = format!("{:.1}{}", exact as f64 / unit_bytes as f64, [' ', 'K', 'M', 'G'][unit as usize]);
            let read = size(&printed).unwrap();
            prop_assert!(read.bytes.abs_diff(exact) <= read.slack_bytes + 1, "{printed}");
        }
    }
}

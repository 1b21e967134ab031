//! `/proc/PID/statm`: the process's pages in total and in memory.

use crate::procfs::line::decimal;

/// The fields of `/proc/PID/statm`, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statm {
    /// Pages of address space.
    pub size: u64,
    /// Pages in memory.
    pub resident: u64,
}

/// Reads the text of `/proc/PID/statm`.
pub(crate) fn parse_statm(text: &[u8]) -> Option<Statm> {
    let mut words = text.split(u8::is_ascii_whitespace);
    Some(Statm { size: decimal(words.next()?)?, resident: decimal(words.next()?)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_two_numbers_count() {
        assert_eq!(
            parse_statm(b"605 410 380 8 0 108 0\n"),
            Some(Statm { size: 605, resident: 410 })
        );
        assert_eq!(parse_statm(b"605"), None);
        assert_eq!(parse_statm(b""), None);
    }

    fn number(word: Option<&[u8]>) -> Option<u64> {
        let word = std::str::from_utf8(word?).ok()?;
        word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok())?
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_exactly_or_refused(
            text in prop_oneof![
                any::<Vec<u8>>(),
                "[0-9]{0,21}[ \n][0-9]{0,21}[ x]?[0-9 ]{0,5}".prop_map(String::into_bytes),
            ]
        ) {
            let mut words = text.split(u8::is_ascii_whitespace);
            let numbers = (number(words.next()), number(words.next()));
            let expected = match numbers {
                (Some(size), Some(resident)) => Some(Statm { size, resident }),
                _ => None,
            };
            prop_assert_eq!(parse_statm(&text), expected);
        }
    }
}

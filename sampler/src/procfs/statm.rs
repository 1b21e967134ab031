//! `/proc/PID/statm`: the process's pages in all and in memory.

use crate::procfs::line::decimal;

/// What `/proc/PID/statm` says, in pages.
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

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text: Vec<u8>) {
            let _ = parse_statm(&text);
        }
    }
}

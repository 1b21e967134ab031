//! The header line of a mapping in maps and smaps.

use crate::procfs::line::{decimal, hexadecimal};
use crate::region::{AddressRange, Protection};

/// The header line of a mapping, with its name as the kernel wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// The addresses of the mapping.
    pub range: AddressRange,
    /// The rights in force.
    pub protection: Protection,
    /// Whether it is a shared mapping (`s`, not `p`).
    pub shared: bool,
    /// Offset of its start in the file, in bytes.
    pub offset: u64,
    /// Major and minor number of the file's device.
    pub device: (u32, u32),
    /// The file's inode number, 0 where there is none.
    pub inode: u64,
    /// Path or the kernel's own name; empty for plain anonymous memory.
    pub name: &'a [u8],
}

/// Reads a header line (without its newline).
pub(crate) fn parse_header(line: &[u8]) -> Option<Header<'_>> {
    let (range, rest) = word(line)?;
    let (rights, rest) = word(rest)?;
    let (offset, rest) = word(rest)?;
    let (device, rest) = word(rest)?;
    let (inode, rest) = word(rest).unwrap_or((rest, b""));
    let (start, end) = split(range, b'-')?;
    let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
    if start > end {
        return None;
    }
    let &[read, write, execute, sharing] = rights else { return None };
    let protection = right(read, b'r', Protection::READ)?
        .union(right(write, b'w', Protection::WRITE)?)
        .union(right(execute, b'x', Protection::EXECUTE)?);
    let shared = match sharing {
        b's' => true,
        b'p' => false,
        _ => return None,
    };
    let (major, minor) = split(device, b':')?;
    let device = (hexadecimal(major)?.try_into().ok()?, hexadecimal(minor)?.try_into().ok()?);
    // The name is padded on the left to a column; it may end in a space.
    let padding = rest.iter().take_while(|byte| **byte == b' ').count();
    Some(Header {
        range: AddressRange::new(start, end),
        protection,
        shared,
        offset: hexadecimal(offset)?,
        device,
        inode: decimal(inode)?,
        name: &rest[padding..],
    })
}

/// Returns whether `text` begins a header line: `None` while it is too short to know.
pub(crate) fn begins_header(text: &[u8]) -> Option<bool> {
    let digits = text.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    text.get(digits).map(|byte| digits > 0 && *byte == b'-')
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    split(text, b' ')
}

fn split(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

fn right(byte: u8, letter: u8, right: Protection) -> Option<Protection> {
    match byte {
        b'-' => Some(Protection::NONE),
        _ if byte == letter => Some(right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_spaces_in_its_name() {
        let line = b"7f1-7f3 r-xp 0002a000 fe:1f 18504                      /opt/a b (deleted) ";
        let header = parse_header(line).unwrap();
        assert_eq!(header.range, AddressRange::new(0x7f1, 0x7f3));
        assert_eq!(header.protection.to_string(), "r-x");
        assert!(!header.shared);
        assert_eq!(header.offset, 0x2a000);
        assert_eq!(header.device, (0xfe, 0x1f));
        assert_eq!(header.inode, 18504);
        assert_eq!(header.name, b"/opt/a b (deleted) ");
    }

    #[test]
    fn anonymous_memory_has_no_name() {
        let header = parse_header(b"10000-20000 ---s 00000000 00:00 0 ").unwrap();
        assert_eq!(header.name, b"");
        assert!(header.shared);
        assert_eq!(parse_header(b"10000-20000 ---s 00000000 00:00 0"), Some(header));
    }

    #[test]
    fn the_highest_addresses_fit() {
        let line = b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]";
        assert_eq!(parse_header(line).unwrap().range.end, 0xffff_ffff_ff60_1000);
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "",
            "Rss: 4 kB",
            "2000-1000 r--p 0 0:0 0 ",
            "1000-2000 r--q 0 0:0 0 ",
            "1000-2000 rwwp 0 0:0 0 ",
            "1000-2000 r--p 0 0:0 x ",
            "1000-2000 r--p 0 100000000:0 0 ",
            "1000-20000000000000000 r--p 0 0:0 0 ",
        ] {
            assert_eq!(parse_header(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_key_is_no_header() {
        assert_eq!(begins_header(b"7ffe-"), Some(true));
        assert_eq!(begins_header(b"7ffe"), None);
        assert_eq!(begins_header(b""), None);
        assert_eq!(begins_header(b"-1"), Some(false));
        assert_eq!(begins_header(b"AnonHugePages:"), Some(false));
    }
}

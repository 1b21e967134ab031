//! The shape of a mapping's lines in smaps, learned once so that the numbers
//! can be read in place.
//!
//! A kernel prints the same lines for every mapping: 16 bytes of key, 8 of
//! number, ` kB` and a newline. If a number is too wide
//! for its field, only that line is parsed in full.

use crate::procfs::line::newline;
use crate::procfs::sizes::{Field, Sizes, kilobytes, split_line};

const LINE_BYTES: usize = 28;
const KEY_BYTES: usize = 16;
const UNIT: [u8; 4] = *b" kB\n";

/// The lines to expect after a header, in their order.
#[derive(Debug, Default)]
pub(crate) struct Template {
    lines: Vec<LineTemplate>,
    least_bytes: usize,
}

#[derive(Debug)]
struct LineTemplate {
    /// The first 16 bytes, if the line has the common shape.
    start: Option<[u8; KEY_BYTES]>,
    key: Box<[u8]>,
    meaning: Meaning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Size(Field),
    Flags,
    Other,
}

/// The result of reading a body by a template.
pub(crate) enum Fit<'a> {
    /// It matches, with the text after it.
    Whole(&'a [u8]),
    /// It matches so far and is incomplete.
    Short,
    /// It has other lines.
    Other,
}

impl Template {
    /// Adds the line (without newline) to expect next.
    pub(crate) fn learn(&mut self, line: &[u8]) {
        let Some((key, _)) = split_line(line) else {
            // No key contains a colon, so that nothing matches this: such a line is never a
            // template of others.
            self.lines.push(LineTemplate {
                start: None,
                key: b":"[..].into(),
                meaning: Meaning::Other,
            });
            return;
        };
        let meaning = match Field::from_key(key) {
            Some(field) => Meaning::Size(field),
            None if key == b"VmFlags" => Meaning::Flags,
            None => Meaning::Other,
        };
        let common = line.len() + 1 == LINE_BYTES && line.ends_with(b" kB");
        let start = line.first_chunk().copied().filter(|start: &[u8; KEY_BYTES]| {
            common && start[key.len().min(KEY_BYTES)..].trim_ascii_end() == b":"
        });
        self.least_bytes += if start.is_some() { LINE_BYTES } else { key.len() + 2 };
        self.lines.push(LineTemplate { start, key: key.into(), meaning });
    }

    /// Returns the number of its lines.
    pub(crate) fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Returns the minimum bytes of a complete body.
    pub(crate) fn least_bytes(&self) -> usize {
        self.least_bytes
    }

    /// Reads the lines after a header from `body` into `sizes` and `flags`.
    pub(crate) fn read<'a>(
        &self,
        body: &'a [u8],
        sizes: &mut Sizes,
        flags: &mut Option<&'a [u8]>,
    ) -> Fit<'a> {
        let mut rest = body;
        for line in &self.lines {
            if let Some(start) = &line.start
                && let Some((bytes, after)) = rest.split_first_chunk::<LINE_BYTES>()
                && bytes.first_chunk() == Some(start)
                && bytes.last_chunk() == Some(&UNIT)
                && let Some(number) = in_place(bytes)
            {
                if let Meaning::Size(field) = line.meaning {
                    sizes.set(field, number * 1024);
                }
                rest = after;
                continue;
            }
            let Some(end) = newline(rest) else { return Fit::Short };
            let text = &rest[..end];
            let Some((key, value)) = split_line(text) else { return Fit::Other };
            if key != &*line.key {
                return Fit::Other;
            }
            match line.meaning {
                Meaning::Size(field) => {
                    if let Some(bytes) = kilobytes(value) {
                        sizes.set(field, bytes);
                    }
                }
                Meaning::Flags => *flags = Some(value),
                Meaning::Other => {}
            }
            rest = &rest[end + 1..];
        }
        Fit::Whole(rest)
    }
}

/// Reads the number of a common line: spaces, then digits, up to the unit.
fn in_place(line: &[u8; LINE_BYTES]) -> Option<u64> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let text: [u8; 8] = line[KEY_BYTES..].first_chunk().copied()?;
    if text == *b"       0" {
        return Some(0);
    }
    let text = u64::from_le_bytes(text);
    // Bit 4 distinguishes a digit (0x30..0x39) from a space (0x20); each byte must be one of both.
    let digits = text & (EACH * 0x10);
    let filled = text | (EACH * 0x10);
    let valid = (filled & (EACH * 0xf0)) == EACH * 0x30
        && (filled.wrapping_add(EACH * 6) & (EACH * 0xf0)) == EACH * 0x30
        && text & (EACH * 0x0f) & !((digits >> 4) * 0x0f) == 0;
    // Once digits begin (towards the higher bytes) they continue to the end.
    if !valid || (digits << 8) & !digits != 0 || digits >> 60 == 0 {
        return None;
    }
    let ones = filled & (EACH * 0x0f);
    let pairs = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &[u8; 8]) -> Option<u64> {
        let mut line = *b"Rss:                   0 kB\n";
        line[KEY_BYTES..KEY_BYTES + 8].copy_from_slice(text);
        in_place(&line)
    }

    #[test]
    fn numbers_in_place() {
        assert_eq!(number(b"       0"), Some(0));
        assert_eq!(number(b"     120"), Some(120));
        assert_eq!(number(b"12345678"), Some(12_345_678));
        assert_eq!(number(b"99999999"), Some(99_999_999));
        assert_eq!(number(b"00000007"), Some(7));
        for wrong in [b"        ", b"    1 20", b"     12 ", b"     1:0", b"    !120", b"   )1200"]
        {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_wide_number_affects_only_its_line() {
        let mut template = Template::default();
        for line in ["Rss:                   4 kB", "Private_Hugetlb:       0 kB", "VmFlags: rd "] {
            template.learn(line.as_bytes());
        }
        let body =
            b"Rss:            123456789 kB\nPrivate_Hugetlb:      12 kB\nVmFlags: rd wr \nnext";
        let mut sizes = Sizes::default();
        let mut flags = None;
        let Fit::Whole(rest) = template.read(body, &mut sizes, &mut flags) else { panic!() };
        assert_eq!((rest, flags), (&b"next"[..], Some(&b"rd wr"[..])));
        assert_eq!(sizes.get(Field::Rss), Some(123_456_789 * 1024));
        assert_eq!(sizes.get(Field::PrivateHugetlb), Some(12 * 1024));
    }

    #[test]
    fn a_line_without_a_colon_matches_no_key() {
        let mut template = Template::default();
        template.learn(b"VmFlags");
        let fit = template.read(b"VmFlags: rd wr \n", &mut Sizes::default(), &mut None);
        assert!(matches!(fit, Fit::Other));
    }

    proptest! {
        #[test]
        fn in_place_agrees_with_reading_the_value(
            text in proptest::array::uniform8(prop_oneof![Just(b' '), b'0'..=b'9', 0x1f..=0x40_u8, any::<u8>()])
        ) {
            let trimmed = text.iter().position(|byte| *byte != b' ').map_or(&[][..], |at| &text[at..]);
            prop_assert_eq!(number(&text), crate::procfs::line::decimal(trimmed));
        }

        #[test]
        fn every_number_of_eight_digits(value in 0_u64..100_000_000) {
            let text = format!("{value:8}");
            prop_assert_eq!(number(text.as_bytes().first_chunk().unwrap()), Some(value));
        }
    }
}

//! Names of code that a runtime makes while it runs, from the file that runtimes write for perf:
//! lines of `START SIZE NAME`, numbers in hexadecimal.

use crate::order::sort_by_key;
use crate::procfs::line::{hexadecimal, readable};

/// The maximum number of names.
const MAX_NAMES: usize = 1 << 20;
/// The maximum bytes of a name.
const MAX_NAME_BYTES: usize = 512;

/// Names by address.
#[derive(Debug, Default)]
pub(crate) struct PerfMap {
    /// Start, end, and the range of the name in the text.
    entries: Vec<(u64, u64, std::ops::Range<usize>)>,
    text: Vec<u8>,
}

impl PerfMap {
    /// Parses the text of such a file; later lines replace earlier ones of the same address.
    pub(crate) fn parse(text: Vec<u8>) -> Self {
        let mut entries = Vec::new();
        let mut at = 0;
        for line in text.split(|byte| *byte == b'\n') {
            let start_of_line = at;
            at += line.len() + 1;
            let Some((start, bytes, name)) = self::line(line) else { continue };
            let end = start_of_line + line.len();
            let from = end - name.len();
            let name = from..end.min(from + MAX_NAME_BYTES);
            entries.push((start, start.saturating_add(bytes), name));
            if entries.len() >= MAX_NAMES {
                break;
            }
        }
        sort_by_key(&mut entries, |(start, ..)| *start);
        Self { entries, text }
    }

    /// Returns the name of the code at `address`.
    pub(crate) fn name(&self, address: u64) -> Option<String> {
        let after = self.entries.partition_point(|(start, ..)| *start <= address);
        let (_, end, name) = self.entries.get(after.checked_sub(1)?)?;
        (address < *end).then(|| readable(&self.text[name.clone()]))
    }
}

/// Returns the address, the bytes and the name of a line.
pub(crate) fn line(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let mut fields = line.splitn(3, |byte| *byte == b' ');
    let mut number = || hexadecimal(strip(fields.next()?)?);
    let (start, bytes) = (number()?, number()?);
    let name = fields.next().filter(|name| !name.is_empty())?;
    Some((start, bytes, name))
}

/// Removes what some runtimes write before a number.
fn strip(number: &[u8]) -> Option<&[u8]> {
    Some(number.strip_prefix(b"0x").unwrap_or(number)).filter(|number| !number.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_name_of_an_address_counts() {
        let text = b"1000 20 old\n0x2000 0x10 JS:~grow /a b.js:1\nbad\n1000 10 new\n".to_vec();
        let map = PerfMap::parse(text);
        assert_eq!(map.name(0x100f).as_deref(), Some("new"));
        assert_eq!(map.name(0x1010), None);
        assert_eq!(map.name(0x2001).as_deref(), Some("JS:~grow /a b.js:1"));
        assert_eq!(map.name(0xfff), None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed(text in proptest::collection::vec(any::<u8>(), 0..300), at: u64) {
            PerfMap::parse(text).name(at);
        }
    }
}

//! malloc's zones of a process of macOS, and the lines in which a child process reports them.
//!
//! The child reads structures of a process that runs, which may be torn: what it says is checked
//! and bounded like any untrusted text.

use std::fmt::Write;

use crate::procfs::line::{decimal, hexadecimal, readable};
use crate::region::AddressRange;

/// The most zones of a process that are read, and the most ranges of all.
pub(crate) const MAX_ZONES: usize = 1000;
pub(crate) const MAX_RANGES: usize = 100_000;

/// A zone of malloc.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MallocZone {
    /// The address of its structure.
    pub address: u64,
    /// Its name. Not escaped; `None` if it has none.
    pub name: Option<String>,
    /// Its memory; `None` of a zone of another allocator's, whose layout is not known.
    pub ranges: Option<Vec<AddressRange>>,
    /// Its blocks in use and their bytes; `None` if they are not known.
    pub in_use: Option<(u64, u64)>,
}

/// Writes zones as lines, so that a reader can check that none is missing.
pub(crate) fn lines(zones: &[MallocZone]) -> String {
    let mut text = String::new();
    for zone in zones {
        let name = zone.name.as_deref().unwrap_or_default();
        let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        let own = if zone.ranges.is_some() { "known" } else { "unknown" };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "zone {:x} {own} {digits}", zone.address);
        for range in zone.ranges.iter().flatten() {
            let _ = writeln!(text, "range {:x} {:x}", range.start, range.end);
        }
        if let Some((blocks, bytes)) = zone.in_use {
            let _ = writeln!(text, "use {blocks} {bytes}");
        }
    }
    let _ = writeln!(text, "end {}", zones.len());
    text
}

/// Reads zones from lines; `None` if they are not whole, or have more than there can be.
pub fn parse_zones(text: &[u8]) -> Option<Vec<MallocZone>> {
    let mut zones: Vec<MallocZone> = Vec::new();
    let mut ranges = 0;
    let mut lines = text.split(|byte| *byte == b'\n');
    while let Some(line) = lines.next() {
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        match words[..] {
            [b"zone", address, own, name] if zones.len() < MAX_ZONES => zones.push(MallocZone {
                address: hexadecimal(address)?,
                name: Some(readable(&bytes(name)?)).filter(|name| !name.is_empty()),
                ranges: (own == b"known").then(Vec::new),
                in_use: None,
            }),
            [b"range", start, end] if ranges < MAX_RANGES => {
                ranges += 1;
                let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
                let of = zones.last_mut()?.ranges.as_mut()?;
                of.push((start < end).then(|| AddressRange::new(start, end))?);
            }
            [b"use", blocks, bytes] => {
                zones.last_mut()?.in_use = Some((decimal(blocks)?, decimal(bytes)?));
            }
            [b"end", count] => {
                let is_whole = decimal(count)? == zones.len() as u64;
                return (is_whole && lines.all(<[u8]>::is_empty)).then_some(zones);
            }
            _ => return None,
        }
    }
    None
}

/// Returns the bytes of hexadecimal digits.
fn bytes(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::try_from(hexadecimal(pair)?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zones() -> impl Strategy<Value = Vec<MallocZone>> {
        let range = (0..u64::MAX - 1, 1..1_u64 << 40)
            .prop_map(|(start, bytes)| AddressRange::new(start, start.saturating_add(bytes)));
        let ranges = proptest::option::of(proptest::collection::vec(range, 0..4));
        let name = proptest::option::of(".{1,12}");
        let zone = (any::<u64>(), name, ranges, any::<Option<(u64, u64)>>()).prop_map(
            |(address, name, ranges, in_use)| MallocZone { address, name, ranges, in_use },
        );
        proptest::collection::vec(zone, 0..5)
    }

    proptest! {
        #[test]
        fn zones_come_back_from_their_lines(zones in zones()) {
            prop_assert_eq!(parse_zones(lines(&zones).as_bytes()), Some(zones));
        }

        #[test]
        fn lines_that_are_cut_are_no_zones(zones in zones(), at: prop::sample::Index) {
            let text = lines(&zones);
            let cut = at.index(text.len() - 1);
            prop_assert_eq!(parse_zones(&text.as_bytes()[..cut]), None);
        }

        #[test]
        fn any_bytes_never_panic(bytes: Vec<u8>) {
            let _ = parse_zones(&[b"zone 1 known \n", &bytes[..]].concat());
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for wrong in [
            "",
            "end 1\n",
            "range 1 2\nend 0\n",
            "zone 1 known 4\nend 1\n",
            "zone 1 known \nrange 2 1\nend 1\n",
            "zone 1 unknown \nrange 1 2\nend 1\n",
            "end 0\nzone",
        ] {
            assert_eq!(parse_zones(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}

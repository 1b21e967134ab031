//! The kind of data in a region, by the bytes that the rules looked at.

use std::collections::BTreeMap;

use vmrec_sampler::{AddressRange, Region};

/// The parts of a page's beginning that were looked at, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Beginnings that were read.
    pub(crate) read: usize,
    /// Those with a word that is an address in the process.
    pub(crate) pointers: usize,
    /// Those of printable text.
    pub(crate) text: usize,
    /// Those of small numbers: most bytes are zero.
    pub(crate) sparse: usize,
    /// Those whose bytes look random: compressed, encrypted or floating-point numbers.
    pub(crate) dense: usize,
}

/// Bytes that are too few to say more than "read".
const FEW_BYTES: usize = 8;

impl Contents {
    /// Sorts the peeks in `range` by kind.
    pub(crate) fn of(
        range: AddressRange,
        peeks: &BTreeMap<u64, Box<[u8]>>,
        regions: &[Region],
    ) -> Self {
        let mut contents = Self::default();
        for (_, bytes) in peeks.range(range.start..range.end) {
            if bytes.len() < FEW_BYTES {
                continue;
            }
            contents.read += 1;
            let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok());
            let mut words = words.map(u64::from_le_bytes);
            let printable = |byte: &&u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
            let zeros = bytes.iter().filter(|byte| **byte == 0).count();
            if words.any(|word| is_pointer(word, regions)) {
                contents.pointers += 1;
            } else if bytes.iter().filter(printable).count() * 5 >= bytes.len() * 4 {
                contents.text += 1;
            } else if zeros * 2 >= bytes.len() {
                contents.sparse += 1;
            } else {
                contents.dense += 1;
            }
        }
        contents
    }

    /// Returns one line, or `None` if nothing was read.
    pub(crate) fn line(&self) -> Option<String> {
        let kinds = [
            (self.pointers, "pointers"),
            (self.text, "text"),
            (self.sparse, "small numbers"),
            (self.dense, "dense data"),
        ];
        let found = kinds.into_iter().filter(|(count, _)| *count > 0);
        let found: Vec<String> = found.map(|(count, kind)| format!("{count} {kind}")).collect();
        (self.read > 0).then(|| format!("of {} pages read: {}", self.read, found.join(", ")))
    }
}

/// Returns whether `word` is an address within a region.
fn is_pointer(word: u64, regions: &[Region]) -> bool {
    let after = regions.partition_point(|region| region.identity.range.end <= word);
    word != 0 && regions.get(after).is_some_and(|region| region.identity.range.start <= word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::commands::explain::made_up::region;

    #[test]
    fn beginnings_are_sorted_by_kind() {
        let regions = [region(0x1000, 0x9000, "")];
        let peeks = BTreeMap::from([
            (0x1000, 0x2000_u64.to_le_bytes().into()),
            (0x2000, b"#include <stdio.h>".to_vec().into()),
            (0x3000, 7_u64.to_le_bytes().into()),
            (0x4000, 0xdead_beef_cafe_f00d_u64.to_le_bytes().into()),
            (0x5000, [1_u8].to_vec().into()),
            (0xa000, [1_u8; 16].to_vec().into()),
        ]);
        let found = Contents::of(AddressRange::new(0x1000, 0x9000), &peeks, &regions);
        let expected = Contents { read: 4, pointers: 1, text: 1, sparse: 1, dense: 1 };
        assert_eq!(found, expected);
        assert_eq!(
            found.line().as_deref(),
            Some("of 4 pages read: 1 pointers, 1 text, 1 small numbers, 1 dense data")
        );
        assert_eq!(Contents::default().line(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_of_one_kind(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let peeks = BTreeMap::from([(0x1000, Box::from(bytes))]);
            let found = Contents::of(AddressRange::new(0, u64::MAX), &peeks, &[]);
            let kinds = found.pointers + found.text + found.sparse + found.dense;
            prop_assert_eq!(kinds, found.read);
        }
    }
}

//! The memory of malloc as one line of numbers: one for each 16 bytes, without the gaps between
//! its ranges, so that a pointer takes 4 bytes and is looked up quickly.

use crate::heap::block::Block;
use crate::heap::layout::ALIGNMENT;
use crate::region::AddressRange;

/// Address space that one bit of the filter stands for, as a power of two.
const FILTER_LOG: u32 = 21;
/// The bits of the filter; addresses that differ by a multiple share one.
const FILTER_BITS: u64 = 1 << 20;
/// Numbers that one entry of the index of blocks stands for, as a power of two: a page.
const INDEX_LOG: u32 = 8;

/// Ranges of memory, with the number that each begins with.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    /// Ascending; none overlaps another.
    ranges: Vec<(AddressRange, u32)>,
    filter: Vec<u64>,
    /// The number after the last one.
    end: u32,
}

impl Space {
    /// Creates the line of `ranges`, which ascend; `None` if they are too large.
    pub(crate) fn new(ranges: &[AddressRange]) -> Option<Self> {
        let mut filter = vec![0_u64; FILTER_BITS as usize / 64];
        let mut numbered = Vec::with_capacity(ranges.len());
        let mut next = 0_u64;
        for range in ranges {
            let start = range.start - range.start % ALIGNMENT;
            numbered.push((AddressRange::new(start, range.end), u32::try_from(next).ok()?));
            next = next.checked_add((range.end - start).div_ceil(ALIGNMENT))?;
            let last = range.end.saturating_sub(1) >> FILTER_LOG;
            for bit in (start >> FILTER_LOG..=last).take(FILTER_BITS as usize) {
                filter[(bit % FILTER_BITS) as usize / 64] |= 1 << (bit % 64);
            }
        }
        Some(Self { ranges: numbered, filter, end: u32::try_from(next).ok()? })
    }

    /// Returns the number of an address, if it is in a range.
    pub(crate) fn number(&self, address: u64) -> Option<u32> {
        let bit = (address >> FILTER_LOG) % FILTER_BITS;
        if self.filter[bit as usize / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let after = self.ranges.partition_point(|(range, _)| range.start <= address);
        let (range, first) = self.ranges[..after].last()?;
        (address < range.end).then(|| first + ((address - range.start) / ALIGNMENT) as u32)
    }
}

/// Finds the block that a number is in.
#[derive(Clone, Debug)]
pub(crate) struct BlockIndex {
    /// The numbers of each block, from the first to the last.
    numbers: Vec<(u32, u32)>,
    /// By the page of numbers: the last block that begins before or at its start, or the first.
    pages: Vec<u32>,
}

impl BlockIndex {
    /// Creates the index of `blocks`, which ascend and lie in `space`.
    pub(crate) fn new(space: &Space, blocks: &[Block]) -> Self {
        let numbers: Vec<(u32, u32)> = blocks
            .iter()
            .map(|block| {
                let first = space.number(block.address()).unwrap_or(space.end);
                // The last number is that of the next chunk's header, whose first word is the
                // block's.
                let last = first.saturating_add((block.bytes() / ALIGNMENT) as u32);
                (first, last.saturating_sub(1))
            })
            .collect();
        let mut pages = Vec::with_capacity((space.end >> INDEX_LOG) as usize + 1);
        let mut block = 0;
        for page in 0..=space.end >> INDEX_LOG {
            let start = page << INDEX_LOG;
            while numbers.get(block + 1).is_some_and(|(first, _)| *first <= start) {
                block += 1;
            }
            pages.push(block as u32);
        }
        Self { numbers, pages }
    }

    /// Returns the index of the block that holds a number.
    pub(crate) fn block(&self, number: u32) -> Option<u32> {
        let mut block = *self.pages.get((number >> INDEX_LOG) as usize)? as usize;
        while self.numbers.get(block + 1).is_some_and(|(first, _)| *first <= number) {
            block += 1;
        }
        let (first, last) = *self.numbers.get(block)?;
        (first <= number && number <= last).then_some(block as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_address_of_a_block_leads_to_it(
            sizes in prop::collection::vec((2_u64..600, any::<bool>()), 1..200),
            gap in 0_u64..1 << 34,
        ) {
            let (low, high) = (0x5500_0000_0000, 0x5500_1000_0000 + gap / 16 * 16);
            let mut blocks = Vec::new();
            let mut ends = [low, high];
            for (index, (units, used)) in sizes.iter().enumerate() {
                let end = &mut ends[usize::from(index >= sizes.len() / 2)];
                if *used {
                    blocks.push(Block::new(*end + 16, units * 16, 0));
                }
                *end += units * 16;
            }
            let ranges = [AddressRange::new(low, ends[0] + 64), AddressRange::new(high, ends[1] + 64)];
            let space = Space::new(&ranges).unwrap();
            let index = BlockIndex::new(&space, &blocks);
            let find = |address| space.number(address).and_then(|number| index.block(number));
            for (at, block) in blocks.iter().enumerate() {
                let (start, end) = (block.address(), block.address() - 16 + block.bytes() + 8);
                for address in [start, (start + end) / 2, end - 1] {
                    prop_assert_eq!(find(address), Some(at as u32));
                }
                // The header belongs to none, but its first word to the block before.
                let before = find(start - 16);
                prop_assert!(before != Some(at as u32));
            }
            for outside in [0, low - 1, ends[0] + 64, high.wrapping_sub(1), ends[1] + 64, u64::MAX] {
                let inside = ranges.iter().any(|it| it.holds(outside));
                prop_assert!(inside || find(outside).is_none());
            }
        }
    }
}

//! The state of each page of a region, as macOS reports it: what parts of the region that end
//! within pages, as the segments of libraries in the shared cache do, have in memory.

use crate::quantity::{Quantities, Quantity};
use crate::region::AddressRange;

/// The bits of a page's state, as `mach_vm_page_range_query` has them.
const PRESENT: i32 = 0x1;
const DIRTY: i32 = 0x8;
const PAGED_OUT: i32 = 0x10;
/// The page is one of a file, and no copy of it.
const OF_FILE: i32 = 0x80;

/// The pages of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionPages {
    range: AddressRange,
    page_bytes: u64,
    /// The states of its pages, by ascending address.
    states: Vec<i32>,
}

impl RegionPages {
    /// Creates the pages of `range`; `None` if there is not a state for each.
    pub fn new(range: AddressRange, page_bytes: u64, states: Vec<i32>) -> Option<Self> {
        let pages = range.virtual_bytes().checked_div(page_bytes)?;
        let is_whole = range.start.is_multiple_of(page_bytes)
            && range.end.is_multiple_of(page_bytes)
            && states.len() as u64 == pages;
        is_whole.then_some(Self { range, page_bytes, states })
    }

    /// Returns the range of the region.
    pub const fn range(&self) -> AddressRange {
        self.range
    }

    /// Returns the parts of `range` that are in memory or swapped out, ascending; with `is_own` without
    /// those that are as in a file.
    pub(crate) fn populated(&self, range: AddressRange, is_own: bool) -> Vec<AddressRange> {
        let mut parts: Vec<AddressRange> = Vec::new();
        let pages = (self.range.start..).step_by(usize::try_from(self.page_bytes).unwrap_or(1));
        for (start, state) in pages.zip(&self.states) {
            let page = AddressRange::new(
                start.max(range.start),
                start.saturating_add(self.page_bytes).min(range.end),
            );
            let is_there = state & (PRESENT | PAGED_OUT) != 0 && !(is_own && state & OF_FILE != 0);
            if !is_there || page.virtual_bytes() == 0 {
                continue;
            }
            match parts.last_mut() {
                Some(last) if last.end == page.start => last.end = page.end,
                _ => parts.push(page),
            }
        }
        parts
    }

    /// Returns the resident, dirty and swapped bytes of `part`; `None` if it is not of this region.
    ///
    /// A page that lies in two parts counts in each by the bytes that it has there.
    pub fn quantities(&self, part: AddressRange) -> Option<Quantities> {
        if part.start < self.range.start || part.end > self.range.end {
            return None;
        }
        let first = (part.start - self.range.start) / self.page_bytes;
        let end = (part.end - self.range.start).div_ceil(self.page_bytes);
        let [mut resident, mut dirty, mut swapped] = [0; 3];
        for index in first..end {
            let start = self.range.start + index * self.page_bytes;
            let bytes = part.end.min(start + self.page_bytes) - part.start.max(start);
            let state = *self.states.get(usize::try_from(index).ok()?)?;
            let of = |bit| if state & bit == 0 { 0 } else { bytes };
            resident += of(PRESENT);
            dirty += if state & PRESENT == 0 { 0 } else { of(DIRTY) };
            swapped += of(PAGED_OUT);
        }
        Some(
            Quantities::UNKNOWN
                .with(Quantity::Resident, resident)
                .with(Quantity::Dirty, dirty)
                .with(Quantity::Swapped, swapped),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZES: [Quantity; 3] = [Quantity::Resident, Quantity::Dirty, Quantity::Swapped];

    fn sizes(quantities: Quantities) -> [u64; 3] {
        SIZES.map(|quantity| quantities.get(quantity).unwrap())
    }

    proptest! {
        /// However a region is divided, its parts sum to the whole.
        #[test]
        fn parts_sum_to_the_region(
            states in proptest::collection::vec(0..32_i32, 1..40),
            cuts in proptest::collection::vec(0_u64..40 * 4096, 0..8),
        ) {
            let range = AddressRange::new(0x10_0000, 0x10_0000 + states.len() as u64 * 4096);
            let pages = RegionPages::new(range, 4096, states).unwrap();
            let mut ends: Vec<u64> = cuts.into_iter().map(|cut| (range.start + cut).min(range.end)).collect();
            ends.push(range.end);
            ends.sort_unstable();
            let (mut start, mut sum) = (range.start, [0; 3]);
            for end in ends {
                let part = sizes(pages.quantities(AddressRange::new(start, end)).unwrap());
                sum = [0, 1, 2].map(|at| sum[at] + part[at]);
                start = end;
            }
            prop_assert_eq!(sum, sizes(pages.quantities(range).unwrap()));
        }
    }

    #[test]
    fn a_page_that_two_parts_share_is_divided_by_bytes() {
        let range = AddressRange::new(0x8000, 0x10000);
        let pages = RegionPages::new(range, 0x4000, vec![PRESENT | DIRTY, PAGED_OUT]).unwrap();
        let of = |start, end| sizes(pages.quantities(AddressRange::new(start, end)).unwrap());
        assert_eq!(of(0x8000, 0x8f10), [0xf10, 0xf10, 0]);
        assert_eq!(of(0x8f10, 0xd000), [0x30f0, 0x30f0, 0x1000]);
        assert_eq!(pages.quantities(AddressRange::new(0x7000, 0x9000)), None, "another's");
    }

    #[test]
    fn what_was_never_touched_is_not_populated() {
        let range = AddressRange::new(0x8000, 0x1c000);
        let states = vec![PRESENT | OF_FILE, PRESENT, PAGED_OUT, 0, PRESENT];
        let pages = RegionPages::new(range, 0x4000, states).unwrap();
        let within = AddressRange::new(0x9000, 0x1a000);
        let parts = |ranges: &[(u64, u64)]| -> Vec<AddressRange> {
            ranges.iter().map(|(start, end)| AddressRange::new(*start, *end)).collect()
        };
        assert_eq!(pages.populated(within, false), parts(&[(0x9000, 0x14000), (0x18000, 0x1a000)]));
        assert_eq!(pages.populated(within, true), parts(&[(0xc000, 0x14000), (0x18000, 0x1a000)]));
    }

    #[test]
    fn states_are_those_of_all_pages_or_unknown() {
        let range = AddressRange::new(0x8000, 0x10000);
        assert_eq!(RegionPages::new(range, 0x4000, vec![1]), None);
        assert_eq!(RegionPages::new(range, 0, vec![]), None);
        assert_eq!(RegionPages::new(AddressRange::new(0x8100, 0x10100), 0x4000, vec![1, 1]), None);
    }
}

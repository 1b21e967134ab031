//! Chunks that glibc maps one by one, large ones, in anonymous memory outside of the arenas.

use std::ops::RangeInclusive;

use crate::heap::block::Tally;
use crate::heap::layout::{FLAGS, HEADER_BYTES, IS_MAPPED, PAGE};
use crate::heap::target::{Late, Pages, Target};
use crate::region::AddressRange;

/// The maximum number of pages of one mapping that are tried without success, unless chunks that
/// glibc counts are still missing.
const PAGES_IN_VAIN: usize = 256;
/// The alignments of chunks that are more than usual, as powers of two.
const ALIGNMENT_LOGS: RangeInclusive<u32> = 5..=30;

/// A flag in the size of the gap before a chunk, since 2.43.
const HAS_HUGE_PAGES: u64 = 1;

/// A chunk with a mapping of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// The mapping.
    pub(crate) range: AddressRange,
    /// The user's memory.
    pub(crate) address: u64,
}

/// Finds the chunks in `anonymous` memory outside of `occupied`, both ascending; `counted` is how
/// many there are by glibc's own count.
pub(crate) fn find(
    target: &mut Target<'_>,
    anonymous: &[AddressRange],
    occupied: &[AddressRange],
    counted: Option<Tally>,
) -> Result<Vec<Mapped>, Late> {
    let free = without(anonymous, occupied);
    let mut found = Vec::new();
    if counted.is_some_and(|counted| counted.blocks == 0) {
        return Ok(found);
    }
    for range in &free {
        walk(target, *range, Effort { max_in_vain: PAGES_IN_VAIN, alone: false }, &mut found)?;
    }
    let Some(counted) = counted.filter(|counted| counted.blocks > found.len() as u64) else {
        return Ok(found);
    };
    for alone in [false, true] {
        let mut more = Vec::new();
        for range in &free {
            walk(target, *range, Effort { max_in_vain: usize::MAX, alone }, &mut more)?;
        }
        let mut tally = Tally::default();
        more.iter().for_each(|chunk| tally.add(chunk.range.virtual_bytes()));
        // One that stands alone among other memory counts only if all are then as glibc counts them.
        if !alone || tally == counted {
            found = more;
        }
        if tally == counted {
            break;
        }
    }
    Ok(found)
}

/// How hard chunks are looked for.
#[derive(Clone, Copy, Debug)]
struct Effort {
    /// The maximum number of pages of one mapping that are tried without success.
    max_in_vain: usize,
    /// Whether one counts that neither follows another nor ends where another begins, or a mapping.
    alone: bool,
}

/// Returns `ranges` without the parts in `occupied`; both ascend.
pub(crate) fn without(ranges: &[AddressRange], occupied: &[AddressRange]) -> Vec<AddressRange> {
    let mut free = Vec::new();
    for range in ranges {
        let mut start = range.start;
        let first = occupied.partition_point(|it| it.end <= range.start);
        for taken in occupied[first..].iter().take_while(|it| it.start < range.end) {
            if start < taken.start {
                free.push(AddressRange::new(start, taken.start));
            }
            start = start.max(taken.end);
        }
        if start < range.end {
            free.push(AddressRange::new(start, range.end));
        }
    }
    free
}

/// Walks one range from chunk to chunk; where there is none it tries again a page later.
fn walk(
    target: &mut Target<'_>,
    range: AddressRange,
    effort: Effort,
    found: &mut Vec<Mapped>,
) -> Result<(), Late> {
    let mut in_vain = 0;
    let mut after = range.start;
    for part in target.populated(range, Pages::Any) {
        let mut at = part.start.max(after).next_multiple_of(PAGE);
        while at < part.end.min(range.end) && in_vain < effort.max_in_vain {
            target.check_time()?;
            // Data may look like a header: but where a mapping or a chunk ended, one is expected.
            let expected = at == range.start || found.last().is_some_and(|it| it.range.end == at);
            let chunk = chunk_at(target, at, range.end, expected).filter(|chunk| {
                let end = chunk.range.end;
                let ends = effort.alone || end == range.end;
                expected || ends || chunk_at(target, end, range.end, true).is_some()
            });
            match chunk {
                Some(chunk) => {
                    found.push(chunk);
                    at = chunk.range.end;
                    after = at;
                    in_vain = 0;
                }
                None => {
                    at += PAGE;
                    in_vain += 1;
                }
            }
        }
    }
    Ok(())
}

/// Returns the chunk mapped at `at`, if a header says so; that of an `aligned` one may follow a gap.
fn chunk_at(target: &mut Target<'_>, at: u64, end: u64, aligned: bool) -> Option<Mapped> {
    let offsets = if aligned { offsets(at) } else { vec![0] };
    offsets.into_iter().take_while(|offset| *offset < end - at).find_map(|offset| {
        let header = at.checked_add(offset)?;
        let [gap, size] = target.words::<2>(header)?;
        if size & FLAGS != IS_MAPPED || gap & !HAS_HUGE_PAGES != offset {
            return None;
        }
        let bytes = (size & !FLAGS).checked_add(offset)?;
        // Since 2.43 the size leaves out the room that a next chunk's header would take.
        let bytes = if bytes.is_multiple_of(PAGE) { bytes } else { bytes + HEADER_BYTES };
        let fits = at.checked_add(bytes).is_some_and(|after| after <= end);
        let range = AddressRange::new(at, at.saturating_add(bytes));
        let sound = fits && bytes > offset && bytes.is_multiple_of(PAGE);
        sound.then_some(Mapped { range, address: header + HEADER_BYTES })
    })
}

/// Returns how far above the start of its mapping a chunk's header may lie, by its alignment.
fn offsets(at: u64) -> Vec<u64> {
    let aligned = ALIGNMENT_LOGS.filter_map(|log| {
        let alignment = 1_u64 << log;
        let user = (at + HEADER_BYTES).checked_next_multiple_of(alignment)?;
        let gap = user - HEADER_BYTES - at;
        // Before 2.43 the gap was a chunk, which has a minimum size.
        Some([gap, gap + alignment])
    });
    let mut offsets: Vec<u64> = std::iter::once(0).chain(aligned.flatten()).collect();
    offsets.sort_unstable();
    offsets.dedup();
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_occupied_is_cut_out() {
        let range = |start, end| AddressRange::new(start, end);
        let free = without(
            &[range(10, 20), range(30, 40), range(50, 60)],
            &[range(5, 12), range(14, 15), range(18, 32), range(50, 60)],
        );
        assert_eq!(free, [range(12, 14), range(15, 18), range(32, 40)]);
    }
}

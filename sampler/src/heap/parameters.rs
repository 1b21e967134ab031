//! glibc's own count of the chunks that it mapped one by one, in `struct malloc_par`.
//!
//! The structure is found by where its heap begins: the field `sbrk_base`, behind sums that must
//! agree with each other.

use crate::heap::block::Tally;
use crate::heap::layout::PAGE;
use crate::heap::target::{Late, Pages, Target};
use crate::region::AddressRange;

/// Where the numbers lie below `sbrk_base`: maximum bytes, bytes, then four or five small numbers.
const MAX_BYTES_BELOW: u64 = 8;
const BYTES_BELOW: u64 = 16;
/// The 32-bit numbers below those: the count, its limit, its maximum and a flag. Since 2.35 there
/// are five, so that they begin 4 bytes lower.
const COUNTS_BELOW: [u64; 2] = [36, 32];

/// Finds the number and bytes of mapped chunks in the writable data of images; `start` is where
/// the main arena begins.
pub(crate) fn mapped(
    target: &mut Target<'_>,
    data: &[AddressRange],
    start: u64,
) -> Result<Option<Tally>, Late> {
    for range in data {
        let mut found = Vec::new();
        target.stream(*range, Pages::Any, &mut |at, bytes| {
            let words = bytes.chunks_exact(8).enumerate();
            let equal = words.filter(|(_, word)| **word == start.to_ne_bytes());
            found.extend(equal.map(|(index, _)| at + index as u64 * 8));
        })?;
        if let Some(tally) = found.into_iter().find_map(|at| at_base(target, at)) {
            return Ok(Some(tally));
        }
    }
    Ok(None)
}

/// Reads the numbers below `sbrk_base` at `at`, if they agree.
fn at_base(target: &mut Target<'_>, at: u64) -> Option<Tally> {
    let max = target.word(at.checked_sub(MAX_BYTES_BELOW)?)?;
    let bytes = target.word(at.checked_sub(BYTES_BELOW)?)?;
    if bytes > max || !bytes.is_multiple_of(PAGE) || !max.is_multiple_of(PAGE) {
        return None;
    }
    COUNTS_BELOW.into_iter().find_map(|below| {
        let mut numbers = [0; 16];
        target.read(at.checked_sub(below)?, &mut numbers)?;
        let number = |index: usize| {
            numbers[index * 4..].first_chunk().map_or(0, |it| u32::from_ne_bytes(*it))
        };
        let (count, limit, most, fixed) = (number(0), number(1), number(2), number(3));
        let sound = count <= most
            && most <= limit.max(1 << 16)
            && limit != 0
            && fixed <= 1
            && (count == 0) == (bytes == 0)
            && (most == 0) == (max == 0)
            && u64::from(count) * PAGE <= bytes;
        sound.then_some(Tally { blocks: count.into(), bytes })
    })
}

//! mimalloc (R14m): arenas by their header, segments by the addresses it asks
//! for.

use std::ops::{Range, RangeInclusive};

use crate::classify::malloc::Malloc;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_writable};
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::types;

const TIB: u64 = 1 << 40;
/// Where it asks the kernel for aligned memory (MI_HINT_BASE, MI_HINT_MAX).
const HINTS: Range<u64> = 2 * TIB..30 * TIB;
/// The least alignment of what it asks for there.
const HINT_ALIGNMENT: u64 = 4 << 20;
/// An arena is a number of slices.
const SLICE_BYTES: u64 = 64 << 10;
/// The most that an arena holds.
const ARENA_BYTES: u64 = TIB;
/// The kinds of an arena's memory: from outside, from the system, in huge pages.
const KINDS: RangeInclusive<u64> = 2..=7;

/// R14m: arenas and segments.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    if !work.profile.has_malloc(Malloc::Mimalloc) {
        return;
    }
    let sure = label(types::MALLOC_MIMALLOC, Confidence::Sure, Rule::R14m);
    let likely = label(types::MALLOC_MIMALLOC, Confidence::Likely, Rule::R14m);
    let fits =
        |mapping: &Mapping| is_anonymous(mapping) && is_writable(mapping) && mapping.has_flag("nr");
    for index in work.indices(fits) {
        let start = work.mappings[index].range.start;
        if let Some(bytes) = arena_at(work, start) {
            let arena = AddressRange::new(start, start.saturating_add(bytes));
            work.claims.claim_across(arena, &sure, fits);
        }
        let asked_for = HINTS.contains(&start);
        let begins = work.below(index).is_none_or(|below| !fits(&work.mappings[below]));
        if asked_for && (!begins || start.is_multiple_of(HINT_ALIGNMENT)) {
            work.claims.claim_mapping(index, &likely);
        }
    }
}

/// Returns the bytes of the arena of mimalloc 3 at `at`.
fn arena_at(work: &mut Work<'_, '_>, at: u64) -> Option<u64> {
    // mi_arena_t begins with a mi_memid_t: start and size of the memory, then its kind (32 bits)
    // and three booleans: pinned, committed, zero.
    let [start, bytes, kind] = work.reader.words::<3>(at)?;
    let sound = start == at
        && bytes >= SLICE_BYTES
        && bytes.is_multiple_of(SLICE_BYTES)
        && bytes <= ARENA_BYTES
        && KINDS.contains(&(kind & u64::from(u32::MAX)))
        && kind >> 32 & !0x01_0101 == 0;
    sound.then_some(bytes)
}

//! glibc's malloc: arenas (R11) and the headers of large chunks (R14a).

use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none, is_writable};
use crate::classify::reader::PAGE;
use crate::classify::signs::Runtime;
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::types;

/// The reservation and alignment of an arena.
const ARENA_BYTES: u64 = 64 << 20;
/// The maximum number of boundaries in one mapping at which to look for an arena.
const BOUNDARIES: usize = 64;
/// The low bits of a chunk's size that are flags; of a mapped chunk only the second is set.
const FLAGS: u64 = 7;
const IS_MAPPED: u64 = 2;

/// R11: arenas, each with the reservation above its used part.
pub(crate) fn arenas(work: &mut Work<'_, '_>) {
    if !work.profile.has(Runtime::Glibc) {
        return;
    }
    let arena = label(types::MALLOC_ARENA, Confidence::Sure, Rule::R11);
    let tail = label(types::MALLOC_RESERVED, Confidence::Sure, Rule::R11);
    for index in work.indices(|mapping| is_anonymous(mapping) && is_writable(mapping)) {
        let range = work.mappings[index].range;
        let mut start = range.start.checked_next_multiple_of(ARENA_BYTES);
        for _ in 0..BOUNDARIES {
            let Some(at) = start.filter(|at| *at < range.end) else { break };
            let after = at.saturating_add(ARENA_BYTES);
            if let Some(committed) = arena_at(work, at) {
                let used = at.saturating_add(committed);
                // Writable memory beyond the recorded size may be a newer heap of the arena.
                let writable = AddressRange::new(at, used.max(after.min(range.end)));
                work.claims.claim_across(writable, &arena, |it| is_anonymous(it) && !is_none(it));
                let reserved = AddressRange::new(used, after);
                work.claims.claim_across(reserved, &tail, |it| is_anonymous(it) && is_none(it));
            }
            start = at.checked_add(ARENA_BYTES);
        }
    }
}

/// Returns the bytes in use of the arena around `address`, if there is one.
pub(crate) fn arena_at(work: &mut Work<'_, '_>, address: u64) -> Option<u64> {
    let base = address & !(ARENA_BYTES - 1);
    let index = work.claims.at(base)?;
    let mapping = &work.mappings[index];
    if !is_anonymous(mapping) || !is_writable(mapping) {
        return None;
    }
    // struct heap_info: the arena, the heap before, the size, the size made accessible.
    if let Some([arena, before, size, accessible, _]) = work.reader.words::<5>(base) {
        let sound = arena != 0
            && arena & (ARENA_BYTES - 1) < PAGE
            && work.claims.at(arena).is_some()
            && (1..=ARENA_BYTES).contains(&size)
            && (size..=ARENA_BYTES).contains(&accessible)
            && accessible.is_multiple_of(PAGE)
            && before.is_multiple_of(ARENA_BYTES);
        return sound.then_some(accessible);
    }
    if work.profile.malloc.is_some() && !work.facts.memory_readable {
        return None;
    }
    let above = &work.mappings[work.above(index)?];
    let shaped = mapping.range.start == base
        && mapping.has_flag("nr")
        && is_none(above)
        && above.range.end == base.saturating_add(ARENA_BYTES);
    shaped.then_some(mapping.range.end - base)
}

/// Returns the bytes of the chunk mapped by itself at `at`, if its header says so.
pub(crate) fn mapped_chunk(work: &mut Work<'_, '_>, at: u64, end: u64) -> Option<u64> {
    let [before, size] = work.reader.words::<2>(at)?;
    let bytes = size & !FLAGS;
    let sound = size & FLAGS == IS_MAPPED
        && bytes != 0
        && bytes.is_multiple_of(PAGE)
        && before < bytes
        && at.checked_add(bytes).is_some_and(|after| after <= end);
    sound.then_some(bytes)
}

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
const PREVIOUS_IN_USE: u64 = 1;
/// The least size and the alignment of a chunk.
const MIN_CHUNK_BYTES: u64 = 32;
const CHUNK_ALIGNMENT: u64 = 16;

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

/// Returns whether the brk heap, of which the mapping at `index` is the lowest, begins with two chunks
/// of the main arena; `None` if its first page cannot be read.
pub(crate) fn begins_brk_heap(work: &mut Work<'_, '_>, index: usize) -> Option<bool> {
    let AddressRange { start, end } = work.mappings[index].range;
    let at = work.facts.start_brk.filter(|at| (start..end).contains(at)).unwrap_or(start);
    let head = work.reader.words::<2>(at)?;
    let Some(bytes) = heap_chunk(head[1], end - at) else {
        return Some(end <= 1 << 32 && begins_heap_of_32_bits(head, end - at));
    };
    let next = at.saturating_add(bytes);
    // An absent page refutes nothing.
    let next_head = work.reader.words::<2>(next);
    Some(next_head.is_none_or(|[_, size]| heap_chunk(size, end - next).is_some()))
}

/// Returns the bytes of a chunk of the main arena's heap that has this size field, if it is sound.
fn heap_chunk(size: u64, room: u64) -> Option<u64> {
    let bytes = size & !FLAGS;
    let sound = size & FLAGS & !PREVIOUS_IN_USE == 0
        && bytes >= MIN_CHUNK_BYTES
        && bytes.is_multiple_of(CHUNK_ALIGNMENT)
        && bytes <= room;
    sound.then_some(bytes)
}

/// Returns whether words are the head of a heap whose size fields have 4 bytes: the first chunk is
/// shifted so that the memory handed out is aligned.
fn begins_heap_of_32_bits(head: [u64; 2], room: u64) -> bool {
    head.iter().any(|word| {
        let size = word >> 32;
        let bytes = size & !FLAGS;
        size & FLAGS == PREVIOUS_IN_USE && (16..=room).contains(&bytes) && bytes.is_multiple_of(8)
    })
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

//! Go (R12): its heap is at addresses that it chooses, since 1.26 at random ones.

use crate::classify::cage::{Cage, Purpose};
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none};
use crate::classify::profile::GO_HEAP;
use crate::classify::signs::Runtime;
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::rule::Rule;
use crate::vocabulary::types;

/// The heap grows in arenas of this size, aligned to it.
const ARENA_BYTES: u64 = 64 << 20;
/// Addresses of programs end here.
const END: u64 = 1 << 47;

/// Returns the purpose of a cage that is made of arenas, far from all else.
pub(crate) fn purpose(cage: &Cage) -> Option<Purpose> {
    let range = cage.range;
    let arenas = range.start.is_multiple_of(ARENA_BYTES) && range.end.is_multiple_of(ARENA_BYTES);
    (cage.far && arenas && range.end <= END && !cage.executable).then_some(Purpose {
        used: types::GO_HEAP,
        executable: types::GO_HEAP,
        inaccessible: types::RESERVED_GO,
        confidence: Confidence::Likely,
    })
}

/// R12: the heap by its addresses; without cgo, all other anonymous memory belongs to the runtime.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    if !work.profile.has(Runtime::Go) {
        return;
    }
    let reserved = label(types::RESERVED_GO, Confidence::Sure, Rule::R12);
    let heap = label(types::GO_HEAP, Confidence::Sure, Rule::R12);
    let runtime = label(types::GO_RUNTIME, Confidence::Likely, Rule::R12);
    let cgo = work.profile.has(Runtime::Glibc) || work.profile.has(Runtime::Musl);
    for index in work.indices(is_anonymous) {
        let mapping = &work.mappings[index];
        let in_heap = GO_HEAP.holds(mapping.range.start);
        if !in_heap && cgo {
            continue;
        }
        let found = match (is_none(mapping), in_heap) {
            (true, _) => &reserved,
            (false, true) => &heap,
            (false, false) => &runtime,
        };
        work.claims.claim_mapping(index, found);
    }
}

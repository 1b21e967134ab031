//! Go (R12): its heap is at addresses that it chooses.

use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none};
use crate::classify::profile::{GO_HEAP, Runtime};
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::rule::Rule;
use crate::vocabulary::types;

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
        let in_heap = GO_HEAP.start <= mapping.range.start && mapping.range.start < GO_HEAP.end;
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

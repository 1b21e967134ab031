//! Go (R12): its heap lies at addresses of its own choice.

use super::label;
use super::profile::Runtime;
use super::work::{Work, is_anonymous, is_none};
use crate::region::{AddressRange, Confidence};
use crate::vocabulary::types;

/// Where Go asks for heap on 64-bit systems.
pub(super) const HEAP: AddressRange = AddressRange::new(0xc0_0000_0000, 0xe0_0000_0000);

/// R12: the heap by its addresses; without cgo, all else that is anonymous is the runtime's.
pub(super) fn claim(work: &mut Work<'_, '_>) {
    if !work.profile.has(Runtime::Go) {
        return;
    }
    let reserved = label(types::RESERVED_GO, Confidence::Sure, "R12");
    let heap = label(types::GO_HEAP, Confidence::Sure, "R12");
    let runtime = label(types::GO_RUNTIME, Confidence::Likely, "R12");
    let cgo = work.profile.has(Runtime::Glibc) || work.profile.has(Runtime::Musl);
    for place in work.places(is_anonymous) {
        let mapping = &work.mappings[place];
        let in_heap = HEAP.start <= mapping.range.start && mapping.range.start < HEAP.end;
        if !in_heap && cgo {
            continue;
        }
        let found = match (is_none(mapping), in_heap) {
            (true, _) => &reserved,
            (false, true) => &heap,
            (false, false) => &runtime,
        };
        work.claims.claim_mapping(place, found);
    }
}

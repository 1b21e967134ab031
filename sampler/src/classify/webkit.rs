//! WebKit's JavaScript (R13, R18b), in WebKit and in Bun: its collector and its
//! malloc (libpas, or mimalloc in Bun) map without reserving.

use crate::classify::cage::Cage;
use crate::classify::claims::FreePart;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_executable, is_none};
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::rule::Rule;
use crate::vocabulary::types;

const GIB: u64 = 1 << 30;

/// The Gigacage, which holds buffers of all kinds.
const GIGACAGE_BYTES: u64 = 32 * GIB;
/// A memory of WebAssembly is followed by all that an index can reach.
const REACH_BYTES: u64 = 4 * GIB;
/// The structures' heap: all of it is accessible, and aligned to its size.
const STRUCTURES_BYTES: u64 = 4 * GIB;

/// Claims the parts of a run whose purpose its shape shows.
pub(crate) fn claim(work: &mut Work<'_, '_>, run: &[FreePart], cage: &Cage) {
    let likely = |region_type| label(region_type, Confidence::Likely, Rule::R13);
    let (heap, wasm, reserved) =
        (likely(types::JSC_HEAP), likely(types::WASM_MEMORY), likely(types::RESERVED));
    let gigacage = cage.bytes() >= GIGACAGE_BYTES;
    for (place, part) in run.iter().enumerate() {
        let mapping = &work.mappings[part.index];
        let reach = |part: &FreePart| {
            is_none(&work.mappings[part.index]) && part.range.virtual_bytes() >= REACH_BYTES
        };
        let structures = part.range.virtual_bytes() >= STRUCTURES_BYTES
            && part.range.start.is_multiple_of(STRUCTURES_BYTES);
        let found = if is_executable(mapping) {
            continue;
        } else if gigacage {
            if is_none(mapping) { &reserved } else { &heap }
        } else if reach(part) {
            &reserved
        } else if is_none(mapping) {
            continue;
        } else if run.get(place + 1).is_some_and(reach) {
            &wasm
        } else if structures {
            &heap
        } else {
            continue;
        };
        work.claims.claim(part.index, part.range, found);
    }
}

/// R18b: the rest of what it maps without reserving.
pub(crate) fn rest(work: &mut Work<'_, '_>) {
    let found = label(types::JSC_HEAP, Confidence::Guess, Rule::R18b);
    for index in work.indices(|mapping| is_anonymous(mapping) && mapping.has_flag("nr")) {
        if !is_none(&work.mappings[index]) {
            work.claims.claim_mapping(index, &found);
        }
    }
}

//! Reservations of Firefox's JavaScript (R13), far from all other memory.

use crate::classify::cage::{Cage, Purpose};
use crate::label::Confidence;
use crate::vocabulary::types;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Returns the purpose of a cage of SpiderMonkey.
pub(crate) fn purpose(cage: &Cage) -> Option<Purpose> {
    let used = if !cage.far {
        return None;
    } else if cage.executable || cage.bytes() >= GIB {
        types::JIT_CODE
    } else if cage.range.start.is_multiple_of(MIB) {
        // Chunks of the garbage collector's heap.
        types::SPIDERMONKEY_HEAP
    } else {
        return None;
    };
    Some(Purpose {
        executable: used.clone(),
        used,
        inaccessible: types::RESERVED,
        confidence: Confidence::Likely,
    })
}

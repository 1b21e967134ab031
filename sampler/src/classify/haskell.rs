//! The address space that GHC's runtime reserves (R13).

use crate::classify::cage::{Cage, Purpose};
use crate::label::Confidence;
use crate::vocabulary::types;

/// Where it asks for the reservation, and above, in steps, if that is taken.
const START: u64 = 0x42_0000_0000;
const STEP: u64 = 8 << 30;
const STEPS: u64 = 16;
/// The size of the reservation; less where a limit is set.
const BYTES: u64 = 1 << 40;
/// It begins with a block of this size, aligned to it.
const BLOCK: u64 = 1 << 20;

/// Returns the purpose of a cage that lies where GHC reserves.
pub(crate) fn purpose(cage: &Cage) -> Option<Purpose> {
    let above = cage.range.start.checked_sub(START)?;
    let placed = above.is_multiple_of(STEP) && above / STEP < STEPS;
    let bytes = cage.bytes();
    let reserved = cage.is_mostly_reserved() && !cage.executable && bytes >= BYTES / 4;
    let whole = (BYTES..BYTES + 64 * BLOCK).contains(&bytes);
    (placed && reserved).then_some(Purpose {
        used: types::HASKELL_HEAP,
        executable: types::HASKELL_HEAP,
        inaccessible: types::RESERVED,
        confidence: if whole { Confidence::Sure } else { Confidence::Likely },
    })
}

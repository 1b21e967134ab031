//! Reservations of V8 and Chromium (R13), identified by sizes, alignment and
//! rights.

use crate::classify::cage::{Cage, Purpose};
use crate::label::Confidence;
use crate::vocabulary::{RegionType, types};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The sandbox of V8 reserves a terabyte.
const SANDBOX_BYTES: u64 = 512 * GIB;
/// The maximum size of a reservation for code.
const CODE_BYTES: u64 = 4 * GIB;
/// PartitionAlloc's super pages begin with a guard page and metadata.
const SUPER_PAGE: u64 = 2 * MIB;
const SUPER_PAGE_HEAD: u64 = 64 * KIB;
/// V8's heap grows in pages of this size.
const HEAP_PAGE: u64 = 256 * KIB;
/// Tables of pointers reserve at least this much.
const TABLE_BYTES: u64 = 64 * MIB;

fn heap(executable: RegionType) -> Purpose {
    Purpose {
        used: types::V8_HEAP,
        executable,
        inaccessible: types::RESERVED_V8,
        confidence: Confidence::Likely,
    }
}

fn plain(used: RegionType, inaccessible: RegionType) -> Purpose {
    Purpose { executable: used.clone(), used, inaccessible, confidence: Confidence::Likely }
}

/// Returns the purpose of a cage of V8; Chromium's own malloc and heap reserve cages too.
pub(crate) fn purpose(cage: &Cage, chromium: bool) -> Option<Purpose> {
    if cage.bytes() >= SANDBOX_BYTES {
        return Some(heap(types::JIT_V8));
    }
    if cage.executable && cage.bytes() <= CODE_BYTES {
        return Some(plain(types::JIT_V8, types::RESERVED_V8));
    }
    if chromium { in_chromium(cage) } else { elsewhere(cage) }
}

fn in_chromium(cage: &Cage) -> Option<Purpose> {
    let (bytes, start) = (cage.bytes(), cage.range.start);
    let partition = plain(types::MALLOC_PARTITION, types::MALLOC_RESERVED);
    if bytes >= 3 * GIB && start <= 64 * KIB {
        // Reserved so that no pointer is below 4 GiB.
        return Some(partition);
    }
    if bytes >= 8 * GIB {
        let head = cage.first_used.map_or(0, |first| first % SUPER_PAGE);
        let in_head = head != 0 && head < SUPER_PAGE_HEAD;
        let super_pages = in_head || !start.is_multiple_of(SUPER_PAGE);
        let cppgc = plain(types::V8_CPPGC, types::RESERVED_V8);
        return Some(if super_pages { partition } else { cppgc });
    }
    let pointers = bytes >= GIB && start.is_multiple_of(GIB);
    let table = bytes >= TABLE_BYTES && cage.is_mostly_reserved();
    (pointers || table).then(|| plain(types::V8_HEAP, types::RESERVED_V8))
}

fn elsewhere(cage: &Cage) -> Option<Purpose> {
    let (bytes, range) = (cage.bytes(), cage.range);
    let cage_unit = 4 * GIB;
    if cage.is_mostly_reserved() {
        if bytes >= 15 * GIB && range.start.is_multiple_of(cage_unit) {
            return Some(plain(types::V8_CPPGC, types::RESERVED_V8));
        }
        let holds_boundary = range.start.is_multiple_of(cage_unit)
            || range.end.is_multiple_of(cage_unit)
            || range.start / cage_unit != range.end / cage_unit;
        if (3 * GIB..=5 * GIB).contains(&bytes) && holds_boundary {
            return Some(heap(types::JIT_V8));
        }
        if bytes >= 4 * GIB {
            return Some(plain(types::WASM_MEMORY, types::RESERVED_V8));
        }
    }
    if cage.far {
        let aligned = range.start.is_multiple_of(HEAP_PAGE) || cage.first_used.is_none();
        let confidence = if aligned { Confidence::Likely } else { Confidence::Guess };
        return Some(Purpose { confidence, ..heap(types::JIT_V8) });
    }
    let table = bytes >= TABLE_BYTES && cage.is_mostly_reserved();
    table.then(|| Purpose { confidence: Confidence::Guess, ..heap(types::JIT_V8) })
}

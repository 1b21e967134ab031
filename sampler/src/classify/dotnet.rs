//! The heap of .NET's collector (R13): since .NET 7 one reservation of at
//! least 256 GiB, or twice the machine's memory, of which regions are used.

use crate::classify::cage::Purpose;
use crate::classify::claims::FreePart;
use crate::classify::predicates::is_none;
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::vocabulary::types;

/// The minimum size of the unused end of the reservation.
const UNUSED_BYTES: u64 = 16 << 30;
/// The collector's tables are reserved below, at least this part of the heap; between regions
/// nothing as large is free.
const TABLES_PART: u64 = 256;

/// Returns the parts of a run that are the heap: those up to its unused end, without the
/// reservation for the tables below.
pub(crate) fn heap<'r>(work: &Work<'_, '_>, run: &'r [FreePart]) -> &'r [FreePart] {
    let none = |part: &FreePart| is_none(&work.mappings[part.index]);
    let bytes = |part: &FreePart| part.range.virtual_bytes();
    let unused = (run.iter().enumerate())
        .filter(|(_, part)| none(part) && bytes(part) >= UNUSED_BYTES)
        .max_by_key(|(_, part)| bytes(part));
    let Some((end, unused)) = unused else { return &[] };
    let tables = bytes(unused) / TABLES_PART;
    let start = run[..end].iter().rposition(|part| none(part) && bytes(part) >= tables);
    &run[start.map_or(0, |below| below + 1)..=end]
}

pub(crate) fn purpose() -> Purpose {
    Purpose {
        used: types::DOTNET_HEAP,
        executable: types::JIT_CODE,
        inaccessible: types::RESERVED,
        confidence: Confidence::Likely,
    }
}

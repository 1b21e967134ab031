//! HotSpot JVMs (R8): by their own tables, then by the shapes of the remaining
//! memory.

use crate::classify::claims::FreePart;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_executable, is_none};
use crate::classify::signs::Runtime;
use crate::classify::work::Work;
use crate::label::Confidence;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::types;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The maximum number of ranges taken from its tables; real JVMs have fewer.
const RANGES: usize = 64;
/// Heaps with compressed pointers end below this.
const COMPRESSED_END: u64 = 128 * GIB;
/// The minimum size of a heap.
const HEAP_BYTES: u64 = 8 * MIB;
/// The maximum size of the class space, with the archive below it.
const CLASS_SPACE_BYTES: u64 = GIB + 64 * MIB;
/// Metaspace is reserved in nodes of 64 MiB, aligned to the largest chunk.
const NODE_ALIGNMENT: u64 = 4 * MIB;
const NODE_BYTES: u64 = 68 * MIB;
/// The minimum size of a heap elsewhere.
const UNCOMPRESSED_BYTES: u64 = 64 * MIB;
/// Smaller memory is not the collector's.
const SMALL_BYTES: u64 = 64 * KIB;

/// R8a: heap and compiled code, from the JVM's own tables.
pub(crate) fn by_its_own_tables(work: &mut Work<'_, '_>) {
    let Some(jvm) = work.facts.jvm.as_ref().filter(|_| work.profile.has(Runtime::Jvm)) else {
        return;
    };
    let reserved = label(types::RESERVED_JVM, Confidence::Sure, Rule::R8a);
    let kinds = [(&jvm.heap, types::JVM_HEAP), (&jvm.code, types::JIT_JVM)];
    for (ranges, region_type) in kinds {
        let found = label(region_type, Confidence::Sure, Rule::R8a);
        for range in ranges.iter().take(RANGES) {
            work.claim_anonymous(*range, &found, &reserved);
        }
    }
}

/// R8b, R8c, R8x: the remaining memory, by position and size.
pub(crate) fn by_shape(work: &mut Work<'_, '_>) {
    if !work.profile.has(Runtime::Jvm) {
        return;
    }
    if work.facts.jvm.is_none() {
        without_tables(work);
    }
    if let Some(base) = work.facts.jvm.as_ref().and_then(|jvm| jvm.narrow_klass_base) {
        class_space(work, base);
    }
    metaspace_and_collector(work);
}

/// A run of adjacent unclaimed memory.
struct Run<'p> {
    parts: &'p [FreePart],
    range: AddressRange,
    inaccessible: u64,
    executable: bool,
    /// Bytes resident and swapped of its mappings.
    occupied: u64,
    /// Whether it follows the archive of classes, as the class space does.
    above_archive: bool,
}

fn run_of<'p>(work: &Work<'_, '_>, parts: &'p [FreePart]) -> Option<Run<'p>> {
    let range = AddressRange::new(parts.first()?.range.start, parts.last()?.range.end);
    let none = parts.iter().filter(|part| is_none(&work.mappings[part.index]));
    let inaccessible = none.map(|part| part.range.virtual_bytes()).sum();
    let executable = parts.iter().any(|part| is_executable(&work.mappings[part.index]));
    let occupied =
        parts.iter().map(|part| work.occupied_bytes(part.index)).fold(0, u64::saturating_add);
    let below = work.below(parts.first()?.index);
    let above_archive = below.is_some_and(|below| work.mappings[below].name().ends_with(".jsa"));
    Some(Run { parts, range, inaccessible, executable, occupied, above_archive })
}

/// Returns whether the heap is a file of its own, as ZGC has it.
fn has_file_heap(work: &Work<'_, '_>) -> bool {
    work.mappings.iter().any(|mapping| mapping.name().starts_with("/memfd:java_heap"))
}

/// R8x: the tables could not be read.
fn without_tables(work: &mut Work<'_, '_>) {
    let reserved = label(types::RESERVED_JVM, Confidence::Guess, Rule::R8x);
    let parts = work.claims.parts(is_anonymous);
    let runs = || parts.chunk_by(|low, high| low.range.end == high.range.start);
    let runs: Vec<_> = runs().filter_map(|run| run_of(work, run)).collect();
    let is_low = |run: &Run<'_>| {
        run.range.start < COMPRESSED_END
            && run.range.virtual_bytes() >= HEAP_BYTES
            && !run.above_archive
    };
    // A heap without compressed pointers is the run with the most memory.
    let low = runs.iter().any(is_low) || has_file_heap(work);
    let candidates = runs.iter().filter(|run| !low && !run.executable && !run.above_archive);
    let candidates = candidates.filter(|run| run.range.virtual_bytes() >= UNCOMPRESSED_BYTES);
    let high = candidates.max_by_key(|run| run.occupied).map(|run| run.range);
    for run in runs {
        let used = if run.executable {
            types::JIT_JVM
        } else if is_low(&run) || high == Some(run.range) {
            types::JVM_HEAP
        } else if run.above_archive {
            types::JVM_METASPACE
        } else if run.inaccessible == 0 && !work.facts.memory_readable {
            types::MALLOC_LARGE
        } else {
            continue;
        };
        let used = label(used, Confidence::Guess, Rule::R8x);
        for part in run.parts {
            let none = is_none(&work.mappings[part.index]);
            work.claims.claim(part.index, part.range, if none { &reserved } else { &used });
        }
    }
}

/// R8b: the class space, above the archive where compressed class pointers begin.
fn class_space(work: &mut Work<'_, '_>, base: u64) {
    let reserved = label(types::RESERVED_JVM, Confidence::Likely, Rule::R8b);
    let used = label(types::JVM_METASPACE, Confidence::Likely, Rule::R8b);
    let mut end = base;
    for index in work.claims.from(base)..work.mappings.len() {
        let mapping = &work.mappings[index];
        let follows = mapping.range.start == end
            && end < base.saturating_add(CLASS_SPACE_BYTES)
            && (is_anonymous(mapping) || mapping.name().ends_with(".jsa"));
        if !follows {
            break;
        }
        if is_anonymous(mapping) {
            work.claims.claim_mapping(index, if is_none(mapping) { &reserved } else { &used });
        }
        end = mapping.range.end;
    }
}

/// R8c: nodes of metaspace by their alignment; the rest is the collector's tables.
fn metaspace_and_collector(work: &mut Work<'_, '_>) {
    let reserved = label(types::RESERVED_JVM, Confidence::Guess, Rule::R8c);
    let metaspace = label(types::JVM_METASPACE, Confidence::Guess, Rule::R8c);
    let collector = label(types::JVM_GC, Confidence::Guess, Rule::R8c);
    let parts = work.claims.parts(is_anonymous);
    for run in parts.chunk_by(|low, high| low.range.end == high.range.start) {
        let Some(run) = run_of(work, run) else { continue };
        let bytes = run.range.virtual_bytes();
        if bytes <= SMALL_BYTES {
            continue;
        }
        let node = run.range.start.is_multiple_of(NODE_ALIGNMENT)
            && bytes <= NODE_BYTES
            && run.inaccessible != 0;
        for part in run.parts {
            let found = match (is_none(&work.mappings[part.index]), node) {
                (true, _) => &reserved,
                (false, true) => &metaspace,
                (false, false) => &collector,
            };
            work.claims.claim(part.index, part.range, found);
        }
    }
}

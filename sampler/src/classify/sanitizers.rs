//! Sanitizers (R16s): their memory lies at fixed addresses, by the layouts of
//! compiler-rt for x86-64, and blocks elsewhere begin with a header.

use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none, is_writable};
use crate::classify::profile::Profile;
use crate::classify::reader::PAGE;
use crate::classify::signs::Runtime;
use crate::classify::work::{Work, page_of};
use crate::label::Confidence;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::{RegionType, types};

/// Where a sanitizer keeps its record of the program's memory, and what it allocates.
struct Layout {
    runtime: Runtime,
    shadow: &'static [AddressRange],
    heap: &'static [AddressRange],
    heap_type: RegionType,
    /// The type of memory it maps elsewhere.
    elsewhere: RegionType,
}

/// Bits below those that the tables name.
const UNIT: u32 = 32;

const fn area(start: u64, end: u64) -> AddressRange {
    AddressRange::new(start << UNIT, end << UNIT)
}

const LAYOUTS: [Layout; 3] = [
    Layout {
        runtime: Runtime::AddressSanitizer,
        shadow: &[AddressRange::new(0x7fff_7000, 0x1000_7fff_8000)],
        // Newer versions use the second.
        heap: &[area(0x6000, 0x6500), area(0x5000, 0x5400)],
        heap_type: types::MALLOC_ASAN,
        elsewhere: types::MALLOC_ASAN,
    },
    Layout {
        runtime: Runtime::ThreadSanitizer,
        // Shadow, records of blocks, and traces, which newer versions no longer have.
        shadow: &[area(0x100, 0x3000), area(0x3000, 0x4000), area(0x6000, 0x6200)],
        // Newer versions use the second.
        heap: &[area(0x7b00, 0x7c00), area(0x7200, 0x7300)],
        heap_type: types::MALLOC_TSAN,
        elsewhere: types::SANITIZER_INTERNAL,
    },
    Layout {
        runtime: Runtime::MemorySanitizer,
        // Shadows and origins of the three areas that programs use.
        shadow: &[
            area(0x100, 0x2000),
            area(0x2000, 0x4000),
            area(0x5000, 0x5100),
            area(0x6000, 0x6100),
        ],
        heap: &[area(0x7000, 0x7400)],
        heap_type: types::MALLOC_MSAN,
        elsewhere: types::SANITIZER_INTERNAL,
    },
];

/// The largest static TLS of a main thread: a state of nearly a megabyte is in it.
const TLS_BYTES: u64 = 2 << 20;

fn layout_of(profile: &Profile) -> Option<&'static Layout> {
    static ALL: [Layout; 3] = LAYOUTS;
    ALL.iter().find(|layout| profile.has(layout.runtime))
}

/// R16s: the areas at fixed addresses, then blocks that begin with a header.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    let Some(layout) = layout_of(&work.profile) else { return };
    let sure = |region_type: &RegionType| label(region_type.clone(), Confidence::Sure, Rule::R16s);
    let (shadow, heap) = (sure(&types::SANITIZER_SHADOW), sure(&layout.heap_type));
    let (gap, unused) = (sure(&types::RESERVED), sure(&types::MALLOC_RESERVED));
    let within = |areas: &[AddressRange], range: AddressRange| {
        areas.iter().any(|area| area.holds(range.start))
    };
    for index in work.indices(is_anonymous) {
        let mapping = &work.mappings[index];
        let found = match (within(layout.heap, mapping.range), is_none(mapping)) {
            (true, false) => &heap,
            (true, true) => &unused,
            (false, none) if within(layout.shadow, mapping.range) => {
                if none {
                    &gap
                } else {
                    &shadow
                }
            }
            _ => continue,
        };
        work.claims.claim_mapping(index, found);
    }
    let elsewhere = sure(&layout.elsewhere);
    let parts = work.claims.parts(|mapping| is_anonymous(mapping) && is_writable(mapping));
    for run in parts.chunk_by(|low, high| low.range.end == high.range.start) {
        let Some(end) = run.last().map(|last| last.range.end) else { continue };
        let mut at = run[0].range.start;
        while let Some(after) = block_at(work, at, end) {
            let range = AddressRange::new(at, after);
            work.claims.claim_across(range, &elsewhere, |it| is_anonymous(it) && is_writable(it));
            at = after;
        }
    }
    if layout.elsewhere == types::SANITIZER_INTERNAL {
        main_tls(work);
    }
}

/// Returns the end of the block at `at`, mapped by itself: its header repeats address and size.
fn block_at(work: &mut Work<'_, '_>, at: u64, end: u64) -> Option<u64> {
    // LargeMmapAllocator's header: start and size of the mapping.
    let [start, bytes] = work.reader.words::<2>(at)?;
    let after = at.checked_add(bytes)?;
    (start == at && bytes > PAGE && bytes.is_multiple_of(PAGE) && after <= end).then_some(after)
}

/// R17: the main thread's block, whose static TLS these runtimes make large.
fn main_tls(work: &mut Work<'_, '_>) {
    let main = work.main_thread();
    let main = work.facts.threads.iter().find(|thread| thread.tid == main);
    let Some(robust) = main.and_then(|main| main.robust_list) else { return };
    let Some(index) = work.claims.at(robust).filter(|at| is_anonymous(&work.mappings[*at])) else {
        return;
    };
    let around = work.claims.free(index).iter().find(|free| free.holds(robust)).copied();
    let Some(around) = around.filter(|free| robust - free.start <= TLS_BYTES) else { return };
    let found = label(types::LOADER_DATA, Confidence::Likely, Rule::R17);
    // The descriptor that holds the list is shorter than a page and ends the block.
    let end = page_of(robust).saturating_add(2 * PAGE).min(around.end);
    work.claims.claim(index, AddressRange::new(around.start, end), &found);
}

/// R18: the rest is the sanitizer's own.
pub(crate) fn rest(work: &mut Work<'_, '_>) {
    let Some(layout) = layout_of(&work.profile) else { return };
    let found = label(layout.elsewhere.clone(), Confidence::Guess, Rule::R18);
    for index in work.indices(|mapping| is_anonymous(mapping) && !is_none(mapping)) {
        work.claims.claim_mapping(index, &found);
    }
}

//! Memory left when all that can be proved is claimed (R16 to R20).

use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_executable, is_none, is_writable};
use crate::classify::profile::{Malloc, Runtime};
use crate::classify::reader::PAGE;
use crate::classify::work::{Work, page_of};
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::rule::Rule;
use crate::vocabulary::{Family, RegionType, types};

const KIB: u64 = 1 << 10;

/// The maximum size of the loader's memory between two images, and beside one.
const LOADER_BYTES: u64 = 64 * KIB;
const LOADER_BESIDE_BYTES: u64 = 32 * KIB;
/// musl's memory of this size would have shown its groups.
const MUSL_BYTES: u64 = 128 * KIB;
/// The minimum size of an unproved heap.
const HEAP_BYTES: u64 = 64 * KIB;
/// Arenas of CPython are multiples of this.
const PYTHON_ARENA_BYTES: u64 = 256 * KIB;
/// The maximum size of a guard.
const GUARD_BYTES: u64 = 64 * KIB;

/// R16: executable anonymous memory.
pub(crate) fn code(work: &mut Work<'_, '_>) {
    let region_type = if work.profile.has(Runtime::Jvm) {
        types::JIT_JVM
    } else if work.profile.has(Runtime::V8) {
        types::JIT_V8
    } else {
        types::JIT_CODE
    };
    let found = label(region_type, Confidence::Likely, Rule::R16);
    for index in work.indices(|mapping| is_anonymous(mapping) && is_executable(mapping)) {
        work.claims.claim_mapping(index, &found);
    }
}

/// R17: the main thread's descriptor, and the loader's allocations beside the images it maps.
pub(crate) fn loader(work: &mut Work<'_, '_>) {
    let sure = label(types::LOADER_DATA, Confidence::Sure, Rule::R17);
    let likely = label(types::LOADER_DATA, Confidence::Likely, Rule::R17);
    let main = work.main_thread();
    let main = work.facts.threads.iter().find(|thread| thread.tid == main);
    if let Some(robust) = main.and_then(|main| main.robust_list)
        && let Some(index) = work.claims.at(robust)
        && is_anonymous(&work.mappings[index])
    {
        let page = page_of(robust);
        if work.mappings[index].range.virtual_bytes() <= LOADER_BYTES {
            work.claims.claim_mapping(index, &sure);
        } else {
            let around =
                AddressRange::new(page.saturating_sub(2 * PAGE), page.saturating_add(PAGE));
            work.claims.claim(index, around, &likely);
        }
    }
    let small = |mapping: &Mapping| {
        is_anonymous(mapping)
            && is_writable(mapping)
            && mapping.range.virtual_bytes() <= LOADER_BYTES
            && !mapping.has_flag("nr")
    };
    for index in work.indices(small) {
        let neighbours = [work.below(index), work.above(index)].into_iter().flatten();
        let images = neighbours.filter(|index| is_loaded(work, *index)).count();
        let bytes = work.mappings[index].range.virtual_bytes();
        if images == 2 || images == 1 && bytes <= LOADER_BESIDE_BYTES {
            work.claims.claim_mapping(index, &likely);
        }
    }
}

/// Returns whether the mapping at `index` is of an image or of the vdso.
fn is_loaded(work: &Work<'_, '_>, index: usize) -> bool {
    let mapping = &work.mappings[index];
    let name = mapping.name();
    match mapping.file() {
        // Without headers, rule R4 has identified images by their order.
        Some(_) if work.facts.images.is_empty() => name.contains(".so"),
        Some(_) => work.facts.images.contains_key(name),
        None => name == "[vvar]" || name == "[vdso]",
    }
}

/// R18: the rest belongs to the malloc that replaces glibc's, to the runtime, or to an unreadable
/// malloc.
pub(crate) fn heaps(work: &mut Work<'_, '_>) {
    if !work.facts.memory_readable {
        unread_arenas(work);
    }
    if let Some(malloc) = work.profile.malloc {
        of_malloc(work, malloc);
    }
    if let Some(region_type) = runtime_heap(work) {
        let found = label(region_type, Confidence::Guess, Rule::R18b);
        for index in work.indices(|mapping| is_anonymous(mapping) && !is_none(mapping)) {
            claim_large(work, index, &found);
        }
    }
    let plain = work.profile.has(Runtime::Glibc) && work.profile.malloc.is_none();
    if plain && !work.facts.memory_readable && !work.profile.has(Runtime::Jvm) {
        unread(work);
    }
}

fn of_malloc(work: &mut Work<'_, '_>, malloc: Malloc) {
    let found = label(malloc.region_type(), Confidence::Guess, Rule::R18);
    let seen = work.facts.memory_readable && !work.reader.is_spent();
    for index in work.indices(|mapping| is_anonymous(mapping) && !is_none(mapping)) {
        let mapping = &work.mappings[index];
        let other = match malloc {
            // They ask the kernel not to reserve.
            Malloc::Jemalloc | Malloc::Mimalloc => !mapping.has_flag("nr"),
            Malloc::Musl => seen && mapping.range.virtual_bytes() >= MUSL_BYTES,
            _ => false,
        };
        if !other {
            work.claims.claim_mapping(index, &found);
        }
    }
}

/// Returns the type of a runtime that maps its heap itself.
fn runtime_heap(work: &Work<'_, '_>) -> Option<RegionType> {
    let heaps = [
        (Runtime::Go, types::GO_RUNTIME),
        (Runtime::Qemu, types::GUEST_MEMORY),
        (Runtime::Ruby, types::RUBY_HEAP),
        (Runtime::Php, types::PHP_HEAP),
        (Runtime::Erlang, types::ERLANG_HEAP),
        (Runtime::LuaJit, types::LUA_HEAP),
        (Runtime::Libgc, types::LIBGC_HEAP),
        (Runtime::Sbcl, types::LISP_HEAP),
    ];
    let found = heaps.into_iter().find(|(runtime, _)| work.profile.has(*runtime));
    found.map(|(_, region_type)| region_type)
}

/// R18x: unreadable arenas of CPython, by their size; a malloc that does not reserve has other
/// sizes.
fn unread_arenas(work: &mut Work<'_, '_>) {
    if !work.profile.has(Runtime::Python) {
        return;
    }
    let arena = label(types::PYTHON_HEAP, Confidence::Guess, Rule::R18x);
    for index in work.indices(|mapping| is_plain(mapping) && !mapping.has_flag("nr")) {
        for part in work.claims.free(index).to_vec() {
            if part.virtual_bytes().is_multiple_of(PYTHON_ARENA_BYTES) {
                work.claims.claim(index, part, &arena);
            }
        }
    }
}

/// R18x: unreadable memory of glibc's malloc.
fn unread(work: &mut Work<'_, '_>) {
    let large = label(types::MALLOC_LARGE, Confidence::Guess, Rule::R18x);
    for index in work.indices(is_plain) {
        claim_large(work, index, &large);
    }
}

fn is_plain(mapping: &Mapping) -> bool {
    is_anonymous(mapping) && is_writable(mapping) && !is_executable(mapping)
}

/// Claims each unclaimed part of a mapping that is large enough for a heap.
fn claim_large(work: &mut Work<'_, '_>, index: usize, label: &Label) {
    for part in work.claims.free(index).to_vec() {
        if part.virtual_bytes() >= HEAP_BYTES {
            work.claims.claim(index, part, label);
        }
    }
}

/// R19: inaccessible memory by its neighbours and its size.
pub(crate) fn inaccessible(work: &mut Work<'_, '_>) {
    let v8 = work.profile.has(Runtime::V8);
    let likely = |region_type| label(region_type, Confidence::Likely, Rule::R19);
    let (of_malloc, guard) = (likely(types::MALLOC_RESERVED), likely(types::GUARD));
    let reserved = likely(if v8 {
        types::RESERVED_V8
    } else if work.profile.has(Runtime::Jvm) {
        types::RESERVED_JVM
    } else if work.profile.has(Runtime::Go) {
        types::RESERVED_GO
    } else {
        types::RESERVED
    });
    let parts = work.claims.parts(|mapping| is_anonymous(mapping) && is_none(mapping));
    // A malloc that reserves: a large chunk has no reservation beside it.
    let pieces = work.claims.pieces();
    let reserves = |region_type: &RegionType| {
        let of_malloc =
            region_type.family() == Family::Malloc && *region_type != types::MALLOC_LARGE;
        of_malloc || *region_type == types::MALLOC_RESERVED
    };
    let touches_malloc = |range: AddressRange| {
        let above = pieces.partition_point(|piece| piece.range.start < range.end);
        let below = pieces[..above].last().filter(|below| below.range.end == range.start);
        let above = pieces.get(above).filter(|above| above.range.start == range.end);
        below.into_iter().chain(above).any(|piece| reserves(&piece.label.region_type))
    };
    let found: Vec<_> = parts.iter().map(|part| !v8 && touches_malloc(part.range)).collect();
    for (part, touches) in parts.iter().zip(found) {
        let found = if touches {
            &of_malloc
        } else if part.range.virtual_bytes() <= GUARD_BYTES {
            &guard
        } else {
            &reserved
        };
        work.claims.claim(part.index, part.range, found);
    }
}

/// R20: unexplained memory.
pub(crate) fn rest(work: &mut Work<'_, '_>) {
    let found = label(types::VM_ALLOCATE, Confidence::Unknown, Rule::R20);
    for index in work.indices(|_| true) {
        work.claims.claim_mapping(index, &found);
    }
}

//! Memory left when all that can be proved is claimed (R16 to R20).

use crate::classify::malloc::Malloc;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_executable, is_none, is_writable};
use crate::classify::reader::PAGE;
use crate::classify::signs::Runtime;
use crate::classify::work::{Work, page_of};
use crate::classify::{sanitizers, webkit};
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
/// The minimum size of a reservation that shows that a runtime maps memory itself.
const RESERVED_BYTES: u64 = 64 << 20;
/// Allocators that map memory themselves use multiples of this.
const ROUND_BYTES: u64 = 64 * KIB;
/// The maximum distance of malloc's mappings from a library.
const BESIDE_BYTES: u64 = 256 << 30;
/// The most compiled code that a process is likely to hold.
const CODE_BYTES: u64 = 32 << 20;
/// The maximum size of a guard.
const GUARD_BYTES: u64 = 64 * KIB;

/// R16p: executable anonymous memory in which the process names code; R16: all other.
pub(crate) fn code(work: &mut Work<'_, '_>) {
    let region_type = if work.profile.has(Runtime::Jvm) {
        types::JIT_JVM
    } else if work.profile.has(Runtime::V8) {
        types::JIT_V8
    } else {
        types::JIT_CODE
    };
    let is_code = |mapping: &Mapping| is_anonymous(mapping) && is_executable(mapping);
    let listed = label(region_type.clone(), Confidence::Sure, Rule::R16p);
    for index in work.indices(is_code) {
        if is_listed(&work.facts.listed_code, work.mappings[index].range) {
            work.claims.claim_mapping(index, &listed);
        }
    }
    let indices = work.indices(is_code);
    let occupied = indices.iter().map(|index| work.occupied_bytes(*index));
    // Heaps may be executable too, and are larger than code.
    let large = occupied.fold(0, u64::saturating_add) > CODE_BYTES;
    let (region_type, confidence) = match (large, work.profile.has(Runtime::Chez)) {
        (true, true) => (types::SCHEME_HEAP, Confidence::Guess),
        (true, false) if region_type == types::JIT_CODE => (region_type, Confidence::Guess),
        _ => (region_type, Confidence::Likely),
    };
    let found = label(region_type, confidence, Rule::R16);
    for index in indices {
        work.claims.claim_mapping(index, &found);
    }
}

/// Returns whether some of the ascending, disjoint `code` lies in `range`.
fn is_listed(code: &[AddressRange], range: AddressRange) -> bool {
    let next = code.partition_point(|listed| listed.end <= range.start);
    code.get(next).is_some_and(|listed| listed.start < range.end)
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

/// R18: in a JVM, the malloc that does not reserve: all memory that a JVM uses is reserved.
pub(crate) fn jvm_malloc(work: &mut Work<'_, '_>) {
    let malloc = work.profile.mallocs().find(|malloc| malloc.does_not_reserve());
    if let Some(malloc) = malloc.filter(|_| work.profile.has(Runtime::Jvm)) {
        of_malloc(work, malloc);
    }
}

/// R18: the rest belongs to the malloc that replaces glibc's, to the runtime, or to an unreadable
/// malloc.
pub(crate) fn heaps(work: &mut Work<'_, '_>) {
    if !work.facts.memory_readable {
        unread_arenas(work);
    }
    sanitizers::rest(work);
    if work.profile.has(Runtime::Webkit) {
        webkit::rest(work);
    }
    let mallocs: Vec<_> = work.profile.mallocs().collect();
    for malloc in mallocs {
        of_malloc(work, malloc);
    }
    if let Some((region_type, least)) = runtime_heap(work) {
        let found = label(region_type, Confidence::Guess, Rule::R18b);
        for index in work.indices(|mapping| is_anonymous(mapping) && !is_none(mapping)) {
            claim_large(work, index, &found, least);
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
    let program = work.profile.malloc == Some(malloc);
    let heap = work.mappings.iter().any(|mapping| mapping.name() == "[heap]");
    for index in work.indices(|mapping| is_anonymous(mapping) && !is_none(mapping)) {
        let mapping = &work.mappings[index];
        let other = match malloc {
            // They ask the kernel not to reserve.
            Malloc::Jemalloc | Malloc::Mimalloc => !mapping.has_flag("nr"),
            Malloc::Musl => seen && mapping.range.virtual_bytes() >= MUSL_BYTES,
            // It maps only what the brk heap has no room for.
            Malloc::Tcmalloc => !program || heap,
            // Libraries that bring these keep them in reservations.
            Malloc::Partition | Malloc::Mozjemalloc => !program,
            _ => false,
        };
        if !other {
            work.claims.claim_mapping(index, &found);
        }
    }
}

/// Returns the type of a runtime that maps its heap itself, and the least it maps at a time.
fn runtime_heap(work: &Work<'_, '_>) -> Option<(RegionType, u64)> {
    let heaps = [
        (Runtime::DotNet, types::DOTNET_RUNTIME, PAGE),
        (Runtime::Go, types::GO_RUNTIME, HEAP_BYTES),
        (Runtime::Qemu, types::GUEST_MEMORY, HEAP_BYTES),
        (Runtime::Julia, types::JULIA_HEAP, HEAP_BYTES),
        (Runtime::Ruby, types::RUBY_HEAP, 16 * KIB),
        (Runtime::Php, types::PHP_HEAP, HEAP_BYTES),
        (Runtime::Erlang, types::ERLANG_HEAP, HEAP_BYTES),
        (Runtime::LuaJit, types::LUA_HEAP, HEAP_BYTES),
        (Runtime::Libgc, types::LIBGC_HEAP, HEAP_BYTES),
        (Runtime::Sbcl, types::LISP_HEAP, HEAP_BYTES),
        (Runtime::Clisp, types::LISP_HEAP, PAGE),
        (Runtime::Mono, types::MONO_HEAP, HEAP_BYTES),
        (Runtime::Racket, types::RACKET_HEAP, 16 * KIB),
        (Runtime::Chez, types::SCHEME_HEAP, 16 * KIB),
        (Runtime::Haskell, types::HASKELL_HEAP, HEAP_BYTES),
        (Runtime::OCaml, types::OCAML_HEAP, HEAP_BYTES),
        (Runtime::Dart, types::DART_HEAP, HEAP_BYTES),
        (Runtime::Nim, types::NIM_HEAP, 16 * KIB),
        (Runtime::D, types::D_HEAP, HEAP_BYTES),
        (Runtime::FreePascal, types::PASCAL_HEAP, 16 * KIB),
        (Runtime::PolyMl, types::ML_HEAP, HEAP_BYTES),
        (Runtime::GraalNative, types::GRAAL_HEAP, HEAP_BYTES),
    ];
    let found = heaps.into_iter().find(|(runtime, ..)| work.profile.has(*runtime));
    found.map(|(_, region_type, least)| (region_type, least))
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

/// R18x: unreadable memory of glibc's malloc, where nothing hints at a runtime that maps its own.
fn unread(work: &mut Work<'_, '_>) {
    let code =
        work.claims.pieces().iter().any(|piece| piece.label.region_type.family() == Family::Jit);
    let reserves = |mapping: &Mapping| {
        is_anonymous(mapping) && is_none(mapping) && mapping.range.virtual_bytes() > RESERVED_BYTES
    };
    if code || !work.indices(reserves).is_empty() {
        return;
    }
    // The kernel places what malloc maps beside the libraries.
    let near: Vec<u64> = (work.mappings.iter())
        .filter(|mapping| mapping.file().is_some() && is_executable(mapping))
        .map(|mapping| mapping.range.start)
        .collect();
    let large = label(types::MALLOC_LARGE, Confidence::Guess, Rule::R18x);
    for index in work.indices(|mapping| is_plain(mapping) && is_without_advice(mapping)) {
        for part in work.claims.free(index).to_vec() {
            // A header makes malloc's mappings a page larger than the round sizes that are asked
            // for; other allocators map these.
            let round = part.virtual_bytes().is_multiple_of(ROUND_BYTES);
            let beside = near.iter().any(|image| image.abs_diff(part.start) < BESIDE_BYTES);
            if part.virtual_bytes() >= HEAP_BYTES && !round && beside {
                work.claims.claim(index, part, &large);
            }
        }
    }
}

/// Returns whether the mapping has no flag that malloc's have not: reserved for later, kept out of
/// dumps or forks, locked, advised on huge pages.
fn is_without_advice(mapping: &Mapping) -> bool {
    ["nr", "dd", "dc", "wf", "lo", "hg", "nh", "mg"].iter().all(|flag| !mapping.has_flag(flag))
}

fn is_plain(mapping: &Mapping) -> bool {
    is_anonymous(mapping) && is_writable(mapping) && !is_executable(mapping)
}

/// Claims each unclaimed part of a mapping that is large enough for a heap.
fn claim_large(work: &mut Work<'_, '_>, index: usize, label: &Label, least: u64) {
    for part in work.claims.free(index).to_vec() {
        if part.virtual_bytes() >= least {
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
    // A malloc that reserves: glibc's reservations are known with their arenas.
    let pieces = work.claims.pieces();
    let glibc = [types::MALLOC_BRK, types::MALLOC_ARENA, types::MALLOC_LARGE];
    let reserves = |label: &Label| {
        let of_malloc =
            label.region_type.family() == Family::Malloc && !glibc.contains(&label.region_type);
        of_malloc || label.region_type == types::MALLOC_RESERVED && label.rule != Rule::R11
    };
    let touches_malloc = |range: AddressRange| {
        let above = pieces.partition_point(|piece| piece.range.start < range.end);
        let below = pieces[..above].last().filter(|below| below.range.end == range.start);
        let above = pieces.get(above).filter(|above| above.range.start == range.end);
        below.into_iter().chain(above).any(|piece| reserves(&piece.label))
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

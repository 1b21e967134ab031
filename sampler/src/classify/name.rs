//! Rules for the names that the kernel gives to mappings.

use crate::classify::piece::label;
use crate::classify::user::glob;
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::region::Protection;
use crate::rule::Rule;
use crate::vocabulary::{Family, RegionType, types};

/// Returns whether the kernel marks `mapping` as a stack.
pub(crate) fn is_stack(mapping: &Mapping) -> bool {
    // Kernels before 4.5 print `[stack:TID]`; `gd` (grows down) marks parts that mlock or mprotect
    // cut off.
    let name = mapping.name();
    name == "[stack]" || name.starts_with("[stack:") || mapping.has_flag("gd")
}

/// R1, R7: the kernel's own names.
pub(crate) fn by_kernel_name(mapping: &Mapping) -> Option<Label> {
    let (region_type, rule) = match mapping.name() {
        "[heap]" => (types::MALLOC_BRK, Rule::R7),
        "[vdso]" | "[vectors]" | "[sigpage]" | "[uprobes]" => (types::VDSO, Rule::R1),
        "[vsyscall]" => (types::VSYSCALL, Rule::R1),
        name if name.starts_with("[vvar") => (types::VVAR, Rule::R1),
        _ if is_stack(mapping) => (types::STACK, Rule::R1),
        _ => return None,
    };
    Some(label(region_type, Confidence::Sure, rule))
}

/// R2, R3: names given by prctl, shared memory, rings and devices.
pub(crate) fn by_object(mapping: &Mapping) -> Option<Label> {
    let name = mapping.name();
    if let Some(given) = name.strip_prefix("anon:").filter(|_| mapping.file().is_none()) {
        return Some(named(mapping, given));
    }
    let executable = mapping.protection.contains(Protection::EXECUTE);
    let shared = if executable {
        label(types::JIT_CODE, Confidence::Sure, Rule::R3)
    } else {
        label(types::SHARED_MEMORY, Confidence::Sure, Rule::R3)
    };
    let own = || Some(label(types::VM_ALLOCATE, Confidence::Likely, Rule::R3));
    if let Some(given) = name.strip_prefix("anon_shmem:") {
        let known = known_name(mapping, given);
        return Some(Label { detail: Some(given.into()), ..known.unwrap_or(shared) });
    }
    if name.starts_with("/memfd:java_heap") {
        return Some(label(types::JVM_HEAP, Confidence::Sure, Rule::R3));
    }
    if name.starts_with("/memfd:doublemapper") {
        return Some(label(types::JIT_CODE, Confidence::Sure, Rule::R3));
    }
    if name.starts_with("/memfd:vmrec-allocs") {
        return Some(label(types::ALLOCS_BUFFER, Confidence::Sure, Rule::R3));
    }
    if name.starts_with("/memfd:") || name.starts_with("/SYSV") || name.starts_with("/dev/ashmem") {
        return Some(shared);
    }
    let of_browser = |at: usize| {
        let after = name[at..].strip_prefix('/').map(|name| name.strip_prefix('.').unwrap_or(name));
        after.is_some_and(|after| {
            after.starts_with("org.chromium.") || after.starts_with("org.mozilla.")
        })
    };
    if name.rmatch_indices('/').any(|(at, _)| of_browser(at)) {
        return Some(shared);
    }
    if name == "/dev/zero" || name == "/anon_hugepage" {
        return if mapping.shared { Some(shared) } else { own() };
    }
    if name.starts_with("/dev/shm/") || name.starts_with("/dev/hugepages/") {
        // A private view is an ordinary file, such as a library.
        return mapping.shared.then_some(shared);
    }
    if let Some(region_type) = kernel_object(mapping) {
        return Some(label(region_type, Confidence::Sure, Rule::R3));
    }
    // The kernel's own tmpfs, where no file has a path.
    if mapping.file().is_some_and(|(device, _)| device == (0, 1)) {
        return Some(shared);
    }
    // Shared memory without a file.
    (mapping.shared && mapping.object.is_none()).then_some(shared)
}

/// R6: any other file.
pub(crate) fn by_file(mapping: &Mapping) -> Option<Label> {
    mapping.file().map(|_| label(types::MAPPED_FILE, Confidence::Sure, Rule::R6))
}

/// Returns the type of an object of the kernel or of a driver that is listed like a file.
///
/// Those with paths lie on the kernel's own file systems, whose devices have no major number; a
/// file of a disk may have the same name.
pub(crate) fn kernel_object(mapping: &Mapping) -> Option<RegionType> {
    let name = mapping.name();
    if name.starts_with("/dev/") {
        return Some(types::DEVICE);
    }
    if mapping.object.as_deref().is_none_or(|object| object.device.0 != 0) {
        return None;
    }
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let is_driver = |name: &str| {
        ["i915", "xe", "TTM"].contains(&name)
            || ["drm mm object", "i915.", "kgsl"].iter().any(|it| name.starts_with(it))
    };
    if name == "/secretmem" || name == "anon_inode:[secretmem]" {
        Some(types::SECRET_MEMORY)
    } else if begins(&["/dmabuf:", "anon_inode:dmabuf"]) {
        Some(types::DMA_BUF)
    } else if is_driver(name.strip_prefix("anon_inode:").or(name.strip_prefix('/')).unwrap_or(name))
        || begins(&[
            "anon_inode:[vfio",
            "anon_inode:mali",
            "/sys/devices/",
            "/sys/bus/",
            "/proc/bus/",
        ])
    {
        Some(types::DEVICE)
    } else if name == "/[aio]"
        || begins(&["anon_inode:", "socket:", "/[perf_event]", "/[io_uring]", "/sys/", "/proc/"])
    {
        Some(types::KERNEL_RING)
    } else {
        None
    }
}

/// R2: a name covers a whole reservation, so the rights still show its used parts.
fn named(mapping: &Mapping, given: &str) -> Label {
    let found = known_name(mapping, given).unwrap_or_else(|| {
        let region_type = if mapping.protection == Protection::NONE {
            types::RESERVED
        } else if mapping.protection.contains(Protection::EXECUTE) {
            types::JIT_CODE
        } else {
            types::VM_ALLOCATE
        };
        label(region_type, Confidence::Likely, Rule::R2)
    });
    Label { detail: Some(given.into()), ..found }
}

fn known_name(mapping: &Mapping, given: &str) -> Option<Label> {
    let given = given.trim_start();
    let (_, region_type) = GIVEN_NAMES.iter().find(|(pattern, _)| glob(pattern, given))?;
    let region_type = if mapping.protection == Protection::NONE {
        match region_type.family() {
            Family::Stack => types::STACK_GUARD,
            Family::Malloc => types::MALLOC_RESERVED,
            _ if region_type.name().starts_with("V8") => types::RESERVED_V8,
            _ if region_type.name().starts_with("Go") => types::RESERVED_GO,
            _ if region_type.name().starts_with("JVM") => types::RESERVED_JVM,
            _ => types::RESERVED,
        }
    } else if mapping.protection.contains(Protection::EXECUTE) {
        if region_type.name().starts_with("V8") { types::JIT_V8 } else { types::JIT_CODE }
    } else {
        region_type.clone()
    };
    Some(label(region_type, Confidence::Sure, Rule::R2))
}

/// Names that runtimes give their memory by prctl(PR_SET_VMA_ANON_NAME); the first match decides.
const GIVEN_NAMES: &[(&str, RegionType)] = &[
    ("glibc: *stack*", types::STACK_THREAD),
    ("glibc: malloc arena*", types::MALLOC_ARENA),
    ("glibc: malloc*", types::MALLOC_LARGE),
    ("glibc: loader malloc*", types::LOADER_DATA),
    ("stack_and_tls*", types::STACK_THREAD),
    ("thread signal stack*", types::STACK_SIGNAL),
    ("libc_malloc*", types::MALLOC_SCUDO),
    ("scudo:*", types::MALLOC_SCUDO),
    ("GWP-ASan*", types::MALLOC_SCUDO),
    ("jemalloc*", types::MALLOC_JEMALLOC),
    ("tcmalloc*", types::MALLOC_TCMALLOC),
    ("mimalloc*", types::MALLOC_MIMALLOC),
    ("partition_alloc*", types::MALLOC_PARTITION),
    ("v8*", types::V8_HEAP),
    ("blink_gc*", types::V8_CPPGC),
    ("cppgc*", types::V8_CPPGC),
    ("wasm-*", types::WASM_MEMORY),
    ("rlbox_wasm2c_*", types::WASM_MEMORY),
    ("js-*", types::SPIDERMONKEY_HEAP),
    ("dalvik-*", types::ART_HEAP),
    ("Go: heap*", types::GO_HEAP),
    ("Go:*", types::GO_RUNTIME),
    ("zend*", types::PHP_HEAP),
    (".bss*", types::BSS),
    ("bss*", types::BSS),
    ("linker*", types::LOADER_DATA),
    ("cfi shadow*", types::SANITIZER_SHADOW),
    ("shadow*", types::SANITIZER_SHADOW),
    ("?ava ?eap*", types::JVM_HEAP),
    ("?ava*", types::JVM_OTHER),
];

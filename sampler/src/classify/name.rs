//! Rules that go by the name the kernel gives a mapping.

use std::sync::Arc;

use super::label;
use crate::mapping::Mapping;
use crate::region::{Confidence, Label, Protection};
use crate::vocabulary::types;

/// Tells whether the kernel itself says that `mapping` is a stack.
pub(super) fn is_stack(mapping: &Mapping) -> bool {
    // `[stack:TID]` is of kernels before 4.5; `gd` (grows down) marks what mlock or mprotect cut off.
    let name = mapping.name();
    name == "[stack]" || name.starts_with("[stack:") || mapping.has_flag("gd")
}

/// R1, R7: the kernel's own names.
pub(super) fn by_kernel_name(mapping: &Mapping) -> Option<Label> {
    let (region_type, rule) = match mapping.name() {
        "[heap]" => (types::MALLOC_BRK, "R7"),
        "[vdso]" | "[vectors]" | "[sigpage]" | "[uprobes]" => (types::VDSO, "R1"),
        "[vsyscall]" => (types::VSYSCALL, "R1"),
        name if name.starts_with("[vvar") => (types::VVAR, "R1"),
        _ if is_stack(mapping) => (types::STACK, "R1"),
        _ => return None,
    };
    Some(label(region_type, Confidence::Sure, rule))
}

/// R2, R3: names given by prctl, shared memory, rings and devices.
pub(super) fn by_object(mapping: &Mapping) -> Option<Label> {
    let name = mapping.name();
    if let Some(given) = name.strip_prefix("anon:").filter(|_| mapping.file().is_none()) {
        return Some(named(mapping, given));
    }
    let executable = mapping.protection.contains(Protection::EXECUTE);
    let shared = if executable {
        label(types::JIT_CODE, Confidence::Sure, "R3")
    } else {
        label(types::SHARED_MEMORY, Confidence::Sure, "R3")
    };
    let own = || Some(label(types::VM_ALLOCATE, Confidence::Likely, "R3"));
    if let Some(given) = name.strip_prefix("anon_shmem:") {
        return Some(Label { detail: Some(Arc::from(given)), ..shared });
    }
    if name.starts_with("/memfd:") || name.starts_with("/SYSV") {
        return Some(shared);
    }
    if name == "/dev/zero" || name == "/anon_hugepage" {
        return if mapping.shared { Some(shared) } else { own() };
    }
    if name.starts_with("/dev/shm/") || name.starts_with("/dev/hugepages/") {
        // A private view is a file like any other, such as a library put there.
        return mapping.shared.then_some(shared);
    }
    if name.starts_with("anon_inode:") || name.starts_with("socket:") {
        return Some(label(types::KERNEL_RING, Confidence::Sure, "R3"));
    }
    if name.starts_with("/dev/") || name.starts_with("/dmabuf:") || name == "/drm mm object" {
        return Some(label(types::DEVICE, Confidence::Sure, "R3"));
    }
    // Shared memory without a file to show for it.
    (mapping.shared && mapping.object.is_none()).then_some(shared)
}

/// R6: whatever other file.
pub(super) fn by_file(mapping: &Mapping) -> Option<Label> {
    mapping.file().map(|_| label(types::MAPPED_FILE, Confidence::Sure, "R6"))
}

/// R2: a name covers a whole reservation, so the rights still tell what is used of it.
fn named(mapping: &Mapping, given: &str) -> Label {
    let region_type = if mapping.protection == Protection::NONE {
        types::RESERVED
    } else if mapping.protection.contains(Protection::EXECUTE) {
        types::JIT_CODE
    } else {
        types::VM_ALLOCATE
    };
    Label { detail: Some(Arc::from(given)), ..label(region_type, Confidence::Likely, "R2") }
}

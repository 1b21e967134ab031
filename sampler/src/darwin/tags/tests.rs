//! Tests of the table against Apple's header and vmmap's output.

use std::collections::HashSet;

use super::*;

#[test]
fn numbers_constants_and_names_are_unique() {
    let distinct = |count: usize, what: &str| assert_eq!(count, TAGS.len(), "{what}");
    distinct(TAGS.iter().map(|tag| tag.number).collect::<HashSet<_>>().len(), "number");
    distinct(TAGS.iter().map(|tag| tag.constant).collect::<HashSet<_>>().len(), "constant");
    // vmmap has one word for two tags of large blocks.
    let mut names: Vec<_> = TAGS.iter().map(|tag| tag.name).collect();
    names.sort_unstable();
    let again: Vec<_> =
        names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert_eq!(again, ["MALLOC_LARGE"]);
}

#[test]
fn the_table_has_exactly_the_numbers_of_the_header() {
    let ranges = [1..=13, 20..=22, 30..=36, 40..=46, 50..=58, 60..=109, 230..=236, 239..=255];
    let expected: HashSet<u8> = ranges.into_iter().flatten().collect();
    let known: HashSet<u8> = TAGS.iter().map(|tag| tag.number).collect();
    assert_eq!(known, expected);
}

#[test]
fn well_known_tags_are_named_as_vmmap_names_them() {
    for (number, name, family) in [
        (1, "MALLOC metadata", Family::Malloc),
        (2, "MALLOC_SMALL", Family::Malloc),
        (3, "MALLOC_LARGE", Family::Malloc),
        (7, "MALLOC_TINY", Family::Malloc),
        (9, "MALLOC_LARGE", Family::Malloc),
        (11, "MALLOC_NANO", Family::Malloc),
        (21, "IOKit", Family::Kernel),
        (30, "Stack", Family::Stack),
        (44, "Java", Family::RuntimeHeap),
        (60, "dyld private memory", Family::Image),
        (22, "Memory Tag 22", Family::VmAllocate),
        (57, "CG backing stores", Family::VmAllocate),
        (63, "JS VM Gigacage", Family::RuntimeHeap),
        (64, "JS JIT generated code", Family::Jit),
        (65, "JS VM Isolated Heap", Family::RuntimeHeap),
        (73, "Kernel Alloc Once", Family::Malloc),
        (94, "CoreMedia memory pool", Family::VmAllocate),
        (230, "Rosetta Generic", Family::VmAllocate),
        (232, "Rosetta IndirectBranch", Family::Jit),
        (234, "Rosetta JIT", Family::Jit),
        (88, "IOSurface", Family::Kernel),
    ] {
        let label = label(number);
        assert_eq!((label.region_type.name(), label.region_type.family()), (name, family));
        assert_eq!((label.confidence, label.detail), (Confidence::Sure, None));
    }
    assert_eq!(label(30).region_type, types::STACK, "one word on every system");
}

#[test]
fn untagged_and_unnamed_memory_is_unexplained() {
    let untagged = label(0);
    assert_eq!((untagged.region_type, untagged.detail), (types::VM_ALLOCATE, None));
    for unknown in [14, 59, 110, 238, 256, u32::MAX] {
        let label = label(unknown);
        assert_eq!(label.region_type, types::VM_ALLOCATE);
        assert_eq!(label.detail.as_deref(), Some(&*format!("VM_MEMORY tag {unknown}")));
        assert_eq!(label.confidence, Confidence::Unknown);
    }
}

#[test]
fn share_modes_read_as_vmmap_prints_them() {
    let names: Vec<_> = (0..=9).map(|n| share_mode(n).map_or("?", |mode| mode.name())).collect();
    assert_eq!(names, ["?", "COW", "PRV", "NUL", "ALI", "SHM", "P/A", "S/A", "LPG", "?"]);
}

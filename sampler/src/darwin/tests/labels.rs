//! Types of regions.

use crate::darwin::entry::{Entry, Leaf};
use crate::darwin::regions::{labels, regions};
use crate::darwin::tests::{entry, leaf, object};
use crate::label::Confidence;
use crate::vocabulary::Family;

/// The type, family and confidence of each of `leaves`.
fn types(leaves: Vec<Leaf>) -> Vec<(String, Family, Confidence)> {
    let regions = regions(&leaves, 4096, None, &[]);
    let again = labels(&regions);
    assert!(
        regions.iter().map(|region| &region.identity.label).eq(&again),
        "the same labels again"
    );
    regions
        .iter()
        .map(|region| {
            let label = &region.identity.label;
            let name = match &label.detail {
                Some(detail) => format!("{} {detail}", label.region_type),
                None => label.region_type.to_string(),
            };
            (name, label.region_type.family(), label.confidence)
        })
        .collect()
}

fn name(entry: Entry) -> String {
    types(vec![leaf(entry)])[0].0.clone()
}

fn file(start: u64, rights: (u8, u8), path: &str) -> Leaf {
    let (protection, max_protection) = rights;
    let entry =
        Entry { protection, max_protection, external_pager: true, share_mode: 1, ..entry(start) };
    Leaf { object: Some(object(path)), ..leaf(entry) }
}

#[test]
fn segments_of_an_image_follow_from_rights() {
    let found = types(vec![
        file(0x1000, (5, 5), "/bin/demo"),
        file(0x5000, (1, 3), "/bin/demo"),
        file(0x9000, (3, 3), "/bin/demo"),
        file(0xd000, (1, 1), "/bin/demo"),
        file(0x2_0000, (1, 1), "/share/data"),
    ]);
    let names: Vec<_> = found.iter().map(|(name, ..)| &**name).collect();
    assert_eq!(names, ["__TEXT", "__DATA_CONST", "__DATA", "__LINKEDIT", "mapped file"]);
    assert!(
        found[..4]
            .iter()
            .all(|(_, family, sure)| { (*family, *sure) == (Family::Image, Confidence::Likely) })
    );
    assert_eq!(found[4].1, Family::MappedFile);
}

/// Part of the shared cache as the kernel reports it: no tag, no path, a submap around it.
fn cached(start: u64, rights: (u8, u8)) -> Entry {
    let (protection, max_protection) = rights;
    Entry {
        protection,
        max_protection,
        depth: 1,
        external_pager: true,
        shadow_depth: 1,
        share_mode: 1,
        ..entry(start)
    }
}

#[test]
fn the_shared_cache_is_images() {
    for (rights, expected) in [((5, 5), "__TEXT"), ((3, 3), "__DATA"), ((1, 1), "__LINKEDIT")] {
        for container in [Some(32), Some(35), Some(0)] {
            let part = Leaf { container_tag: container, ..leaf(cached(0x1000, rights)) };
            assert_eq!(types(vec![part]), [(expected.into(), Family::Image, Confidence::Likely)]);
        }
    }
    // Written pages are no longer the file's, but the cache is around them.
    let written = Entry { external_pager: false, ..cached(0x1000, (3, 3)) };
    let part = Leaf { container_tag: Some(32), ..leaf(written) };
    assert_eq!(types(vec![part])[0].0, "__DATA");
    let comm_page = Entry { external_pager: false, share_mode: 4, ..cached(0x1000, (1, 1)) };
    let comm_page = Leaf { container_tag: Some(0), ..leaf(comm_page) };
    assert_eq!(types(vec![comm_page])[0].0, "VM_ALLOCATE", "a submap, but no cache");
}

#[test]
fn copied_data_of_the_cache_are_data() {
    for shadow_depth in [0, 1, 2] {
        for external_pager in [false, true] {
            let copied = Entry { user_tag: 35, shadow_depth, external_pager, ..entry(0x1000) };
            assert_eq!(name(copied), "__DATA");
        }
    }
    assert_eq!(name(Entry { user_tag: 32, shadow_depth: 2, ..entry(0x1000) }), "__DATA");
    let none = Entry { user_tag: 35, share_mode: 3, protection: 0, ..entry(0x1000) };
    assert_eq!(name(none), "unshared pmap", "no object behind it");
}

#[test]
fn a_segment_written_as_a_whole_stays_one() {
    let found = types(vec![
        file(0x1000, (5, 5), "/bin/demo"),
        Leaf { object: Some(object("/bin/demo")), ..leaf(entry(0x5000)) },
    ]);
    assert_eq!(found[1], ("__DATA".into(), Family::Image, Confidence::Likely));
}

#[test]
fn a_file_without_a_name_is_a_mapped_file() {
    let unlinked = Entry { external_pager: true, share_mode: 1, ..entry(0x1000) };
    assert_eq!(
        types(vec![leaf(unlinked)]),
        [("mapped file".into(), Family::MappedFile, Confidence::Likely)]
    );
}

#[test]
fn tags_decide_for_anonymous_memory() {
    for (user_tag, expected) in [
        (0, "VM_ALLOCATE"),
        (1, "MALLOC metadata"),
        (7, "MALLOC_TINY"),
        (30, "Stack"),
        (70, "Image IO"),
        (240, "Memory Tag 240"),
        (14, "VM_ALLOCATE VM_MEMORY tag 14"),
        (300, "VM_ALLOCATE VM_MEMORY tag 300"),
        (u32::MAX, "owned unmapped memory"),
    ] {
        assert_eq!(name(Entry { user_tag, ..entry(0x1000) }), expected);
    }
    // A tag outlives the file: memory that an allocator took from one.
    let mut tagged = file(0x1000, (3, 3), "/tmp/arena");
    tagged.entry.user_tag = 2;
    assert_eq!(types(vec![tagged])[0].0, "MALLOC_SMALL");
}

#[test]
fn inaccessible_memory_is_reserved() {
    for (user_tag, expected) in [
        (0, "VM_ALLOCATE"),
        (1, "MALLOC guard page"),
        (13, "MALLOC guard page"),
        (30, "STACK GUARD"),
        (31, "Guard"),
    ] {
        let found = types(vec![leaf(Entry { user_tag, protection: 0, ..entry(0x1000) })]);
        assert_eq!((&*found[0].0, found[0].1), (expected, Family::Reserved));
    }
    // Only malloc's own tags have its guard pages.
    for (user_tag, expected) in [
        (53, "WebKit Malloc"),
        (61, "dyld malloc memory"),
        (73, "Kernel Alloc Once"),
        (88, "IOSurface"),
    ] {
        assert_eq!(name(Entry { user_tag, protection: 0, ..entry(0x1000) }), expected);
    }
}

#[test]
fn memory_of_which_no_page_was_used_is_reserved_under_its_own_name() {
    for (user_tag, expected) in [
        (0, "VM_ALLOCATE (reserved)"),
        (1, "MALLOC (reserved)"),
        (3, "MALLOC_LARGE (reserved)"),
        (11, "MALLOC_NANO (reserved)"),
        (21, "IOKit (reserved)"),
        (30, "Stack (reserved)"),
        (53, "WebKit Malloc (reserved)"),
        (63, "JS VM Gigacage (reserved)"),
        (14, "VM_ALLOCATE (reserved) VM_MEMORY tag 14"),
    ] {
        let empty = Entry { user_tag, share_mode: 3, object_id: 0, ..entry(0x1000) };
        let found = types(vec![leaf(empty)]);
        assert_eq!((&*found[0].0, found[0].1), (expected, Family::Reserved));
        let closed = Entry { protection: 0, ..empty };
        assert!(!types(vec![leaf(closed)])[0].0.contains("(reserved)"), "nobody may use it");
    }
}

#[test]
fn untagged_memory_between_processes_is_shared_memory() {
    for share_mode in 1..=8 {
        let expected = match share_mode {
            3 => "VM_ALLOCATE (reserved)",
            5 => "shared memory",
            _ => "VM_ALLOCATE",
        };
        assert_eq!(name(Entry { share_mode, ..entry(0x1000) }), expected, "{share_mode}");
    }
}

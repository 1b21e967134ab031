//! Types of regions.

use crate::darwin::entry::{Entry, Leaf};
use crate::darwin::regions::{labels, regions};
use crate::darwin::tests::{entry, leaf};
use crate::label::Confidence;
use crate::vocabulary::Family;

/// The type, family and confidence of each of `leaves`.
fn types(leaves: Vec<Leaf>) -> Vec<(String, Family, Confidence)> {
    let regions = regions(leaves, 4096, &[]);
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
    Leaf { path: Some(path.into()), ..leaf(entry) }
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

#[test]
fn the_shared_cache_is_images() {
    for (rights, expected) in [((5, 5), "__TEXT"), ((3, 3), "__DATA"), ((1, 1), "__LINKEDIT")] {
        let mut part = file(0x1000, rights, "/dyld_shared_cache_arm64e.01");
        part.entry.user_tag = 32;
        part.entry.depth = 1;
        assert_eq!(types(vec![part])[0].0, expected);
    }
    let copied = Entry { user_tag: 32, shadow_depth: 2, ..entry(0x1000) };
    assert_eq!(name(copied), "__DATA", "a part written to");
    assert_eq!(name(Entry { user_tag: 32, ..entry(0x1000) }), "shared pmap", "no file behind it");
}

#[test]
fn tags_decide_for_anonymous_memory() {
    for (user_tag, expected) in [
        (0, "VM_ALLOCATE"),
        (1, "MALLOC"),
        (7, "MALLOC_TINY"),
        (30, "Stack"),
        (70, "Image IO"),
        (240, "Memory Tag 240"),
        (14, "VM_ALLOCATE VM_MEMORY tag 14"),
        (300, "VM_ALLOCATE VM_MEMORY tag 300"),
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
    for (user_tag, expected) in
        [(0, "reserved"), (1, "MALLOC guard page"), (30, "STACK GUARD"), (31, "Guard")]
    {
        let found = types(vec![leaf(Entry { user_tag, protection: 0, ..entry(0x1000) })]);
        assert_eq!((&*found[0].0, found[0].1), (expected, Family::Reserved));
    }
    assert_eq!(name(Entry { user_tag: 88, protection: 0, ..entry(0x1000) }), "IOSurface");
}

#[test]
fn untagged_memory_between_processes_is_shared_memory() {
    for share_mode in 1..=8 {
        let shared = matches!(share_mode, 4 | 5 | 7);
        let expected = if shared { "shared memory" } else { "VM_ALLOCATE" };
        assert_eq!(name(Entry { share_mode, ..entry(0x1000) }), expected, "{share_mode}");
    }
}

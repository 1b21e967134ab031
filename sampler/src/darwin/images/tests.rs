//! Lists of images in test memory: true ones, changing ones and nonsense.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use crate::darwin::entry::{Entry, Leaf};
use crate::darwin::images::{DyldInfo, Images, Read};
use crate::darwin::regions::regions;
use crate::darwin::tests::{entry, leaf, object};
use crate::label::Label;
use crate::region::{AddressRange, Region};

/// Memory of which some pieces can be read.
#[derive(Clone, Default)]
struct Pieces {
    pieces: BTreeMap<u64, Vec<u8>>,
    reads: usize,
    bytes: usize,
}

impl Read for Pieces {
    fn read(&mut self, address: u64, into: &mut [u8]) -> bool {
        self.reads += 1;
        self.bytes += into.len();
        let Some((start, piece)) = self.pieces.range(..=address).next_back() else { return false };
        let at = usize::try_from(address - start).unwrap();
        let Some(bytes) = piece.get(at..).and_then(|piece| piece.get(..into.len())) else {
            return false;
        };
        into.copy_from_slice(bytes);
        true
    }
}

impl Pieces {
    fn put(&mut self, address: u64, bytes: &[u8]) {
        let mut page = vec![0; bytes.len().next_multiple_of(4096) + 4096];
        page[..bytes.len()].copy_from_slice(bytes);
        self.pieces.insert(address, page);
    }
}

const INFOS: u64 = 0x1_0000;
const ARRAY: u64 = 0x2_0000;
const PATHS: u64 = 0x4_0000;
const CACHE: u64 = 0x1_8000_0000;
const INFO: DyldInfo = DyldInfo { address: INFOS, is_64_bit: true };

/// Name, unslid address and size of each segment.
type Segments<'a> = &'a [(&'a str, u64, u64)];

fn header(segments: Segments<'_>) -> Vec<u8> {
    let mut commands = Vec::new();
    for (name, address, size) in segments {
        let mut command = [0x19_u32.to_le_bytes(), 72_u32.to_le_bytes()].concat();
        let mut name = name.as_bytes().to_vec();
        name.resize(16, 0);
        command.extend(name);
        command.extend(address.to_le_bytes());
        command.extend(size.to_le_bytes());
        command.resize(72, 0);
        commands.extend(command);
    }
    commands.extend([0x1b_u32.to_le_bytes(), 24_u32.to_le_bytes()].concat());
    commands.extend([7; 16]);
    let words =
        [0xfeed_facf, 0x0100_000c, 2, 6, segments.len() as u32 + 1, commands.len() as u32, 0, 0];
    let mut header: Vec<u8> = words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    header.extend(commands);
    header
}

/// A process with those images: path, load address, segments.
fn process(images: &[(&str, u64, Segments<'_>)], changed: u64) -> Pieces {
    let mut memory = Pieces::default();
    let mut infos = vec![0; 368];
    let mut put = |at: usize, bytes: &[u8]| infos[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &18_u32.to_le_bytes());
    put(4, &(images.len() as u32).to_le_bytes());
    put(8, &ARRAY.to_le_bytes());
    put(176, &CACHE.to_le_bytes());
    put(184, &changed.to_le_bytes());
    memory.put(INFOS, &infos);
    let (mut array, mut paths) = (Vec::new(), Vec::new());
    for (path, load, segments) in images {
        array.extend(load.to_le_bytes());
        array.extend((PATHS + paths.len() as u64).to_le_bytes());
        array.extend([0; 8]);
        paths.extend(path.as_bytes());
        paths.push(0);
        memory.put(*load, &header(segments));
    }
    memory.put(ARRAY, &array);
    memory.put(PATHS, &paths);
    let mut cache = vec![0; 552];
    cache[..16].copy_from_slice(b"dyld_v1  arm64e\0");
    cache[88..104].copy_from_slice(&[9; 16]);
    cache[232..240].copy_from_slice(&0x1000_0000_u64.to_le_bytes());
    memory.put(CACHE, &cache);
    memory
}

const DEMO: Segments<'static> = &[
    ("__PAGEZERO", 0, 0x1_0000_0000),
    ("__TEXT", 0x1_0000_0000, 0x8000),
    ("__DATA", 0x1_0000_8000, 0x4000),
    ("__EMPTY", 0x1_0000_c000, 0),
    ("__LINKEDIT", 0x1_0000_c000, 0x1000),
];
const LIB: Segments<'static> = &[
    ("__TEXT", CACHE + 0x1000, 0x1f00),
    ("__DATA", CACHE + 0x10_0010, 0x98),
    ("__LINKEDIT", CACHE + 0x20_0000, 0x1000),
];
const OBJC: Segments<'static> = &[
    ("__TEXT", CACHE + 0x4000, 0x3000),
    ("__DATA", CACHE + 0x10_00a8, 0x1f58),
    ("__LINKEDIT", CACHE + 0x20_0000, 0x1000),
];

fn demo(changed: u64) -> Pieces {
    process(
        &[
            ("/bin/demo", 0x2_0000_0000, DEMO),
            ("/usr/lib/libSystem.dylib", CACHE + 0x1000, LIB),
            ("/usr/lib/libobjc.dylib", CACHE + 0x4000, OBJC),
        ],
        changed,
    )
}

fn segment(images: &Images, start: u64, end: u64) -> Option<(String, String)> {
    let (image, segment) = images.segment(AddressRange::new(start, end))?;
    Some((image.loaded.path.to_string(), segment.name.to_string()))
}

#[test]
fn segments_lie_where_the_image_was_loaded() {
    let images = Images::read(&mut demo(1), INFO, None).unwrap();
    let named = |start, end| segment(&images, start, end).map(|(_, name)| name);
    assert_eq!(named(0x2_0000_0000, 0x2_0000_8000).as_deref(), Some("__TEXT"));
    assert_eq!(named(0x2_0000_8000, 0x2_0000_9000).as_deref(), Some("__DATA"), "a part of it");
    assert_eq!(named(0x2_0000_7000, 0x2_0000_9000), None, "parts of two");
    assert_eq!(named(0x1_0000_0000, 0x1_0000_1000), None, "the address before it was slid");
    assert_eq!(named(0x2_0000_d000, 0x2_0000_d000), None, "empty");
    let demo = &images.images[0];
    assert_eq!((demo.loaded.uuid, demo.cpu), (Some([7; 16]), Some((0x0100_000c, 2))));
    assert_eq!(demo.loaded.segments.len(), 3, "neither __PAGEZERO nor an empty one");
}

#[test]
fn libraries_of_the_cache_are_counted_and_their_common_part_is_nobodys() {
    let images = Images::read(&mut demo(1), INFO, None).unwrap();
    let cache = images.cache.unwrap();
    assert_eq!((cache.range.end, cache.uuid), (CACHE + 0x1000_0000, [9; 16]));
    let count = |start, end| images.count(AddressRange::new(CACHE + start, CACHE + end));
    assert_eq!(count(0, 0x10_0000), 2);
    assert_eq!(count(0x1000, 0x2000), 1);
    assert_eq!(count(0x10_0000, 0x10_4000), 2, "two share a page");
    assert_eq!(count(0x20_0000, 0x20_1000), 0);
    assert_eq!(segment(&images, CACHE + 0x20_0000, CACHE + 0x20_1000), None);
    let common = |end| images.in_common(AddressRange::new(CACHE + 0x20_0000, CACHE + end));
    assert!(common(0x20_1000) && !common(0x20_2000));
    assert!(images.in_cache(AddressRange::new(CACHE, CACHE + 0x1000)));
    assert!(!images.in_cache(AddressRange::new(CACHE - 1, CACHE + 0x1000)));
}

#[test]
fn an_unchanged_list_costs_one_read() {
    let first = Images::read(&mut demo(5), INFO, None).unwrap();
    let mut memory = demo(5);
    let again = Images::read(&mut memory, INFO, Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(memory.reads, 1);
}

#[test]
fn a_changed_list_reads_new_images_only() {
    let first = Images::read(&mut demo(5), INFO, None).unwrap();
    let mut memory = process(
        &[
            ("/bin/demo", 0x2_0000_0000, DEMO),
            ("/usr/lib/libSystem.dylib", CACHE + 0x1000, LIB),
            ("/usr/lib/libobjc.dylib", CACHE + 0x4000, OBJC),
            ("/usr/lib/new.dylib", 0x3_0000_0000, DEMO),
        ],
        6,
    );
    let second = Images::read(&mut memory, INFO, Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first.loaded[2], &second.loaded[2]));
    assert_eq!(second.images.len(), 4);
    assert_eq!(memory.reads, 2 + 3, "list, array, and the new one's path, header, commands");
    let third =
        Images::read(&mut process(&[("/bin/demo", 0x2_0000_0000, DEMO)], 7), INFO, Some(&second));
    assert_eq!(third.unwrap().images.len(), 1, "unloaded");
}

#[test]
fn a_list_that_dyld_is_changing_stays_as_it_was() {
    let first = Images::read(&mut demo(5), INFO, None).unwrap();
    let mut changing = demo(6);
    changing.pieces.get_mut(&INFOS).unwrap()[8..16].fill(0);
    assert!(Arc::ptr_eq(&first, &Images::read(&mut changing, INFO, Some(&first)).unwrap()));
    assert_eq!(Images::read(&mut changing, INFO, None), None);
    let mut gone = Pieces::default();
    assert!(Arc::ptr_eq(&first, &Images::read(&mut gone, INFO, Some(&first)).unwrap()));
    for info in [DyldInfo { address: 0, ..INFO }, DyldInfo { is_64_bit: false, ..INFO }] {
        assert_eq!(Images::read(&mut demo(5), info, None), None);
    }
}

#[test]
fn what_cannot_be_read_costs_a_name() {
    let mut memory = demo(1);
    memory.pieces.remove(&(CACHE + 0x1000));
    memory.pieces.remove(&PATHS);
    let images = Images::read(&mut memory, INFO, None).unwrap();
    assert_eq!(&*images.loaded[0].path, "?");
    assert_eq!(images.loaded[1].segments.len(), 0);
    assert_eq!(images.loaded[2].segments.len(), 3);

    let mut absurd = demo(1);
    absurd.pieces.get_mut(&0x2_0000_0000).unwrap()[20..24].fill(0xff);
    assert!(Images::read(&mut absurd, INFO, None).unwrap().loaded[0].segments.is_empty());

    let mut detached = demo(1);
    detached.pieces.get_mut(&INFOS).unwrap()[24] = 1;
    assert_eq!(Images::read(&mut detached, INFO, None).unwrap().cache, None);

    let mut many = demo(1);
    many.pieces.get_mut(&INFOS).unwrap()[4..8].fill(0xff);
    assert_eq!(Images::read(&mut many, INFO, None), None, "the array ends before");
}

#[test]
fn a_path_may_cross_a_page_and_has_an_end() {
    for (length, is_read) in [(1023, true), (1024, false)] {
        let path = format!("/{}", "a".repeat(length - 1));
        let images =
            Images::read(&mut process(&[(&path, 0x2_0000_0000, DEMO)], 1), INFO, None).unwrap();
        assert_eq!(*images.loaded[0].path == *path, is_read);
    }
    let mut paths = demo(1);
    let text = paths.pieces.remove(&PATHS).unwrap();
    let shifted = [vec![b'x'; 4096 - 5], text].concat();
    paths.put(PATHS - 4096 + 5, &shifted);
    let images = Images::read(&mut paths, INFO, None).unwrap();
    assert_eq!(&*images.loaded[0].path, "/bin/demo");
}

proptest! {
    #[test]
    fn random_bytes_never_panic_and_cost_little(
        noise in proptest::collection::vec((0_usize..4, 0_usize..700, any::<u8>()), 0..200),
        starts in proptest::collection::vec(any::<u64>(), 0..4),
    ) {
        let mut memory = demo(1);
        let keys: Vec<u64> = memory.pieces.keys().copied().collect();
        for (piece, at, byte) in noise {
            memory.pieces.get_mut(&keys[piece % keys.len()]).unwrap()[at] = byte;
        }
        if let Some(images) = Images::read(&mut memory, INFO, None) {
            for start in starts {
                let range = AddressRange::new(start, start.saturating_add(0x4000));
                images.segment(range);
                images.count(range);
            }
            for image in &images.images {
                for segment in &image.loaded.segments {
                    prop_assert!(segment.range.start < segment.range.end);
                }
            }
            let all = AddressRange::new(0, u64::MAX);
            prop_assert!(images.count(all) <= images.images.len());
        }
        prop_assert!(memory.bytes <= 64 << 20);
    }

    #[test]
    fn a_segment_found_holds_the_range_and_overlaps_no_other(
        places in proptest::collection::vec((0_u64..64, 1_u64..16), 1..12),
        start in 0_u64..80,
        size in 1_u64..8,
    ) {
        let names = ["__TEXT", "__DATA", "__A", "__B", "__C", "__D", "__E", "__F", "__G", "__H", "__I", "__J"];
        let base = 0x5_0000_0000;
        let mut segments: Vec<_> = places
            .iter()
            .zip(names)
            .map(|((at, size), name)| (name, base + at * 0x1000, size * 0x1000))
            .collect();
        segments[0].1 = base;
        let images = Images::read(&mut process(&[("/a", base, &segments)], 1), INFO, None).unwrap();
        let range = AddressRange::new(base + start * 0x1000, base + (start + size) * 0x1000);
        if let Some((_, found)) = images.segment(range) {
            prop_assert!(found.range.start <= range.start && range.end <= found.range.end);
            prop_assert_eq!(images.count(range), 1);
        }
    }
}

/// The text of each region's label, with its object.
fn shown(leaves: &[Leaf], images: &Images, before: &[Region]) -> (Vec<Region>, Vec<String>) {
    let regions = regions(leaves, 0x4000, Some(images), before);
    let text = |region: &Region| {
        let Label { region_type, detail, rule, .. } = &region.identity.label;
        let object = region.identity.object.as_ref().map_or("-", |object| &*object.name);
        format!("{region_type}|{}|{}|{object}", detail.as_deref().unwrap_or("-"), rule.name())
    };
    let texts = regions.iter().map(text).collect();
    (regions, texts)
}

#[test]
fn regions_have_the_name_of_their_segment_and_the_file_of_its_image() {
    let images = Images::read(&mut demo(1), INFO, None).unwrap();
    let at =
        |start: u64, protection: u8| leaf(Entry { protection, object_id: start, ..entry(start) });
    let text = Leaf { object: Some(object("/bin/demo")), ..at(0x2_0000_0000, 5) };
    // A written part has no file of its own; memory beside the image has none at all.
    let mut leaves = vec![text, at(0x2_0000_8000, 3), at(0x2_0010_0000, 3)];
    let (before, texts) = shown(&leaves, &images, &[]);
    assert_eq!(
        texts,
        ["__TEXT|-|image|/bin/demo", "__DATA|-|image|/bin/demo", "VM_ALLOCATE|-|tag|-"]
    );
    // Without the file of its header an image has the path of dyld's list.
    leaves[0].object = None;
    let (_, texts) = shown(&leaves[1..2], &images, &[]);
    assert_eq!(texts, ["__DATA|-|image|/bin/demo"]);
    // What a tag names is no part of an image.
    leaves[1].entry.user_tag = 1;
    let (_, texts) = shown(&leaves[1..2], &images, &before);
    assert!(texts[0].starts_with("MALLOC"), "{texts:?}");
}

#[test]
fn parts_of_the_cache_say_how_many_libraries_they_hold() {
    let images = Images::read(&mut demo(1), INFO, None).unwrap();
    let part = |start: u64, size: u64, protection| {
        let entry =
            Entry { size, protection, depth: 1, external_pager: true, ..entry(CACHE + start) };
        Leaf { container_tag: Some(32), ..leaf(entry) }
    };
    let leaves = [
        part(0x1000, 0x3000, 5),
        part(0x1_0000, 0x1000, 5),
        part(0x10_0000, 0x4000, 3),
        part(0x20_0000, 0x1000, 1),
    ];
    let (before, texts) = shown(&leaves, &images, &[]);
    let details: Vec<&str> = texts.iter().filter_map(|text| text.split('|').nth(1)).collect();
    assert_eq!(
        details,
        [
            "dyld shared cache, 1 library",
            "dyld shared cache",
            "dyld shared cache, 2 libraries",
            "dyld shared cache combined __LINKEDIT",
        ]
    );
    // A library that is loaded elsewhere makes no other region of it.
    let fewer = Images::read(&mut process(&[("/bin/demo", 0x2_0000_0000, DEMO)], 1), INFO, None);
    let (_, again) = shown(&leaves, &fewer.unwrap(), &before);
    assert_eq!(again, texts);
}

//! Made-up zones: their blocks, classes, leaks and texts, and lists and bytes that lie.

use proptest::prelude::*;

use super::listed::{Search, ZoneLists, read};
use super::maps::{maps, place};
use super::wire::{Stop, bytes, parse};
use crate::heap::maps::Maps;
use crate::heap::roots::ThreadRoots;
use crate::heap::snapshot::{Heap, HeapProblem, RangeKind};
use crate::heap::target::{Pages, Target};
use crate::label::{Confidence, Label};
use crate::quantity::Quantities;
use crate::region::{AddressRange, Identity, Protection, Provenance, Region};
use crate::rule::Rule;
use crate::vocabulary::{Family, RegionType};

const IMAGE: u64 = 0x1_0000_0000;
const HEAP: u64 = 0x1_2000_0000;
const STACK: u64 = 0x1_6000_0000;
const BYTES: u64 = 0x4000;

fn range(start: u64, bytes: u64) -> AddressRange {
    AddressRange::new(start, start + bytes)
}

/// Three pieces of memory: an image's data, a zone's, a stack.
struct Memory([(u64, Vec<u8>); 3]);

impl Memory {
    fn new() -> Self {
        Self([IMAGE, HEAP, STACK].map(|start| (start, vec![0; BYTES as usize])))
    }

    fn put(&mut self, address: u64, bytes: &[u8]) {
        for (start, memory) in &mut self.0 {
            if (*start..*start + BYTES).contains(&address) {
                let at = (address - *start) as usize;
                memory[at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }

    fn set(&mut self, address: u64, word: u64) {
        self.put(address, &word.to_ne_bytes());
    }

    /// Writes a class with that name, as the runtime of Objective-C has it, and its own class.
    fn class(&mut self, at: u64, name: &str) {
        let (meta, constant, of_meta) = (at + 0x100, at + 0x200, at + 0x300);
        self.set(at, meta);
        // A class that was used: its data lead to an extension, and that to the constant part.
        self.set(at + 32, (at + 0x400) | 2);
        self.set(at + 0x400, 1 << 31);
        self.set(at + 0x408, (at + 0x480) | 1);
        self.set(at + 0x480, constant);
        self.set(constant + 24, at + 0x500);
        self.put(at + 0x500, format!("{name}\0").as_bytes());
        // Its class was not used yet.
        self.set(meta + 32, of_meta);
        self.set(of_meta, 1);
        self.set(of_meta + 24, at + 0x500);
    }

    fn heap(&self, zones: &[ZoneLists], threads: &[ThreadRoots]) -> Heap {
        let mut read_at = |address: u64, buffer: &mut [u8]| {
            self.0
                .iter()
                .find_map(|(start, memory)| {
                    let from = usize::try_from(address.checked_sub(*start)?).ok()?;
                    let rest = memory.get(from..).filter(|rest| !rest.is_empty())?;
                    let count = rest.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&rest[..count]);
                    Some(count)
                })
                .unwrap_or(0)
        };
        let mut populated = |range: AddressRange, _: Pages| vec![range];
        let mut target = Target::new(&mut read_at, &mut populated, &|| false);
        let search = Search { leaks: Some(threads), texts: Some(2), is_arm: true };
        read(&mut target, &regions_maps(), zones, &search).unwrap()
    }
}

fn region(start: u64, family: Family, rights: u8) -> Region {
    Region {
        identity: std::sync::Arc::new(Identity {
            range: range(start, BYTES),
            protection: Protection::from_bits(rights),
            max_protection: None,
            object: None,
            offset: 0,
            flags: "".into(),
            label: Label {
                region_type: RegionType::named("x", family),
                detail: None,
                confidence: Confidence::Sure,
                rule: Rule::Tag,
            },
        }),
        share_mode: None,
        provenance: Provenance::Measured,
        quantities: Quantities::UNKNOWN,
    }
}

fn regions() -> [Region; 4] {
    [
        region(IMAGE, Family::Image, 3),
        region(HEAP, Family::Malloc, 3),
        region(STACK - BYTES, Family::Reserved, 0),
        region(STACK, Family::Stack, 3),
    ]
}

fn regions_maps() -> Maps {
    maps(&regions())
}

#[test]
fn zones_have_blocks_of_classes_that_leak_or_are_held() {
    let mut memory = Memory::new();
    memory.class(IMAGE + 0x1000, "_TtC4Demo4Book");
    let isa = 0x01a0_0000_0001 | (IMAGE + 0x1000);
    // An object that a register holds, what it holds, and two that hold each other.
    for (at, holds) in [(0x100, 0x200), (0x300, 0x400), (0x400, 0x300)] {
        memory.set(HEAP + at, isa);
        memory.set(HEAP + at + 8, HEAP + holds);
    }
    for at in [0x200, 0x500] {
        memory.put(HEAP + at, b"the same\0");
    }
    // A word below the stack pointer is stale; one above keeps its block.
    memory.set(STACK + 0x100, HEAP + 0x300);
    memory.set(STACK + 0x2000, HEAP + 0x500);
    let mut threads = [ThreadRoots {
        registers: vec![HEAP + 0x108],
        stack_pointer: Some(STACK + 0x1000),
        thread_pointer: None,
    }];
    place(&mut threads, &regions_maps(), &regions());
    assert_eq!(threads[0].thread_pointer, Some(STACK + BYTES - 8));
    let blocks = [0x100, 0x200, 0x300, 0x400, 0x500].map(|at| range(HEAP + at, 0x20));
    let zones = [
        ZoneLists::default(),
        ZoneLists {
            ranges: vec![range(HEAP, 0x3000)],
            own: vec![range(HEAP + 0x2000, 0x2000)],
            blocks: blocks.to_vec(),
        },
    ];
    let heap = memory.heap(&zones, &threads);
    assert_eq!((heap.arenas, heap.blocks.len(), &heap.problems), (2, 5, &Vec::new()));
    let classes: Vec<Option<&str>> = (heap.blocks.iter())
        .map(|block| heap.classes.get(block.class() as usize).and_then(|name| name.as_deref()))
        .collect();
    let book = Some("Demo.Book");
    assert_eq!(classes, [book, None, book, book, None]);
    let leaks: Vec<_> = (heap.leaks.iter().flatten())
        .map(|leak| (leak.block.address() - HEAP, leak.held.blocks, leak.held.bytes))
        .collect();
    assert_eq!(leaks, [(0x300, 1, 0x20)], "one of the circle, which holds the other");
    let copies = &heap.copies.as_ref().unwrap()[0];
    assert_eq!((copies.tally.blocks, &*heap.texts), (2, &["the same".to_owned()][..]));
    let ranges: Vec<_> = (heap.ranges.iter())
        .map(|it| (it.range, it.kind, it.used.blocks, it.free.blocks, it.overhead_bytes))
        .collect();
    assert_eq!(
        ranges,
        [
            (range(HEAP, 0x3000), RangeKind::Zone(1), 5, 6, 0),
            (range(HEAP + 0x3000, 0x1000), RangeKind::Zone(1), 0, 0, 0x1000)
        ]
    );
}

#[test]
fn a_heap_comes_whole_to_the_parent() {
    let mut memory = Memory::new();
    memory.class(IMAGE + 0x1000, "DEMBook");
    // An object, the class of its class taken for one, and two texts.
    memory.set(HEAP + 0x100, IMAGE + 0x1000);
    memory.set(HEAP + 0x200, IMAGE + 0x1100);
    for at in [0x300, 0x400] {
        memory.put(HEAP + at, b"the same\0");
    }
    let blocks = [0x100, 0x200, 0x300, 0x400].map(|at| range(HEAP + at, 0x20)).to_vec();
    let zone = ZoneLists { ranges: vec![range(HEAP, 0x1000)], own: Vec::new(), blocks };
    let mut heap = memory.heap(&[zone], &[]);
    assert_eq!(heap.classes.iter().flatten().collect::<Vec<_>>(), ["DEMBook"]);
    heap.problems = vec![
        HeapProblem::TooManyPointers,
        HeapProblem::RegistersUnknown { threads: 1 },
        HeapProblem::PackedPointers,
        HeapProblem::ZonesUnknown { zones: 2 },
        HeapProblem::BlocksOdd { blocks: 3 },
    ];
    let mut stop = Stop { heap, taken: (1, 2), stops: 3, stopped_ns: 4, threads: 5 };
    assert_eq!(parse(&bytes(&stop)).as_ref(), Some(&stop));
    (stop.heap.leaks, stop.heap.copies) = (None, None);
    assert_eq!(parse(&bytes(&stop)).as_ref(), Some(&stop));
}

#[test]
fn blocks_that_cannot_be_are_left_out_and_counted() {
    let zone = ZoneLists {
        ranges: vec![range(HEAP, 0x1000)],
        own: Vec::new(),
        // Sound, within it, at no block's place, across the end of the range, sound by itself.
        blocks: [(0x100, 0x40), (0x120, 0x20), (0x208, 0x20), (0xff0, 0x40), (0x2000, 0x100)]
            .map(|(at, bytes)| range(HEAP + at, bytes))
            .to_vec(),
    };
    let heap = Memory::new().heap(&[zone], &[]);
    assert_eq!(heap.problems, [HeapProblem::BlocksOdd { blocks: 3 }]);
    let found: Vec<u64> = heap.blocks.iter().map(|block| block.address() - HEAP).collect();
    assert_eq!(found, [0x100, 0x2000]);
    assert_eq!(heap.ranges[1].range, range(HEAP + 0x2000, 0x100));
}

fn lists() -> impl Strategy<Value = Vec<ZoneLists>> {
    let near = || (HEAP - 0x100..HEAP + BYTES + 0x100, 0_u64..0x2000);
    let ranges = move |aligned: bool| {
        let one = near().prop_map(move |(start, bytes)| {
            let mask = if aligned { !15 } else { !0 };
            AddressRange::new(start & mask, (start + bytes) & mask)
        });
        proptest::collection::vec(one, 0..12)
    };
    let zone = (ranges(false), ranges(false), (any::<bool>()).prop_flat_map(ranges))
        .prop_map(|(ranges, own, blocks)| ZoneLists { ranges, own, blocks });
    proptest::collection::vec(zone, 0..4)
}

proptest! {
    /// Whatever a process makes malloc list, the sums are those of the blocks, and nothing counts twice.
    #[test]
    fn lists_that_lie_give_a_sound_heap(zones in lists(), word: u64) {
        let mut memory = Memory::new();
        memory.set(HEAP + 0x100, word);
        let heap = memory.heap(&zones, &[]);
        let mut end = 0;
        let mut used = 0;
        for it in &heap.ranges {
            prop_assert!(it.range.start >= end);
            end = it.range.end;
            let sum = it.used.bytes + it.free.bytes + it.overhead_bytes;
            prop_assert_eq!(sum, it.range.virtual_bytes());
            used += it.used.bytes;
        }
        prop_assert_eq!(used, heap.blocks.iter().map(|block| block.bytes()).sum::<u64>());
        let stop = Stop { heap, taken: (1, 2), stops: 3, stopped_ns: 4, threads: 5 };
        let mut sent = bytes(&stop);
        let found = parse(&sent);
        prop_assert_eq!(found.as_ref(), Some(&stop));
        // Neither more nor less of it is a heap.
        sent.push(0);
        prop_assert_eq!(parse(&sent), None);
        sent.truncate(sent.len() - 9);
        prop_assert_eq!(parse(&sent), None);
    }

    #[test]
    fn any_bytes_are_no_heap(head in 0_usize..64, rest: Vec<u8>) {
        let heap = Memory::new().heap(&[], &[]);
        let sent = bytes(&Stop { heap, taken: (1, 2), stops: 3, stopped_ns: 4, threads: 5 });
        let _ = parse(&[&sent[..head.min(sent.len())], &rest].concat());
    }
}

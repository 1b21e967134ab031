//! The page of a heap, in whole.

use vmrec_sampler::{
    AddressRange, Block, Heap, HeapProblem, HeapRange, RangeKind, StoppedHeap, Tally, Timestamp,
};

use crate::fixture::recording;
use crate::heap::document::HeapDocument;
use crate::heap::group::HeapBy;
use crate::heap::problem::problem_text;
use crate::heap::table::heap_text;

/// A heap of two arenas and a mapped block.
fn found() -> StoppedHeap {
    let tally = |blocks, bytes| Tally { blocks, bytes };
    let none = Tally::default();
    let empty = HeapRange {
        range: AddressRange::new(0, 0),
        kind: RangeKind::Mapped,
        used: none,
        cached: none,
        fast: none,
        free: none,
        top_bytes: 0,
        overhead_bytes: 0,
        unwalked_bytes: 0,
    };
    let ranges = vec![
        HeapRange {
            range: AddressRange::new(0x5500_0000_0000, 0x5500_0000_2000),
            kind: RangeKind::Main,
            used: tally(3, 0x80),
            cached: tally(2, 0x60),
            top_bytes: 0x1000,
            unwalked_bytes: 0xf20,
            ..empty
        },
        HeapRange {
            range: AddressRange::new(0x7f00_0000_0000, 0x7f00_0000_3000),
            kind: RangeKind::Arena(1),
            used: tally(1, 0x1000),
            free: tally(1, 0x1ee0),
            overhead_bytes: 0x120,
            ..empty
        },
        HeapRange {
            range: AddressRange::new(0x7f00_0010_0000, 0x7f00_0020_0000),
            used: tally(1, 1 << 20),
            ..empty
        },
    ];
    let blocks = vec![
        Block::new(0x5500_0000_0010, 0x20, 1),
        Block::new(0x5500_0000_0030, 0x20, 1),
        Block::new(0x5500_0000_0050, 0x40, 0),
        Block::new(0x7f00_0000_0010, 0x1000, 2),
        Block::new(0x7f00_0010_0010, 1 << 20, 0),
    ];
    let heap = Heap {
        allocator: "glibc's malloc (layout of 2.27 to 2.42)".into(),
        arenas: 2,
        ranges,
        blocks,
        pools: None,
        classes: vec![None, Some("a\x1b[2J::Node".into()), None],
        leaks: None,
        copies: None,
        texts: vec![],
        problems: vec![HeapProblem::Broken { address: 0x5500_0000_1000, bytes: 0xf20 }],
    };
    let process = recording(1).process;
    let taken = Timestamp { utc_ns: 1_760_000_000_000_000_000, monotonic_ns: 5 };
    StoppedHeap { process, heap, taken, stops: 5, stopped_ns: 1_500_000, threads: 3 }
}

#[test]
fn a_page_by_class() {
    insta::assert_snapshot!(heap_text(&found(), HeapBy::Class, 3, 80));
}

#[test]
fn a_page_by_region() {
    insta::assert_snapshot!(heap_text(&found(), HeapBy::Region, 40, 80));
}

#[test]
fn a_document() {
    let mut bytes = Vec::new();
    crate::export::json::write(&mut bytes, &HeapDocument::new(&found())).unwrap();
    insta::assert_snapshot!(String::from_utf8(bytes).unwrap());
}

#[test]
fn problems_in_words() {
    let tally = |blocks, bytes| Tally { blocks, bytes };
    let problems = [
        HeapProblem::Missing { arena: 3, counted_bytes: 1 << 20, found_bytes: 0 },
        HeapProblem::ArenasBroken,
        HeapProblem::GroupsBroken { groups: 1 },
        HeapProblem::GroupsBroken { groups: 2 },
        HeapProblem::ListsBroken { lists: 1 },
        HeapProblem::ListsBroken { lists: 2 },
        HeapProblem::MappedDiffer { counted: tally(2, 8192), found: tally(1, 4096) },
    ];
    let text: Vec<String> = problems.iter().map(problem_text).collect();
    insta::assert_snapshot!(text.join("\n"));
}

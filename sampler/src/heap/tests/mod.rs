//! Walks of made-up heaps: whole, in the middle of a change, and of random bytes.

mod made_up;
mod musl;

use proptest::prelude::*;

use crate::heap::block::Tally;
use crate::heap::layout::LAYOUTS;
use crate::heap::snapshot::{Heap, HeapProblem, RangeKind};
use crate::heap::tests::made_up::{Chunk, MadeUp};

/// The sums of a heap's ranges are their sizes, whatever is in them.
fn check_sums(heap: &Heap) {
    for range in &heap.ranges {
        let parts = [
            range.used.bytes,
            range.cached.bytes,
            range.fast.bytes,
            range.free.bytes,
            range.top_bytes,
            range.overhead_bytes,
            range.unwalked_bytes,
        ];
        assert_eq!(parts.iter().sum::<u64>(), range.range.virtual_bytes(), "{range:?}");
    }
    let mut used = Tally::default();
    heap.ranges.iter().for_each(|range| used.add_all(range.used));
    let mut blocks = Tally::default();
    heap.blocks.iter().for_each(|block| blocks.add(block.bytes()));
    assert_eq!(used, blocks);
    assert!(heap.blocks.is_sorted_by_key(|block| block.address()));
}

#[test]
fn what_no_root_leads_to_is_leaked() {
    let chunk = Chunk { bytes: 64, used: true, fill: 0 };
    let mut heap = MadeUp::new(&LAYOUTS[0], &[chunk; 8]);
    let user = |index: u64| made_up::BRK + index * 64 + 16;
    // A register leads into 0, which leads to 1; data lead to 2.
    heap.registers = vec![user(0) + 24];
    heap.set(user(0) + 48, user(1));
    heap.set(made_up::DATA + 0x3000, user(2));
    // 3 leads to 4; 5 and 6 to each other; 7 to itself.
    heap.set(user(3), user(4) + 8);
    heap.set(user(5), user(6));
    heap.set(user(6), user(5));
    heap.set(user(7), user(7));
    let walked = heap.walk().unwrap();
    let leaks: Vec<(u64, u64)> = walked
        .leaks
        .iter()
        .flatten()
        .map(|leak| ((leak.block.address() - made_up::BRK) / 64, leak.held.blocks))
        .collect();
    assert_eq!(leaks, [(3, 1), (5, 1), (7, 0)]);
}

#[test]
fn copies_of_a_text_are_counted() {
    let mut heap = MadeUp::new(&LAYOUTS[0], &[Chunk { bytes: 64, used: true, fill: 0 }; 4]);
    for index in [0, 1, 3] {
        let at = index * 64 + 16;
        heap.brk[at..at + 9].copy_from_slice(b"a\ttext!\0\0");
    }
    let walked = heap.walk().unwrap();
    let copies = walked.copies.unwrap();
    assert_eq!((copies.len(), copies[0].tally.blocks, copies[0].wasted_bytes()), (1, 3, 128));
    assert_eq!(walked.texts, ["a\ttext!"]);
}

fn chunks() -> impl Strategy<Value = Vec<Chunk>> {
    let chunk = (2_u64..400, any::<bool>(), any::<u8>()).prop_map(|(units, used, fill)| Chunk {
        bytes: units * 16,
        used,
        fill,
    });
    prop::collection::vec(chunk, 0..200)
}

#[test]
fn a_chunk_in_use_is_a_block() {
    for layout in &LAYOUTS {
        let chunk = |bytes, used| Chunk { bytes, used, fill: 1 };
        let heap = MadeUp::new(layout, &[chunk(48, true), chunk(4096, false), chunk(1040, true)]);
        let heap = heap.walk().unwrap();
        check_sums(&heap);
        assert_eq!(heap.problems, []);
        let range = heap.ranges[0];
        assert_eq!(range.kind, RangeKind::Main);
        assert_eq!(range.used, Tally { blocks: 2, bytes: 1088 });
        assert_eq!(range.free, Tally { blocks: 1, bytes: 4096 });
        assert!(range.top_bytes > 0 && range.overhead_bytes == 0);
        let sizes: Vec<u64> = heap.blocks.iter().map(|block| block.bytes()).collect();
        assert_eq!(sizes, [48, 1040]);
    }
}

#[test]
fn a_process_without_arenas_has_no_heap() {
    let mut heap = MadeUp::new(&LAYOUTS[0], &[]);
    heap.data.fill(0);
    assert_eq!(heap.walk(), None);
}

#[test]
fn a_size_that_is_overwritten_ends_the_walk_there() {
    let chunk = Chunk { bytes: 64, used: true, fill: 0 };
    let mut heap = MadeUp::new(&LAYOUTS[0], &[chunk; 10]);
    heap.brk[64 * 5 + 8..64 * 5 + 16].fill(0x41);
    let walked = heap.walk().unwrap();
    check_sums(&walked);
    // The block before it may be in use or not.
    assert_eq!(walked.blocks.len(), 4);
    let at = made_up::BRK + 64 * 4;
    let bytes = heap.brk.len() as u64 - 64 * 4;
    assert_eq!(walked.problems, [HeapProblem::Broken { address: at, bytes }]);
}

proptest! {
    #[test]
    fn all_chunks_are_found(chunks in chunks(), layout in 0..LAYOUTS.len()) {
        let heap = MadeUp::new(&LAYOUTS[layout], &chunks).walk().unwrap();
        check_sums(&heap);
        prop_assert_eq!(&heap.problems, &[]);
        let used: Vec<u64> = chunks.iter().filter(|it| it.used).map(|it| it.bytes).collect();
        prop_assert_eq!(heap.blocks.iter().map(|it| it.bytes()).collect::<Vec<_>>(), used);
    }

    #[test]
    fn threads_caches_and_fast_lists_are_free(
        chunks in chunks(),
        picks in prop::collection::vec(any::<(prop::sample::Index, bool)>(), 0..20),
        masked: bool,
    ) {
        let mut heap = MadeUp::new(&LAYOUTS[0], &chunks);
        let kept = heap.cache(&picks, masked);
        let walked = heap.walk().unwrap();
        check_sums(&walked);
        prop_assert_eq!(&walked.problems, &[]);
        let range = walked.ranges[0];
        prop_assert_eq!((range.cached, range.fast), kept);
    }

    #[test]
    fn damage_is_bounded_and_reported(
        chunks in chunks(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..30),
    ) {
        let mut heap = MadeUp::new(&LAYOUTS[0], &chunks);
        for (index, value) in damage {
            let at = index.index(heap.brk.len() / 8) * 8;
            heap.brk[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        }
        if let Some(walked) = heap.walk() {
            check_sums(&walked);
            let lost: u64 = walked.ranges.iter().map(|range| range.unwalked_bytes).sum();
            let broken = |it: &HeapProblem| matches!(it, HeapProblem::Broken { .. });
            prop_assert_eq!(lost > 0, walked.problems.iter().any(broken));
        }
    }

    #[test]
    fn random_memory_never_panics(
        seed in prop::collection::vec(any::<u64>(), 1..64),
        arena in any::<bool>(),
    ) {
        let mut heap = MadeUp::new(&LAYOUTS[0], &[]);
        let random = |index: usize| seed[index % seed.len()].rotate_left((index / seed.len()) as u32);
        for (index, word) in heap.brk.chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&random(index).to_ne_bytes());
        }
        if arena {
            for (index, word) in heap.data.chunks_exact_mut(8).enumerate().step_by(7) {
                word.copy_from_slice(&random(index).to_ne_bytes());
            }
        }
        if let Some(walked) = heap.walk() {
            check_sums(&walked);
        }
    }
}

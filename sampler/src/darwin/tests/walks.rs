//! The walk: submaps, ends, failures, answers that do not advance.

use proptest::prelude::*;

use crate::darwin::entry::{Entry, Leaf};
use crate::darwin::tests::kernel::Kernel;
use crate::darwin::tests::{entry, leaf};
use crate::darwin::totals::{Whole, difference, moved, stopped};
use crate::darwin::walk::{Lookup, Stop, Walk, walk};

fn submap(start: u64, size: u64) -> Entry {
    Entry { size, is_submap: true, ..entry(start) }
}

fn inside(start: u64) -> Entry {
    Entry { depth: 1, ..entry(start) }
}

#[test]
fn only_leaves_are_memory_and_only_the_top_level_is_counted() {
    let mut kernel = Kernel::new(vec![
        entry(0x1_0000),
        submap(0x10_0000, 0x10_0000),
        inside(0x10_0000),
        inside(0x14_0000),
        // Another submap right behind the first: at depth 1 the kernel would enter it unseen.
        submap(0x20_0000, 0x10_0000),
        inside(0x20_8000),
        entry(0x30_0000),
        submap(0x40_0000, 0x10_0000),
    ]);
    let walk = walk(&mut kernel);
    let starts: Vec<u64> = walk.leaves.iter().map(|leaf| leaf.entry.start).collect();
    assert_eq!(starts, [0x1_0000, 0x10_0000, 0x14_0000, 0x20_8000, 0x30_0000]);
    assert_eq!(walk.top_bytes, 2 * 0x4000 + 3 * 0x10_0000);
    assert_eq!(walk.stop, None);
    assert!(kernel.lookups < 20, "{}", kernel.lookups);
}

#[test]
fn memory_that_is_mapped_nowhere_is_listed_but_no_address_space() {
    let last = Entry { user_tag: u32::MAX, ..entry(0x5000) };
    let walk = walk(&mut Kernel::new(vec![entry(0x1000), last]));
    assert_eq!((walk.leaves.len(), walk.top_bytes, walk.stop), (2, 0x4000, None));
}

#[test]
fn an_empty_map_is_complete() {
    assert_eq!(walk(&mut Kernel::new(Vec::new())), Walk::default());
}

#[test]
fn only_the_code_for_nothing_ends_a_walk() {
    for code in [2, 4, 5, 9, 14, 37, 0x1000_0003, -308] {
        let mut kernel = Kernel::new(vec![entry(0x1000), entry(0x8000), entry(0x1_0000)]);
        kernel.fails = Some((0x8000, code));
        let walk = walk(&mut kernel);
        assert_eq!(walk.leaves.len(), 1, "seen regions stay");
        assert_eq!(walk.stop, Some(Stop::Failed { address: 0x5000, code }));
        let words = stopped(Stop::Failed { address: 0x5000, code }, |code| format!("code {code}"));
        assert_eq!(
            words,
            format!("the regions from 0x5000 on could not be looked up: code {code}")
        );
    }
}

struct Always(Entry);

impl Lookup for Always {
    fn lookup(&mut self, _: u64, _: u32) -> Result<Entry, i32> {
        Ok(self.0)
    }

    fn leaf(&mut self, entry: Entry) -> Leaf {
        leaf(entry)
    }
}

#[test]
fn answers_that_do_not_advance_end_the_walk_with_a_message() {
    let endless = [
        entry(0x1000),
        Entry { size: 0, ..entry(0x1000) },
        submap(0x1000, 0x1000),
        inside(0x1000),
        Entry { depth: u32::MAX, ..submap(0x1000, 0x1000) },
    ];
    for answer in endless {
        assert!(matches!(walk(&mut Always(answer)).stop, Some(Stop::Stuck { .. })), "{answer:?}");
    }
    let last = Entry { size: 0x1000, ..entry(u64::MAX - 0xfff) };
    assert_eq!(walk(&mut Always(last)).stop, None, "the last page of all");
}

#[test]
fn a_difference_is_accepted_once_it_stays() {
    let mut whole = Whole::default();
    assert!(whole.accepts(0, None));
    assert!(!whole.accepts(0x4000, None), "perhaps it moved");
    assert!(!whole.accepts(0x8000, Some(0x4000)), "it moves");
    assert!(whole.accepts(0x8000, Some(0x8000)), "the kernel counts so");
    assert!(whole.accepts(0x8000, None), "from now on");
    assert!(!whole.accepts(0xc000, None));
    let walk = walk(&mut Kernel::new(vec![entry(0x1000)]));
    assert_eq!(difference(&walk, 0x3000), -0x1000);
    assert_eq!(moved(&walk, 9), "regions sum to 16384 bytes, the process to 9");
}

#[test]
fn content_of_a_submap_has_the_submaps_tag_beside_its_own() {
    let mut kernel = Kernel::new(vec![
        entry(0x1000),
        Entry { user_tag: 32, ..submap(0x10_0000, 0x10_0000) },
        inside(0x10_0000),
        Entry { user_tag: 33, depth: 1, ..submap(0x11_0000, 0x1_0000) },
        Entry { depth: 2, ..entry(0x11_0000) },
        entry(0x30_0000),
        submap(0x40_0000, 0x10_0000),
        inside(0x40_0000),
    ]);
    let tags: Vec<_> = walk(&mut kernel).leaves.iter().map(|leaf| leaf.container_tag).collect();
    assert_eq!(tags, [None, Some(32), Some(33), None, Some(0)]);
}

/// Any map of two levels: gaps, leaves, and submaps with content or none.
fn maps() -> impl Strategy<Value = Vec<Entry>> {
    let content = proptest::collection::vec((0_u64..3, 1_u64..4), 0..4);
    let top = (0_u64..3, 1_u64..4, proptest::option::of(content));
    proptest::collection::vec(top, 0..12).prop_map(|tops| {
        let (mut entries, mut at) = (Vec::new(), 0x1000);
        for (gap, size, content) in tops {
            at += gap * 0x1000;
            let Some(content) = content else {
                entries.push(Entry { size: size * 0x1000, ..entry(at) });
                at += size * 0x1000;
                continue;
            };
            let index = entries.len();
            entries.push(submap(at, 0));
            let begun = at;
            for (gap, size) in content {
                at += gap * 0x1000;
                entries.push(Entry { size: size * 0x1000, ..inside(at) });
                at += size * 0x1000;
            }
            at += size * 0x1000;
            entries[index].size = at - begun;
        }
        entries
    })
}

proptest! {
    #[test]
    fn every_leaf_is_seen_once_and_the_top_level_adds_up(entries in maps()) {
        let walk = walk(&mut Kernel::new(entries.clone()));
        let leaves: Vec<Entry> =
            entries.iter().copied().filter(|entry| !entry.is_submap).collect();
        let top: u64 =
            entries.iter().filter(|entry| entry.depth == 0).map(|entry| entry.size).sum();
        let seen: Vec<Entry> = walk.leaves.iter().map(|leaf| leaf.entry).collect();
        prop_assert_eq!(seen, leaves);
        prop_assert_eq!(walk.top_bytes, top);
        prop_assert_eq!(walk.stop, None);
    }

    #[test]
    fn a_failure_is_never_a_short_list(entries in maps(), address in 0_u64..0x2_0000) {
        let mut kernel = Kernel::new(entries.clone());
        kernel.fails = Some((address, 9));
        let walk = walk(&mut kernel);
        let reached = entries.iter().any(|entry| entry.range().end > address);
        prop_assert_eq!(walk.stop.is_some(), reached);
    }
}

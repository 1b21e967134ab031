//! Tests of the state kept from sample to sample.

pub(crate) mod due;
pub(crate) mod keeping;
pub(crate) mod pieces;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::procfs::mapping::tests::mappings;
use crate::procfs::sizes::{Field, Sizes};
use crate::quantity::Quantity;
use crate::region::ShareMode;

fn take(tracker: &mut RegionTracker, lines: &str) -> Vec<Region> {
    tracker.begin();
    feed(tracker, lines);
    tracker.finish()
}

fn feed(tracker: &mut RegionTracker, lines: &str) {
    for line in lines.lines() {
        let (header, flags) = line.trim_start().split_once('|').unwrap();
        let mut sizes = Sizes::default();
        sizes.set(Field::Rss, 4096);
        let record = Record { header: header.as_bytes(), flags: Some(flags.as_bytes()), sizes };
        assert!(tracker.push(&record), "{line}");
    }
}

fn rules(regions: &[Region]) -> Vec<&str> {
    regions.iter().map(|region| region.identity.label.region_type.name()).collect()
}

fn kept(before: &[Region], after: &[Region]) -> Vec<bool> {
    after
        .iter()
        .map(|new| before.iter().any(|old| Arc::ptr_eq(&old.identity, &new.identity)))
        .collect()
}

const HEAP: &str = "1000-2000 rw-p 0 0:0 0 [heap]|rd wr\n";
const TEXT: &str = "3000-4000 r-xp 0 8:1 9 /a|rd ex\n";
const DATA: &str = "4000-5000 rw-p 1000 8:1 9 /a|rd wr\n";
const ANON: &str = "5000-6000 rw-p 0 0:0 0 |rd wr\n";
const VIEW: &str = "7000-8000 rw-s 0 0:1 7 /memfd:a|rd wr\n";

#[test]
fn an_unchanged_region_keeps_its_identity() {
    let mut tracker = RegionTracker::new();
    let first = take(&mut tracker, &[HEAP, TEXT, DATA, ANON].concat());
    assert_eq!(rules(&first), ["MALLOC (brk heap)", "__TEXT", "__DATA", "__BSS"]);
    let second = take(&mut tracker, &[HEAP, TEXT, DATA, ANON].concat());
    assert_eq!(kept(&first, &second), [true; 4]);
    assert_eq!(second[0].quantities.get(Quantity::Resident), Some(4096));
}

#[test]
fn a_neighbour_that_goes_changes_only_the_label_that_looked_at_it() {
    let guard = "5000-6000 ---p 0 0:0 0 |mr\n";
    let stack = "6000-7000 rw-p 0 0:0 0 [stack]|rd wr gd\n";
    let mut tracker = RegionTracker::new();
    let first = take(&mut tracker, &[HEAP, guard, stack].concat());
    assert_eq!(rules(&first), ["MALLOC (brk heap)", "STACK GUARD", "Stack"]);
    let second = take(&mut tracker, &[HEAP, guard].concat());
    assert_eq!(rules(&second), ["MALLOC (brk heap)", "guard"]);
    assert_eq!(kept(&first, &second), [true, false]);
    let third = take(&mut tracker, &[guard, stack].concat());
    assert_eq!(rules(&third), ["STACK GUARD", "Stack"]);
}

#[test]
fn the_last_ones_guard_sees_the_stack_go() {
    let guard = "1000-2000 ---p 0 0:0 0 |mr\n";
    let stack = "2000-3000 rw-p 0 0:0 0 [stack]|rd wr gd\n";
    let mut tracker = RegionTracker::new();
    assert_eq!(rules(&take(&mut tracker, &[guard, stack].concat())), ["STACK GUARD", "Stack"]);
    assert_eq!(rules(&take(&mut tracker, guard)), ["guard"]);
    assert_eq!(take(&mut tracker, ""), []);
}

#[test]
fn a_file_that_becomes_an_image_is_labelled_anew_everywhere() {
    let plain = "3000-4000 r--p 0 8:1 9 /a|rd\n";
    let far = "9000-a000 r--p 2000 8:1 9 /a|rd\n";
    let mut tracker = RegionTracker::new();
    let first =
        take(&mut tracker, &[plain, HEAP.replace("1000-2", "6000-7").as_str(), far].concat());
    assert_eq!(rules(&first)[2], "mapped file");
    let second =
        take(&mut tracker, &[TEXT, HEAP.replace("1000-2", "6000-7").as_str(), far].concat());
    assert_eq!(rules(&second), ["__TEXT", "MALLOC (brk heap)", "__RODATA"]);
    assert_eq!(kept(&first, &second), [false, true, false]);
}

#[test]
fn an_alias_shows_in_the_share_mode_while_both_views_are_there() {
    let other = VIEW.replace("7000-8000", "9000-a000");
    let mut tracker = RegionTracker::new();
    let mode = |regions: &[Region]| regions[0].share_mode;
    assert_eq!(mode(&take(&mut tracker, VIEW)), Some(ShareMode::Shared));
    assert_eq!(mode(&take(&mut tracker, &[VIEW, &other].concat())), Some(ShareMode::Aliased));
    assert_eq!(mode(&take(&mut tracker, &[VIEW, &other].concat())), Some(ShareMode::Aliased));
    assert_eq!(mode(&take(&mut tracker, VIEW)), Some(ShareMode::Shared));
}

#[test]
fn a_sample_broken_off_leaves_the_next_one_right() {
    let mut tracker = RegionTracker::new();
    take(&mut tracker, &[HEAP, TEXT, DATA, ANON].concat());
    tracker.begin();
    feed(&mut tracker, &[TEXT, DATA].concat());
    let regions = take(&mut tracker, &[HEAP, TEXT, DATA, ANON].concat());
    assert_eq!(rules(&regions), ["MALLOC (brk heap)", "__TEXT", "__DATA", "__BSS"]);
    tracker.begin();
    feed(&mut tracker, HEAP);
    assert_eq!(rules(&take(&mut tracker, &[HEAP, TEXT].concat())), ["MALLOC (brk heap)", "__TEXT"]);
}

#[test]
fn a_header_that_cannot_be_read_is_refused() {
    let mut tracker = RegionTracker::new();
    tracker.begin();
    let record = Record { header: b"1-2 rwxq 0 0:0 0 ", flags: None, sizes: Sizes::default() };
    assert!(!tracker.push(&record));
}

const POOL: [&str; 8] = [
    HEAP,
    "2000-3000 ---p 0 0:0 0 |mr\n",
    "3000-4000 r--p 0 8:1 9 /a|rd\n",
    TEXT,
    DATA,
    ANON,
    "6000-7000 rw-p 0 0:0 0 [stack]|rd wr gd\n",
    VIEW,
];

proptest! {
    // Whatever came before, a sample has the same result as it would have as the first one. Indices
    // in any order stand for torn samples: those may know more, from before.
    #[test]
    fn the_past_leaves_no_trace(samples in proptest::collection::vec(proptest::collection::vec(0..POOL.len(), 0..9), 1..6)) {
        let mut tracker = RegionTracker::new();
        for indices in samples {
            let torn = !indices.is_sorted_by(|a, b| a < b);
            let text: String = indices.into_iter().map(|index| POOL[index]).collect();
            let regions = take(&mut tracker, &text);
            prop_assert_eq!(tracker.mappings(), mappings(&text));
            let fresh = take(&mut RegionTracker::new(), &text);
            if torn {
                let ranges = |regions: &[Region]| -> Vec<_> {
                    regions.iter().map(|region| (region.identity.range, region.quantities)).collect()
                };
                prop_assert_eq!(ranges(&regions), ranges(&fresh));
            } else {
                prop_assert_eq!(regions, fresh);
            }
        }
    }
}

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::stacks::live::tests::region;

const PAGE: u64 = 4096;

fn called(time_ns: u64, stack: u32, call: Call) -> Called {
    Called { time_ns, stack, call }
}

fn map(start: u64, pages: u64) -> Call {
    Call::Map { start: start * PAGE, bytes: pages * PAGE }
}

fn unmap(start: u64, pages: u64) -> Call {
    Call::Unmap { start: start * PAGE, bytes: pages * PAGE }
}

/// Returns the rows of a metric: stack, type, count and pages.
fn rows(all: &[LiveStack], metric: StackMetric) -> Vec<(u32, &str, u64, u64)> {
    let of = all.iter().filter(|row| row.metric == metric);
    of.map(|row| (row.stack, &*row.region_type, row.samples, row.bytes / PAGE)).collect()
}

#[test]
fn what_is_there_counts_for_who_mapped_it_and_its_end_for_who_unmapped_it() {
    let mut mapped = Mapped::default();
    mapped.known_until(100);
    // Read in another order than they were made.
    mapped.call(called(3, 9, unmap(15, 5)));
    mapped.call(called(1, 7, map(10, 10)));
    mapped.call(called(2, 8, map(40, 4)));
    mapped.call(called(50, 9, unmap(40, 4)));
    let regions = [
        region(10 * PAGE, 12 * PAGE, "A"),
        region(12 * PAGE, 15 * PAGE, "B"),
        region(40 * PAGE, 44 * PAGE, "A"),
    ];
    let all = mapped.tick(20, &regions);
    assert_eq!(rows(&all, StackMetric::Mapped), [(7, "A", 1, 2), (7, "B", 0, 3), (8, "A", 1, 4)]);
    // What a sample never saw has no type.
    let mut births = rows(&all, StackMetric::Births);
    births.sort_unstable();
    assert_eq!(births, [(7, "", 0, 5), (7, "A", 1, 2), (7, "B", 0, 3), (8, "A", 1, 4)]);
    assert_eq!(rows(&all, StackMetric::Deaths), [(9, "", 1, 5)]);
    let all = mapped.tick(60, &regions[..2]);
    assert_eq!(rows(&all, StackMetric::Mapped), [(7, "A", 1, 2), (7, "B", 0, 3)]);
    let mut deaths = rows(&all, StackMetric::Deaths);
    deaths.sort_unstable();
    assert_eq!(deaths, [(9, "", 1, 5), (9, "A", 1, 4)]);
}

#[test]
fn a_mapping_between_two_samples_has_a_birth_and_a_death() {
    let mut mapped = Mapped::default();
    mapped.known_until(100);
    mapped.tick(10, &[]);
    mapped.call(called(11, 7, map(10, 10)));
    mapped.call(called(12, 9, unmap(10, 10)));
    let all = mapped.tick(20, &[]);
    assert!(rows(&all, StackMetric::Mapped).is_empty());
    assert_eq!(rows(&all, StackMetric::Births), [(7, "", 1, 10)]);
    assert_eq!(rows(&all, StackMetric::Deaths), [(9, "", 1, 10)]);
}

#[test]
fn moved_mappings_keep_their_stacks_and_growth_has_its_own() {
    let mut mapped = Mapped::default();
    mapped.known_until(100);
    mapped.call(called(1, 7, map(10, 4)));
    let (from, to) = (10 * PAGE, 80 * PAGE);
    let grown = Call::Move { from, from_bytes: 4 * PAGE, to, to_bytes: 6 * PAGE };
    mapped.call(called(2, 8, grown));
    let all = mapped.tick(20, &[region(80 * PAGE, 86 * PAGE, "A")]);
    assert_eq!(rows(&all, StackMetric::Mapped), [(7, "A", 1, 4), (8, "A", 1, 2)]);
    assert!(rows(&all, StackMetric::Deaths).is_empty());
    let shrunk = Call::Move { from: to, from_bytes: 6 * PAGE, to, to_bytes: PAGE };
    mapped.call(called(21, 9, shrunk));
    let all = mapped.tick(30, &[region(80 * PAGE, 81 * PAGE, "A")]);
    assert_eq!(rows(&all, StackMetric::Mapped), [(7, "A", 1, 1)]);
    assert_eq!(rows(&all, StackMetric::Deaths), [(9, "A", 1, 5)]);
    // The rest of a mapping that lost its begin is one.
    mapped.call(called(31, 8, map(200, 4)));
    mapped.call(called(32, 9, unmap(200, 1)));
    let all =
        mapped.tick(40, &[region(80 * PAGE, 81 * PAGE, "A"), region(201 * PAGE, 204 * PAGE, "A")]);
    assert_eq!(rows(&all, StackMetric::Mapped), [(7, "A", 1, 1), (8, "A", 1, 3)]);
}

#[test]
fn the_heap_of_brk_grows_and_shrinks_by_its_end() {
    let mut mapped = Mapped::with_break(Some(10 * PAGE));
    mapped.known_until(100);
    for (time, end) in [(1, 12), (2, 15), (3, 15)] {
        mapped.call(called(time, 7, Call::Break { end: end * PAGE }));
    }
    let all = mapped.tick(20, &[region(8 * PAGE, 15 * PAGE, "heap")]);
    assert_eq!(rows(&all, StackMetric::Mapped), [(7, "heap", 2, 5)]);
    mapped.call(called(21, 8, Call::Break { end: 9 * PAGE }));
    let all = mapped.tick(30, &[region(8 * PAGE, 9 * PAGE, "heap")]);
    assert!(rows(&all, StackMetric::Mapped).is_empty());
    // Two pages were there before.
    assert_eq!(rows(&all, StackMetric::Deaths), [(8, "heap", 1, 6)]);
    assert_eq!(mapped.break_end(), Some(9 * PAGE));
}

#[test]
fn mappings_from_before_end_too_and_those_whose_end_was_lost_go() {
    let mut mapped = Mapped::default();
    mapped.known_until(100);
    let old = region(10 * PAGE, 20 * PAGE, "old");
    mapped.call(called(1, 7, map(50, 2)));
    mapped.tick(5, &[old.clone(), region(50 * PAGE, 52 * PAGE, "A")]);
    mapped.call(called(6, 9, unmap(12, 4)));
    let left = [region(10 * PAGE, 12 * PAGE, "old"), region(16 * PAGE, 20 * PAGE, "old")];
    let all = mapped.tick(10, &left);
    assert_eq!(rows(&all, StackMetric::Deaths), [(9, "old", 1, 4)]);
    assert!(rows(&all, StackMetric::Mapped).is_empty());
    let all = mapped.tick(15, &left);
    let mut deaths = rows(&all, StackMetric::Deaths);
    deaths.sort_unstable();
    assert_eq!(deaths, [(0, "A", 1, 2), (9, "old", 1, 4)]);
    // A call that was read after a sample which saw its mapping ends nothing.
    mapped.tick(20, &[region(70 * PAGE, 80 * PAGE, "late")]);
    mapped.call(called(19, 7, map(70, 10)));
    let all = mapped.tick(30, &[region(70 * PAGE, 80 * PAGE, "late")]);
    assert!(!rows(&all, StackMetric::Deaths).iter().any(|row| row.1 == "late"));
    assert_eq!(rows(&all, StackMetric::Mapped), [(7, "late", 1, 10)]);
}

#[test]
fn what_advice_released_has_the_type_of_its_region() {
    let mut mapped = Mapped::default();
    mapped.known_until(100);
    let release = |start: u64| Call::Release { start: start * PAGE, bytes: 3 * PAGE };
    for start in [10, 10, 90] {
        mapped.call(called(1, 7, release(start)));
    }
    let all = mapped.tick(5, &[region(10 * PAGE, 20 * PAGE, "A")]);
    let mut released = rows(&all, StackMetric::Released);
    released.sort_unstable();
    assert_eq!(released, [(7, "", 1, 3), (7, "A", 2, 6)]);
}

proptest! {
    /// Calls are compared with a list of pages, each by who mapped it.
    #[test]
    fn sums_are_those_of_pages(
        calls in proptest::collection::vec((0_u32..3, 0_u8..3, 0_u64..40, 1_u64..12, 0_u64..40), 0..60),
        ticks in 1_usize..20,
    ) {
        let (mut mapped, mut pages) = (Mapped::default(), BTreeMap::<u64, u32>::new());
        mapped.known_until(u64::MAX);
        let (mut born, mut died) = (0_u64, 0_u64);
        for (index, (stack, kind, start, count, to)) in calls.into_iter().enumerate() {
            let call = match kind {
                0 => {
                    for page in start..start + count {
                        died += u64::from(pages.insert(page, stack).is_some());
                        born += 1;
                    }
                    map(start, count)
                }
                1 => {
                    (start..start + count).for_each(|page| died += u64::from(pages.remove(&page).is_some()));
                    unmap(start, count)
                }
                _ => {
                    // Ranges that overlap are refused by the kernel.
                    let (to, to_count) = (to + 100, count.div_ceil(2));
                    let moved: Vec<_> = (start..start + count).map(|page| pages.remove(&page)).collect();
                    for (offset, owner) in moved.into_iter().enumerate() {
                        let offset = offset as u64;
                        if offset >= to_count {
                            died += u64::from(owner.is_some());
                            continue;
                        }
                        died += u64::from(pages.remove(&(to + offset)).is_some());
                        owner.into_iter().for_each(|owner| {
                            pages.insert(to + offset, owner);
                        });
                    }
                    Call::Move {
                        from: start * PAGE,
                        from_bytes: count * PAGE,
                        to: to * PAGE,
                        to_bytes: to_count * PAGE,
                    }
                }
            };
            let time = index as u64 + 1;
            mapped.call(called(time, stack, call));
            if index % ticks == 0 {
                let regions: Vec<_> =
                    pages.keys().map(|page| region(page * PAGE, (page + 1) * PAGE, if page % 3 == 0 { "A" } else { "B" })).collect();
                let all = mapped.tick(time, &regions);
                let sum = |metric, of: Option<u32>| {
                    let rows = rows(&all, metric).into_iter();
                    rows.filter(|row| of.is_none_or(|of| of == row.0)).map(|row| row.3).sum::<u64>()
                };
                for stack in 0..3 {
                    let expected = pages.values().filter(|owner| **owner == stack).count() as u64;
                    prop_assert_eq!(sum(StackMetric::Mapped, Some(stack)), expected);
                }
                prop_assert_eq!((sum(StackMetric::Births, None), sum(StackMetric::Deaths, None)), (born, died));
            }
        }
    }
}

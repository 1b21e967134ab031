//! Cases of regions that move, and the law that rows add up to the total.

use std::collections::HashSet;
use std::ops::Range;

use proptest::prelude::*;
use vmrec_sampler::{ProcessTotals, Quantity, Region};

use super::*;
use crate::fixture::{K, before_and_after, heap, memory, region, snapshot};

fn of(regions: Vec<Region>) -> Snapshot {
    snapshot(0, ProcessTotals::default(), regions)
}

fn heap_at(range: Range<u64>, resident: u64) -> Region {
    region(range, heap(), Some("[heap]"), &[(Quantity::Resident, resident)])
}

/// Each row in short: what happened, regions before and after, the change of resident size.
fn rows(from: Vec<Region>, to: Vec<Region>) -> Vec<(&'static str, u64, u64, Option<i128>)> {
    diff(&of(from), &of(to))
        .regions
        .iter()
        .map(|row| {
            let (from, to) = (row.change.from.regions, row.change.to.regions);
            (row.kind.name(), from, to, row.change.get(Metric::RESIDENT).delta())
        })
        .collect()
}

#[test]
fn a_heap_stays_itself_while_it_grows_splits_and_merges() {
    let whole = || vec![heap_at(0x10_000..0x20_000, 4096)];
    assert_eq!(rows(whole(), whole()), []);
    assert_eq!(rows(whole(), vec![heap_at(0x8000..0x28_000, 8192)]), [("grown", 1, 1, Some(4096))]);
    let split = || vec![heap_at(0x10_000..0x14_000, 4096), heap_at(0x18_000..0x20_000, 4096)];
    assert_eq!(rows(whole(), split()), [("shrunk", 1, 2, Some(4096))]);
    assert_eq!(rows(split(), whole()), [("grown", 2, 1, Some(-4096))]);
    assert_eq!(
        rows(whole(), vec![heap_at(0x14_000..0x24_000, 4096)]),
        [("changed", 1, 1, Some(0))]
    );
}

#[test]
fn another_type_or_object_at_the_same_place_is_other_memory() {
    let range = 0x10_000..0x20_000;
    let named =
        |name| vec![region(range.clone(), types::MAPPED_FILE, Some(name), &memory(K, K, 0))];
    assert_eq!(
        rows(named("/a"), named("/b")),
        [("gone", 1, 0, Some(-1024)), ("new", 0, 1, Some(1024))]
    );
}

#[test]
fn unknown_sizes_have_no_delta_and_no_residual() {
    let known = vec![heap_at(0..0x1000, 4096)];
    let unknown = vec![region(0..0x1000, heap(), Some("[heap]"), &[])];
    assert_eq!(rows(known, unknown.clone()), [("changed", 1, 1, None)]);
    let totals = ProcessTotals { resident_bytes: Some(1), ..ProcessTotals::default() };
    let with_totals = snapshot(0, totals, unknown);
    let diff = diff(&with_totals, &with_totals);
    assert_eq!(diff.unattributed.resident_bytes, Residual::default());
    assert_eq!(diff.unattributed.virtual_bytes, Residual::default());
}

#[test]
fn what_regions_do_not_cover_is_unattributed_and_vsyscall_is_not_counted() {
    let (before, after) = before_and_after();
    let diff = diff(&before, &after);
    let virtual_bytes = |snapshot: &Snapshot| -> i128 {
        let sizes = snapshot.regions.iter().map(|r| i128::from(r.identity.range.virtual_bytes()));
        sizes.sum()
    };
    let expected = 32 * 1024 * 1024 - (virtual_bytes(&before) - 4096);
    assert_eq!(diff.unattributed.virtual_bytes.from, Some(expected));
    assert_eq!(diff.unattributed.swapped_bytes, Residual { from: Some(0), to: Some(0) });
}

#[test]
fn sixty_thousand_regions_are_matched_at_once() {
    let table = |step: u64| {
        let regions = (0..60_000_u64).map(|n| {
            let start = n * 0x4000;
            heap_at(start..start + 0x1000 + n % step * 0x1000, 4096)
        });
        of(regions.collect())
    };
    let (from, to) = (table(2), table(3));
    // A quadratic match would take minutes.
    let changes = diff(&from, &to);
    let changed = (0..60_000_u64).filter(|n| n % 2 != n % 3).count();
    assert_eq!(changes.regions.len(), changed);
    assert_eq!(changes.unchanged_rows, 60_000 - changed as u64);
}

fn any_regions() -> impl Strategy<Value = Vec<Region>> {
    let object = prop::option::of(prop::sample::select(vec!["/lib/a.so", "/lib/b.so", "[heap]"]));
    let kind = prop::sample::select(vec![heap(), types::TEXT, types::VSYSCALL]);
    let quantities = prop::collection::vec((0..Quantity::COUNT, 0..1_u64 << 40), 0..6);
    let one = (0..64_u64, 0..16_u64, kind, object, quantities);
    let one = one.prop_map(|(start, pages, kind, object, quantities)| {
        let known: Vec<_> =
            quantities.into_iter().map(|(index, bytes)| (Quantity::ALL[index], bytes)).collect();
        region(start * 4096..(start + pages) * 4096, kind, object, &known)
    });
    // Sorted as a kernel lists them; overlaps and repeats are what torn reads show.
    prop::collection::vec(one, 0..24).prop_map(|mut regions| {
        regions.sort_by_key(|region| region.identity.range);
        regions
    })
}

fn sum<'a>(changes: impl Iterator<Item = &'a Change>) -> Change {
    changes.fold(Change::default(), |mut sum, change| {
        sum.merge(change);
        sum
    })
}

proptest! {
    #[test]
    fn rows_of_every_view_add_up_to_the_total(from in any_regions(), to in any_regions()) {
        let total = Change { from: from.iter().collect(), to: to.iter().collect() };
        let diff = diff(&of(from), &of(to));
        prop_assert_eq!(diff.total, total);
        let mut regions = sum(diff.regions.iter().map(|row| &row.change));
        regions.merge(&Change { from: diff.unchanged, to: diff.unchanged });
        prop_assert_eq!(regions, total);
        prop_assert_eq!(sum(diff.families.iter().map(|row| &row.change)), total);
        prop_assert_eq!(sum(diff.types.iter().map(|row| &row.change)), total);
        prop_assert_eq!(sum(diff.objects.iter().map(|row| &row.change)), total);
        let keys: HashSet<_> = diff.objects.iter().map(|row| &row.key).collect();
        prop_assert_eq!(keys.len(), diff.objects.len());
    }

    #[test]
    fn a_snapshot_does_not_differ_from_itself(regions in any_regions()) {
        let snapshot = of(regions);
        prop_assert_eq!(diff(&snapshot, &snapshot).regions, []);
    }

    #[test]
    fn turning_the_times_round_turns_each_delta(from in any_regions(), to in any_regions()) {
        let (from, to) = (of(from), of(to));
        let (there, back) = (diff(&from, &to), diff(&to, &from));
        prop_assert_eq!(there.regions.len(), back.regions.len());
        for metric in Metric::SIZES {
            let there = there.total.get(metric).delta();
            prop_assert_eq!(there, back.total.get(metric).delta().map(|delta| -delta));
        }
    }
}

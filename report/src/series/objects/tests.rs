//! Sums by object conserve, whatever is folded into the rest.

use proptest::prelude::*;
use vmrec_sampler::{Quantity, Region, RegionType, types};

use super::*;
use crate::chart::options::{ChartKind, ChartOptions};
use crate::chart::select::{CountedKeys, Room, select};
use crate::fixture;

const SECOND: u64 = 1_000_000_000;

/// A file of two types, its reserved gap, a namesake elsewhere, threads, memory without an owner.
fn objects() -> [(RegionType, Option<&'static str>, Option<&'static str>); 8] {
    [
        (types::TEXT, Some("/usr/lib/libc.so.6"), None),
        (types::DATA, Some("/usr/lib/libc.so.6"), None),
        (types::RESERVED, Some("/usr/lib/libc.so.6"), None),
        (types::TEXT, Some("/opt/libc.so.6"), None),
        (types::MAPPED_FILE, Some("/srv/model.bin"), None),
        (types::STACK, None, Some("412 worker 1")),
        (types::STACK, None, Some("413 worker 2")),
        (types::MALLOC_BRK, None, None),
    ]
}

/// A sample: for each object the sizes of its regions in KiB, or none if it was missed.
type Made = Option<Vec<(usize, Option<u64>)>>;

fn regions(regions: &[(usize, Option<u64>)]) -> Vec<Region> {
    let region = |(place, (of, size)): (usize, &(usize, Option<u64>))| {
        let (region_type, object, detail) = objects()[*of].clone();
        let known: Vec<_> = size.iter().map(|size| (Quantity::Resident, size << 10)).collect();
        let start = (place as u64 + 1) << 20;
        let region = fixture::region(start..start + (8 << 10), region_type, object, &known);
        detail.map_or(region.clone(), |detail| fixture::detailed(region, detail))
    };
    regions.iter().enumerate().map(region).collect()
}

/// The sums of samples in blocks of a few.
fn summed(samples: &[Made], metrics: &[Metric], limits: Limits) -> Vec<Series> {
    let mut sums = ObjectSums::new(metrics, Naming::Linux, SECOND);
    sums.limits = limits;
    let made = |(at, made): (u64, &Made)| (at, made.as_deref().map(regions));
    let samples: Vec<_> = (1..).zip(samples).map(made).collect();
    for block in samples.chunks(7) {
        sums.push(&fixture::kinds_block(block, sums.measures())).unwrap();
    }
    sums.finish()
}

fn names(series: &Series) -> Vec<&str> {
    series.keys.iter().map(|key| &*key.key.name).collect()
}

#[test]
fn a_file_is_one_object_and_its_namesake_another() {
    let all = |size| Some((0..objects().len()).map(|of| (of, Some(size))).collect());
    let series = summed(&[all(1), None, all(3)], &[Metric::RESIDENT], LIMITS).remove(0);
    assert_eq!(
        names(&series),
        [
            "/opt/libc.so.6",
            "/usr/lib/libc.so.6",
            "MALLOC (brk heap)",
            "Stack: 412 worker 1",
            "Stack: 413 worker 2",
            "model.bin",
            "/usr/lib/libc.so.6 (reserved)",
        ]
    );
    let of = |name: &str| {
        let key = series.keys.iter().find(|key| &*key.key.name == name).unwrap();
        key.values.iter().collect::<Vec<_>>()
    };
    assert_eq!(of("/usr/lib/libc.so.6"), [Some(2 << 10), None, Some(6 << 10)]);
    assert_eq!(of("model.bin"), [Some(1 << 10), None, Some(3 << 10)]);
    assert_eq!((series.missed, series.gaps.len()), (2, 1));
}

#[test]
fn too_many_changes_are_refused() {
    let mut sums = ObjectSums::new(&[Metric::RESIDENT], Naming::Linux, SECOND);
    sums.limits = Limits { runs: 9, ..LIMITS };
    let block = |at| fixture::kinds_block(&[(at, Some(regions(&[(7, Some(at))])))], &sums.measures);
    let blocks: Vec<_> = (1..=20).map(block).collect();
    let error = blocks.iter().try_for_each(|block| sums.push(block)).unwrap_err().to_string();
    assert_eq!(error, "objects changed 10 times up to sample #9: more than can be kept at once");
}

fn samples(some_unknown: bool) -> impl Strategy<Value = Vec<Made>> {
    let size = (proptest::option::weighted(0.8, 0_u64..5000), 0_u64..5000)
        .prop_map(move |(maybe, known)| if some_unknown { maybe } else { Some(known) });
    let regions = proptest::collection::vec((0..objects().len(), size), 0..12);
    proptest::collection::vec(proptest::option::weighted(0.9, regions), 1..30)
}

proptest! {
    /// However few objects are kept, the sums of all are the total of every region.
    #[test]
    fn objects_and_the_rest_sum_to_the_total(made in samples(false), kept in 1_usize..9) {
        let limits = Limits { values: 0, objects: kept, ..LIMITS };
        let series = summed(&made, &[Metric::RESIDENT, Metric::Regions, Metric::Virtual], limits);
        for (series, each) in series.iter().zip([None, Some(1), Some(8 << 10)]) {
            for (at, sample) in made.iter().enumerate() {
                let value = |(_, size): &(usize, Option<u64>)| each.or(size.map(|kib| kib << 10));
                let expected: Option<u64> =
                    sample.as_ref().map(|regions| regions.iter().filter_map(value).sum());
                prop_assert_eq!(series.totals.get(at), expected);
                let sum: Option<u64> = series.keys.iter().map(|key| key.values.get(at)).sum();
                prop_assert!(series.keys.is_empty() || sum == expected);
            }
            // A file with a reserved part is two objects.
            let objects: u64 = series.keys.iter().map(|key| key.merged).sum();
            prop_assert!(objects <= 7);
            // One that is left alone keeps its name.
            let named = series.keys.iter().filter(|key| key.merged == 1).count();
            prop_assert!(named <= kept + 2, "{:?}", names(series));
        }
    }

    /// An object that is unknown somewhere is unknown there, and so is the total.
    #[test]
    fn unknown_is_not_zero(made in samples(true)) {
        let series = summed(&made, &[Metric::RESIDENT], LIMITS).remove(0);
        for (at, sample) in made.iter().enumerate() {
            let sum: Option<u64> = series.keys.iter().map(|key| key.values.get(at)).sum();
            prop_assert!(series.keys.is_empty() || series.totals.get(at) == sum);
            let left_out = |of: usize| series.unknown.iter().any(|key| key.family == objects()[of].0.family());
            let regions = sample.iter().flatten();
            let unknown = regions.filter(|(of, size)| size.is_none() && !left_out(*of)).count();
            prop_assert!(unknown == 0 || series.totals.get(at).is_none());
        }
    }

    /// The areas of a chart stack to the total at each sample drawn.
    #[test]
    fn what_a_chart_stacks_by_object_is_the_total(
        made in samples(false), kept in 1_usize..9, keys in 1_usize..9, begin in 0_usize..2,
    ) {
        let limits = Limits { values: 0, objects: kept, ..LIMITS };
        let series = summed(&made, &[Metric::RESIDENT], limits).remove(0);
        let options = ChartOptions { kind: ChartKind::Area, ..ChartOptions::default() };
        let counted = CountedKeys::of(&series, &options);
        let room = Room { columns: 8, keys, one_legend: false };
        let selection = select(&series, &counted, &options, Naming::Linux, room, begin);
        for (index, at) in selection.thinned.kept.iter().enumerate() {
            let sum: i128 = selection.shown.iter().map(|shown| shown.values[index]).sum();
            prop_assert_eq!(Some(sum), series.totals.get(*at).map(i128::from));
        }
    }
}

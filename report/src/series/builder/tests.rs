//! Small blocks, and a file of several chunks: sums give what regions do.

use std::ops::ControlFlow;
use std::sync::Arc;

use vmrec_sampler::{
    Consistency, ProcessTotals, Quantities, Quantity, Region, RegionType, Snapshot, Timestamp,
    types,
};
use vmrec_store::{RecordingId, Sample, SampleState, Store, TypeSums, Writer};

use super::*;
use crate::fixture;
use crate::series::tick::TickState;

fn region(region_type: RegionType, pages: u64, quantities: Quantities) -> Region {
    let known: Vec<_> = Quantity::ALL
        .into_iter()
        .filter_map(|quantity| Some((quantity, quantities.get(quantity)?)))
        .collect();
    fixture::region(0..pages << 12, region_type, None, &known)
}

fn resident(region_type: RegionType, bytes: u64) -> Region {
    region(region_type, 1, Quantities::UNKNOWN.with(Quantity::Resident, bytes))
}

/// Adds a sample with these regions, or a missed one.
fn push(builder: &mut SeriesBuilder, number: u64, regions: Option<Vec<Region>>) {
    let missed = SampleState::Missed { ticks: 1, reason: "late".into() };
    let tick = vmrec_store::Tick {
        number,
        taken: Timestamp { utc_ns: 0, monotonic_ns: number * 1_000_000_000 },
        state: regions.as_ref().map_or(missed, |_| SampleState::Complete),
        regions: regions.as_ref().map(|regions| regions.len() as u64),
    };
    let mut block = SumsBlock { ticks: vec![tick], types: Vec::new() };
    for region in regions.into_iter().flatten() {
        let region_type = &region.identity.label.region_type;
        let index = block.types.iter().position(|of| of.region_type == *region_type);
        let index = index.unwrap_or_else(|| {
            let columns = vec![[Some(0)].into_iter().collect(); builder.measures().len()];
            block.types.push(TypeSums { region_type: region_type.clone(), columns });
            block.types.len() - 1
        });
        for (measure, column) in builder.measures().iter().zip(&mut block.types[index].columns) {
            let sum = column
                .values()
                .next()
                .flatten()
                .zip(measure.of(&region))
                .map(|(sum, value)| sum + value);
            *column = [sum].into_iter().collect();
        }
    }
    builder.push(&block);
}

fn values(series: &Series, name: &str) -> Vec<Option<u64>> {
    let key = series.keys.iter().find(|key| &*key.key.name == name);
    key.map(|key| key.values.iter().collect()).unwrap_or_default()
}

#[test]
fn sums_by_family_and_by_type() {
    for (by, name, expected) in [(By::Family, "image", 30), (By::Type, "__TEXT", 10)] {
        let mut builder = SeriesBuilder::new(&[Metric::Regions, Metric::RESIDENT], by, 1);
        let regions =
            vec![resident(types::TEXT, 10), resident(types::DATA, 20), resident(types::STACK, 5)];
        push(&mut builder, 1, Some(regions));
        let series = builder.finish();
        assert_eq!(values(&series[1], name), [Some(expected)]);
        assert_eq!(series[1].totals.get(0), Some(35));
        assert_eq!(series[0].totals.get(0), Some(3));
    }
}

#[test]
fn absent_is_zero_but_missed_is_unknown() {
    let mut builder = SeriesBuilder::new(&[Metric::RESIDENT], By::Family, 1_000_000_000);
    push(&mut builder, 1, Some(vec![resident(types::TEXT, 10)]));
    push(&mut builder, 2, None);
    push(&mut builder, 3, Some(vec![resident(types::TEXT, 7), resident(types::STACK, 5)]));
    push(&mut builder, 4, Some(vec![resident(types::STACK, 6)]));
    let series = builder.finish().remove(0);
    assert_eq!(values(&series, "stack"), [Some(0), None, Some(5), Some(6)]);
    assert_eq!(values(&series, "image"), [Some(10), None, Some(7), Some(0)]);
    let growth: Vec<_> = series.keys[0].growth().collect();
    assert_eq!(growth, [Some(0), None, Some(-3), Some(-10)]);
    assert_eq!(series.gaps.len(), 1);
}

#[test]
fn a_metric_no_region_knows_gives_no_key_and_no_total() {
    let mut builder =
        SeriesBuilder::new(&[Metric::PSS, Metric::RESIDENT], By::Family, 1_000_000_000);
    push(&mut builder, 1, Some(vec![]));
    push(&mut builder, 2, Some(vec![resident(types::TEXT, 10)]));
    let series = builder.finish();
    assert_eq!((series[0].keys.len(), series[0].unknown.len()), (0, 1));
    assert_eq!(series[0].totals.last_known(), None);
    assert_eq!(series[1].totals.iter().collect::<Vec<_>>(), [Some(0), Some(10)]);
}

#[test]
fn one_unknown_region_makes_its_key_unknown_there() {
    let mut builder = SeriesBuilder::new(&[Metric::RESIDENT], By::Family, 1_000_000_000);
    push(&mut builder, 1, Some(vec![resident(types::TEXT, 10)]));
    let unknown = region(types::DATA, 1, Quantities::UNKNOWN);
    push(&mut builder, 2, Some(vec![resident(types::TEXT, 10), unknown]));
    let series = builder.finish().remove(0);
    assert_eq!(values(&series, "image"), [Some(10), None]);
    assert_eq!(series.totals.get(1), None);
}

/// Some minutes of a process whose regions come, go, grow and are not always known; a stretch is missed.
fn made_up(path: &std::path::Path) -> RecordingId {
    let mut writer = Writer::open(path).unwrap();
    let id = fixture::begin(&mut writer, 2_000_000_000);
    for n in 0..1100_u64 {
        if n % 97 > 90 {
            let due = fixture::snapshot(n * 2, ProcessTotals::default(), Vec::new()).taken;
            writer.missed(id, due, 1, "late").unwrap();
            continue;
        }
        let known = |bytes: u64| {
            Quantity::ALL.map(|quantity| (quantity, (bytes + quantity as u64) << 12)).to_vec()
        };
        let mut regions = vec![
            fixture::region(0..1 << 20, types::TEXT, Some("/bin/app"), &known(50)),
            fixture::region(
                1 << 20..(2 << 20) + ((n / 9) << 12),
                types::MALLOC_BRK,
                None,
                &known(n),
            ),
        ];
        if n % 60 > 30 {
            regions.push(fixture::region(1 << 30..2 << 30, types::STACK, None, &known(n % 7)));
        }
        if n > 400 {
            let some = if n % 5 == 0 { &known(3)[..4] } else { &known(3)[..] };
            regions.push(fixture::region(3 << 30..4 << 30, types::DATA, None, some));
        }
        if n > 700 {
            regions.push(fixture::region(5 << 30..6 << 30, types::MALLOC_ARENA, None, &[]));
        }
        let mut snapshot = fixture::snapshot(n * 2, ProcessTotals::default(), regions);
        if n % 50 == 0 {
            snapshot.consistency = Consistency::Torn("moved".into());
        }
        if n % 70 < 2 {
            snapshot.consistency = Consistency::TotalsAlone("refused".into());
            snapshot.regions.clear();
        }
        writer.append(id, snapshot).unwrap();
    }
    id
}

/// The series computed region by region, in the plainest way.
fn plainly(samples: &[(Sample, Option<Snapshot>)], metric: Metric, by: By) -> Series {
    let ticks: Vec<SeriesTick> = samples
        .iter()
        .map(|(sample, _)| SeriesTick {
            number: sample.number,
            taken: sample.taken,
            state: match sample.state {
                SampleState::Complete => TickState::Complete,
                SampleState::Cheap => TickState::Cheap,
                SampleState::Unchanged => TickState::Unchanged,
                SampleState::Torn(_) => TickState::Torn,
                SampleState::TotalsAlone(_) => TickState::TotalsAlone,
                SampleState::Missed { .. } => TickState::Missed,
            },
        })
        .collect();
    let of = |region: &Region| {
        let region_type = &region.identity.label.region_type;
        let family = region_type.family();
        let name = if by == By::Family { family.name() } else { region_type.name() };
        SeriesKey { family, name: name.into() }
    };
    let mut found: Vec<(Family, usize, Arc<str>)> = Vec::new();
    for (at, (_, snapshot)) in samples.iter().enumerate() {
        for key in snapshot.iter().flat_map(|snapshot| &snapshot.regions).map(of) {
            if !found.iter().any(|(family, _, name)| (*family, name) == (key.family, &key.name)) {
                found.push((key.family, at, key.name));
            }
        }
    }
    found.sort();
    let (mut keys, mut unknown) = (Vec::new(), Vec::new());
    for (family, _, name) in found {
        let key = SeriesKey { family, name };
        let mut ever = false;
        let values: SeriesColumn = samples
            .iter()
            .map(|(_, snapshot)| {
                let mine: Vec<_> =
                    snapshot.as_ref()?.regions.iter().filter(|region| of(region) == key).collect();
                let sum = mine.iter().map(|region| metric.of(region)).sum::<Option<u64>>();
                ever |= sum.is_some() && !mine.is_empty();
                sum
            })
            .collect();
        match ever {
            true => keys.push(KeySeries { key, merged: 1, values }),
            false => unknown.push(key),
        }
    }
    let known = !keys.is_empty() || unknown.is_empty();
    let total = |at: usize| {
        samples[at].1.as_ref().filter(|_| known)?;
        keys.iter().map(|key| key.values.get(at)).sum::<Option<u64>>()
    };
    let totals: SeriesColumn = (0..samples.len()).map(total).collect();
    let gaps = gap::find(&ticks, &totals, 2_000_000_000);
    let ticks = Arc::new(ticks);
    let missed = samples.iter().map(|(sample, _)| match sample.state {
        SampleState::Missed { ticks, .. } => ticks,
        _ => 0,
    });
    let missed = missed.sum();
    Series {
        metric,
        by,
        ticks,
        keys,
        unknown,
        totals,
        gaps,
        missed,
        torn_left_out: false,
        rest: None,
    }
}

fn both_ways_agree(store: &Store, id: RecordingId, numbers: std::ops::RangeInclusive<u64>) {
    let mut samples = Vec::new();
    store
        .for_each_snapshot(id, numbers.clone(), |sample, snapshot| {
            samples.push((sample.clone(), snapshot.cloned()));
            ControlFlow::Continue(())
        })
        .unwrap();
    for by in [By::Family, By::Type] {
        let builder = SeriesBuilder::new(&Metric::ALL, by, 2_000_000_000);
        let mut builder = builder.torn(TornValues::Kept);
        let measures = builder.measures().to_vec();
        store.for_each_sums(id, numbers.clone(), &measures, |block| builder.push(block)).unwrap();
        for (series, metric) in builder.finish().into_iter().zip(Metric::ALL) {
            assert_eq!(
                series,
                plainly(&samples, metric, by),
                "{metric:?} by {by:?} of {numbers:?}"
            );
        }
    }
}

#[test]
fn sums_of_chunks_and_rows_give_what_regions_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let id = made_up(&path);
    let store = Store::open(&path).unwrap();
    let in_chunks = store.rollups(id, 0..=0, &[]).unwrap().last;
    assert!((300..1100).contains(&in_chunks), "{in_chunks} of them are in chunks");
    for numbers in [1..=1100, 250..=310, 91..=97, 92..=96, 880..=941, 301..=301] {
        both_ways_agree(&store, id, numbers);
    }
}

//! Samples of a process whose regions may not be read: their totals are kept, and no sum of regions
//! is made up for them.

use std::time::Duration;

use vmrec_sampler::{Consistency, ProcessTotals, Snapshot};
use vmrec_store::{Measure, Moment, Retention, SampleState, Store, WhyEnded, Writer};

use crate::made_up::{at, begun, snapshot};

const WHY: &str = "its regions may not be read";

/// The totals of a process at a second, alone.
fn totals(second: u64) -> Snapshot {
    Snapshot {
        consistency: Consistency::TotalsAlone(WHY.to_owned()),
        totals: ProcessTotals {
            resident_bytes: Some(second << 20),
            footprint_bytes: Some(second << 10),
            ..ProcessTotals::default()
        },
        regions: Vec::new(),
        ..snapshot(0, second)
    }
}

/// A week of totals becomes chunks as any recording does: rows do not pile up.
#[test]
fn totals_alone_become_chunks_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    (1..=1500).for_each(|second| {
        writer.append(id, totals(second)).unwrap();
    });
    writer.end(id, at(1501), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    for second in [1, 900, 901, 1500] {
        assert_eq!(store.snapshot(id, second).unwrap(), totals(second));
    }
    let summary = store.summary(id).unwrap();
    assert_eq!((summary.samples, summary.torn, summary.totals_alone), (1500, 0, 1500));
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    let samples = store.samples(id).unwrap();
    assert!(samples.iter().all(|one| one.state == SampleState::TotalsAlone(WHY.to_owned())));
    assert!(samples.iter().all(|one| one.regions.is_none()));
    // They are found by time and number, and the largest footprint among them.
    let found = |moment| store.sample_at(id, moment).unwrap().unwrap().sample.number;
    assert_eq!(found(Moment::Number(700)), 700);
    assert_eq!(found(Moment::Utc(at(900).utc_ns)), 900);
    assert_eq!(found(Moment::Peak), 1500);
    let extent = store.extent(id).unwrap().unwrap();
    assert_eq!((extent.first.number, extent.last.number), (1, 1500));
}

#[test]
fn no_sum_is_made_up_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    // Also in the middle of a chunk, with regions before and after.
    let mixed = |second: u64| match second {
        3 | 4 | 1000 => totals(second),
        _ => snapshot(5, second),
    };
    (1..=1200).for_each(|second| {
        writer.append(id, mixed(second)).unwrap();
    });
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    for second in [2, 3, 4, 5, 999, 1000, 1001] {
        assert_eq!(store.snapshot(id, second).unwrap(), mixed(second));
    }
    let (mut ticks, mut values) = (0, 0);
    store
        .for_each_sums(id, 1..=1200, &[Measure::Regions], |block| {
            ticks += block.ticks.len();
            for of in &block.types {
                let column: Vec<_> = of.columns[0].values().collect();
                assert!(column.iter().all(|value| *value == Some(5)), "never 0: {column:?}");
                values += column.len();
            }
        })
        .unwrap();
    assert_eq!((ticks, values), (1200, 1197));
    let all = store.rollups(id, 0..=u64::MAX, &[Measure::Regions]).unwrap();
    assert_eq!(all.spans[0].samples + 2, 900, "the mean is over samples with regions");
    assert!(all.types[0].columns[0].values().all(|mean| mean == Some(5)));
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn they_are_thinned_out_as_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    (1..=1200).for_each(|second| {
        writer.append(id, totals(second)).unwrap();
    });
    writer.end(id, at(1201), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    let mut writer = Writer::open(&path).unwrap();
    let policy = Retention {
        older_than: None,
        thin_after: Some(Duration::from_secs(10)),
        max_bytes: None,
        keep_marks: false,
    };
    writer.prune(&policy, None, at(1_000_000)).unwrap();
    writer.close().unwrap();
    let left = Store::open(&path).unwrap().samples(id).unwrap();
    assert!((20..=22).contains(&left.len()), "one a minute: {}", left.len());
}

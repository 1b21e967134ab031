//! Sums by kind of region are those of the regions, from chunks and rows alike.

use std::collections::HashMap;
use std::ops::{ControlFlow, RangeInclusive};

use proptest::prelude::*;
use vmrec_sampler::Snapshot;
use vmrec_store::{KindKey, Measure, RecordingId, Store, Writer};

use crate::made_up::{at, begin, begun, sequences};

/// For each kind a column for each measure.
type Sums = HashMap<KindKey, Vec<Vec<Option<u64>>>>;

/// The sums found by adding all regions of every sample up.
fn plainly(store: &Store, id: RecordingId, numbers: RangeInclusive<u64>) -> (Vec<u64>, Sums) {
    let (mut ticks, mut snapshots): (Vec<u64>, Vec<Snapshot>) = (Vec::new(), Vec::new());
    let visit = |sample: &vmrec_store::Sample, snapshot: Option<&Snapshot>| {
        ticks.push(sample.number);
        snapshots.extend(snapshot.cloned());
        ControlFlow::Continue(())
    };
    store.for_each_snapshot(id, numbers, visit).unwrap();
    let mut sums = Sums::new();
    for region in snapshots.iter().flat_map(|snapshot| &snapshot.regions) {
        let zeros = || vec![vec![Some(0); snapshots.len()]; Measure::ALL.len()];
        sums.entry(KindKey::of(&region.identity)).or_insert_with(zeros);
    }
    for (index, snapshot) in snapshots.iter().enumerate() {
        for region in &snapshot.regions {
            let columns = sums.get_mut(&KindKey::of(&region.identity)).unwrap();
            for (column, measure) in columns.iter_mut().zip(Measure::ALL) {
                let both = column[index].zip(measure.of(region));
                column[index] = both.map(|(sum, value)| sum.saturating_add(value));
            }
        }
    }
    (ticks, sums)
}

/// The same from the blocks of the store.
fn in_blocks(store: &Store, id: RecordingId, numbers: RangeInclusive<u64>) -> (Vec<u64>, Sums) {
    let (mut ticks, mut sums, mut snapshots) = (Vec::new(), Sums::new(), 0);
    let visit = |block: &vmrec_store::KindsBlock| {
        ticks.extend(block.ticks.iter().map(|tick| tick.number));
        let ended = snapshots + block.ticks.iter().filter(|tick| tick.has_regions()).count();
        for of in &block.kinds {
            let none = || vec![Vec::new(); Measure::ALL.len()];
            let columns = sums.entry(of.kind.clone()).or_insert_with(none);
            for (column, more) in columns.iter_mut().zip(&of.columns) {
                assert!(column.len() <= snapshots, "a kind twice in a block");
                column.resize(snapshots, Some(0));
                column.extend(more.values());
                assert_eq!(column.len(), ended);
            }
        }
        snapshots = ended;
        ControlFlow::Continue(())
    };
    store.for_each_kind_sums(id, numbers, &Measure::ALL, visit).unwrap();
    for column in sums.values_mut().flatten() {
        column.resize(snapshots, Some(0));
    }
    (ticks, sums)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn both_ways_agree(
        sequence in sequences(), times in 1_usize..70, closed in any::<bool>(),
        from in 1_u64..900, length in 0_u64..400,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, id) = begun(&path);
        let mut last = 0;
        for snapshot in std::iter::repeat_n(&sequence, times).flatten() {
            last = writer.append(id, snapshot.clone()).unwrap();
            if last % 50 == 0 {
                last = writer.missed(id, at(last), 3, "busy").unwrap();
            }
        }
        if closed {
            writer.close().unwrap();
        }
        let store = Store::open(&path).unwrap();
        let from = 1 + from % last;
        for numbers in [1..=last, 0..=u64::MAX, from..=(from + length).min(last)] {
            let (ticks, sums) = in_blocks(&store, id, numbers.clone());
            let (expected_ticks, expected) = plainly(&store, id, numbers);
            prop_assert_eq!(ticks, expected_ticks);
            prop_assert_eq!(sums, expected);
        }
    }
}

#[test]
fn a_visit_can_stop_early() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    let id = begin(&mut writer);
    for second in 1..=900 {
        writer.append(id, crate::made_up::snapshot(3, second)).unwrap();
    }
    writer.close().unwrap();
    let mut blocks = 0;
    let store = Store::open(&path).unwrap();
    store
        .for_each_kind_sums(id, 1..=900, &[Measure::Regions], |_| {
            blocks += 1;
            ControlFlow::Break(())
        })
        .unwrap();
    assert_eq!(blocks, 1);
}

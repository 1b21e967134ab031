//! Samples with the same regions that are written together.

use proptest::prelude::*;
use vmrec_sampler::Snapshot;
use vmrec_store::{Error, RecordingId, Store};

use crate::made_up::{at, begun, sequences, snapshot};

#[test]
fn a_run_goes_on_over_the_end_of_a_chunk_and_missed_ticks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    let (mut expected, mut next) = (Vec::new(), 1);
    for batch in 0..100 {
        let one = snapshot(20, batch / 40);
        let run: Vec<Snapshot> =
            (0..25).map(|n| Snapshot { taken: at(batch * 30 + n), ..one.clone() }).collect();
        let mut numbers = Vec::new();
        writer.append_run(id, run.clone(), &mut numbers).unwrap();
        assert_eq!(numbers, (next..next + 25).collect::<Vec<u64>>());
        expected.extend((next..).zip(run));
        next += 25;
        if batch % 7 == 0 {
            assert_eq!(writer.missed(id, at(batch * 30 + 25), 2, "busy").unwrap(), next);
            next += 1;
        }
        if batch == 50 {
            let store = Store::open(&path).unwrap();
            let (number, last) = expected.last().unwrap();
            assert_eq!(&store.snapshot(id, *number).unwrap(), last, "while it is recorded");
        }
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    for (number, snapshot) in &expected {
        assert_eq!(&store.snapshot(id, *number).unwrap(), snapshot, "{number}");
    }
    assert_eq!(store.samples(id).unwrap().len() as u64, next - 1);
}

#[test]
fn a_run_is_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(20, 0)).unwrap();
    let log_bytes = || std::fs::metadata(folder.path().join("a.db-wal")).unwrap().len();
    let run = || (0..20).map(|second| Snapshot { taken: at(second), ..snapshot(20, 0) });
    let before = log_bytes();
    run().for_each(|snapshot| _ = writer.append(id, snapshot).unwrap());
    let between = log_bytes();
    writer.append_run(id, run().collect(), &mut Vec::new()).unwrap();
    let (one_by_one, together) = (between - before, log_bytes() - between);
    assert!(together * 4 < one_by_one, "{together} {one_by_one}");
}

#[test]
fn a_run_of_a_recording_that_has_not_begun_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, _) = begun(&folder.path().join("a.db"));
    let run = vec![snapshot(3, 1); 3];
    let refused = writer.append_run(RecordingId(99), run, &mut Vec::new());
    assert!(matches!(refused, Err(Error::NotBegun { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_run_is_stored_like_its_samples_one_by_one(
        sequence in sequences(),
        repeats in prop::collection::vec(1_usize..5, 1..8),
        batches in prop::collection::vec(1_usize..9, 1..8),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, id) = begun(&path);
        let repeat = |(snapshot, times)| std::iter::repeat_n(snapshot, times);
        let sequence = sequence.into_iter().zip(repeats.into_iter().cycle());
        let all: Vec<Snapshot> = sequence.flat_map(repeat).collect();
        let (mut rest, mut numbers) = (all.clone(), Vec::new());
        for batch in batches.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let run = rest.drain(..rest.len().min(*batch)).collect();
            writer.append_run(id, run, &mut numbers).unwrap();
        }
        prop_assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>());
        let store = Store::open(&path).unwrap();
        for (number, snapshot) in (1..).zip(&all) {
            prop_assert_eq!(&store.snapshot(id, number).unwrap(), snapshot);
        }
        prop_assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    }
}

//! What was recorded comes back exactly.

use std::ops::ControlFlow;
use std::sync::Arc;

use proptest::prelude::*;
use vmrec_sampler::{Snapshot, Timestamp};
use vmrec_store::{Error, RecordingId, SampleState, Store, WhyEnded, Writer, add_mark};

use crate::made_up::{at, begin, begun, sequences, snapshot};
use crate::target::{begin_session, host, process};

fn all(store: &Store, id: vmrec_store::RecordingId) -> Vec<Option<Snapshot>> {
    let mut all = Vec::new();
    store
        .for_each_snapshot(id, 0..=u64::MAX, |sample, snapshot| {
            assert_eq!(sample.has_regions(), snapshot.is_some());
            all.push(snapshot.cloned());
            ControlFlow::Continue(())
        })
        .unwrap();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_snapshot_comes_back(sequence in sequences()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, id) = begun(&path);
        for (place, snapshot) in sequence.iter().enumerate() {
            prop_assert_eq!(writer.append(id, snapshot.clone()).unwrap(), place as u64 + 1);
        }
        let store = Store::open(&path).unwrap();
        for (place, snapshot) in sequence.iter().enumerate() {
            prop_assert_eq!(&store.snapshot(id, place as u64 + 1).unwrap(), snapshot);
        }
        let read: Vec<_> = all(&store, id).into_iter().flatten().collect();
        let mut with_regions = sequence;
        with_regions.retain(|snapshot| snapshot.consistency.totals_alone().is_none());
        prop_assert_eq!(read, with_regions);
        prop_assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn a_long_recording_is_reached_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=700 {
        if second % 100 == 0 {
            writer.missed(id, at(second), 3, "busy").unwrap();
        } else {
            writer.append(id, snapshot(30, second)).unwrap();
        }
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    for second in [1, 2, 99, 101, 299, 301, 302, 303, 304, 305, 599, 699] {
        assert_eq!(store.snapshot(id, second).unwrap(), snapshot(30, second), "{second}");
    }
    assert!(matches!(store.snapshot(id, 300), Err(Error::Missed { number: 300, .. })));
    assert!(matches!(store.snapshot(id, 701), Err(Error::NoSuchSample { number: 701, .. })));
    assert!(matches!(store.snapshot(id, 0), Err(Error::NoSuchSample { .. })));
    let read = all(&store, id);
    assert_eq!(read.len(), 700);
    assert_eq!(read[299], None);
    assert_eq!(read[699 - 1], Some(snapshot(30, 699)));
}

#[test]
fn a_visit_can_stop_early_and_ask_for_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=5 {
        writer.append(id, snapshot(3, second)).unwrap();
    }
    let store = Store::open(&path).unwrap();
    let mut seen = Vec::new();
    store
        .for_each_snapshot(id, 2..=5, |sample, now| {
            let before = store.snapshot(id, sample.number - 1).unwrap();
            let now = now.unwrap();
            assert!(
                Arc::ptr_eq(&before.regions[0].identity, &now.regions[0].identity)
                    || seen.is_empty()
            );
            seen.push(sample.number);
            if sample.number == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, [2, 3, 4]);
}

#[test]
fn every_fact_of_a_recording_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(3, 1)).unwrap();
    writer.missed(id, at(2), 7, "stopped").unwrap();
    let running = Store::open(&path).unwrap();
    assert!(running.being_recorded());
    assert_eq!(running.recording(id).unwrap().ended, None);
    let why = [
        WhyEnded::Interrupted,
        WhyEnded::Finished,
        WhyEnded::TargetExited(None),
        WhyEnded::TargetExited(Some(137)),
        WhyEnded::TargetReplaced,
        WhyEnded::RecorderLost,
        WhyEnded::Failed("no room".to_owned()),
    ];
    let mut current = id;
    for (place, why) in why.iter().enumerate() {
        writer.end(current, at(9), why).unwrap();
        assert!(matches!(writer.append(current, snapshot(1, 1)), Err(Error::NotBegun { .. })));
        if place + 1 < 7 {
            current = begin(&mut writer);
        }
    }
    drop(running);
    writer.close().unwrap();

    let store = Store::open(&path).unwrap();
    assert!(!store.being_recorded());
    assert_eq!(store.file_bytes(), std::fs::metadata(&path).unwrap().len());
    let summaries = store.recordings().unwrap();
    assert_eq!(summaries.len(), why.len());
    for (summary, why) in summaries.iter().zip(why) {
        assert_eq!(summary.recording.why_ended, Some(why));
        assert_eq!(summary.recording.ended, Some(at(9)));
    }
    assert_eq!(store.newest().unwrap(), Some(summaries[6].recording.id));
    let first = &summaries[0];
    assert_eq!(store.recording(id).unwrap(), first.recording);
    assert_eq!((&first.recording.process, &first.recording.host), (&process(), &host()));
    assert_eq!(first.recording.name.as_deref(), Some("a name"));
    assert_eq!((first.recording.interval_ns, first.recording.begun), (2_000_000_000, at(0)));
    assert_eq!((first.samples, first.torn, first.missed_ticks), (1, 0, 7));
    assert_eq!((first.first, first.last), (Some(at(1)), Some(at(2))));
    assert_eq!(summaries[1].first, None);

    let samples = store.samples(id).unwrap();
    assert_eq!(samples.len(), 2);
    assert_eq!((samples[0].regions, samples[0].cost), (Some(3), snapshot(3, 1).cost));
    assert_eq!(samples[0].totals, snapshot(3, 1).totals);
    assert_eq!(samples[1].state, SampleState::Missed { ticks: 7, reason: "stopped".to_owned() });
    let unknown = vmrec_store::RecordingId(99);
    assert!(matches!(store.samples(unknown), Err(Error::NoSuchRecording { .. })));
}

#[test]
fn times_before_1970_and_marks_come_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    add_mark(&path, id, 5, "later").unwrap();
    add_mark(&path, id, i64::MIN, "first").unwrap();
    let mut early = snapshot(1, 1);
    early.taken = Timestamp { utc_ns: -1, monotonic_ns: u64::MAX };
    writer.append(id, early.clone()).unwrap();
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.snapshot(id, 1).unwrap(), early);
    let marks = store.marks(id).unwrap();
    assert_eq!(marks.iter().map(|mark| mark.text.as_str()).collect::<Vec<_>>(), ["first", "later"]);
    assert_eq!(marks[0].utc_ns, i64::MIN);
    let missing = add_mark(&path, vmrec_store::RecordingId(9), 0, "x");
    assert!(matches!(missing, Err(Error::NoSuchRecording { .. })));
}

#[test]
fn an_empty_file_becomes_a_recording_and_a_link_to_one_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    std::fs::write(&path, "").unwrap();
    assert!(matches!(Store::open(&path), Err(Error::NotARecording { what: "is empty", .. })));
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let (writer, _) = begun(&link);
    assert!(matches!(Writer::open(&path), Err(Error::Busy { .. })));
    writer.close().unwrap();
    assert_eq!(Store::open(&path).unwrap().recordings().unwrap().len(), 1);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn recordings_of_a_session_share_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    let session = begin_session(&mut writer, at(0)).unwrap();
    let parent = process();
    let child = |pid: u32| {
        let mut child = process();
        (child.id.pid, child.parent_pid) = (pid, Some(parent.id.pid));
        child
    };
    let first = writer.begin(session, &parent, None, at(0)).unwrap();
    let mut ids = vec![first];
    for pid in [7001, 7002] {
        ids.push(writer.begin(session, &child(pid), None, at(0)).unwrap());
    }
    for second in 1..=800 {
        let all = ids.iter().map(|id| (*id, snapshot(3 + id.0 as u64, second))).collect();
        let numbers = writer.append_all(all).unwrap();
        assert!(numbers.values().all(|number| *number == second), "{numbers:?}");
    }
    // All or none: one that is not under way keeps the others from being written.
    let unknown = RecordingId(99);
    let all = [first, unknown].map(|id| (id, snapshot(3, 801)));
    assert!(matches!(writer.append_all(all.into()), Err(Error::NotBegun { .. })));
    // Each goes its own way: one ends, one misses a tick, one goes on.
    writer.end(ids[1], at(801), &WhyEnded::TargetExited(None)).unwrap();
    assert_eq!(writer.missed(ids[2], at(801), 1, "busy").unwrap(), 801);
    assert_eq!(writer.append(first, snapshot(4, 801)).unwrap(), 801);
    for id in [ids[0], ids[2]] {
        writer.end(id, at(802), &WhyEnded::Finished).unwrap();
    }
    writer.close().unwrap();

    let store = Store::open(&path).unwrap();
    assert!(store.verify().unwrap().is_empty());
    for id in &ids {
        let recording = store.recording(*id).unwrap();
        assert_eq!((recording.session, recording.host), (session, host()));
        for number in [1, 300, 301, 799, 800] {
            let expected = snapshot(3 + id.0 as u64, number);
            assert_eq!(store.snapshot(*id, number).unwrap(), expected, "{id:?} {number}");
        }
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    let parents: Vec<Option<i64>> = connection
        .prepare("SELECT parent FROM recording ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(parents, [None, Some(first.0), Some(first.0)]);
}

#[test]
fn a_new_file_takes_64_kib_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (writer, _) = begun(&path);
    writer.close().unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes <= 64 << 10, "{bytes}");
}

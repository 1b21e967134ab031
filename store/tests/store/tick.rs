//! The additions of a tick to several recordings are one transaction.

use vmrec_sampler::ProcessInfo;
use vmrec_store::{
    Added, Addition, Continues, Error, NextSample, RecordingId, SampleState, Store, WhyEnded,
    Writer,
};

use crate::evidence::evidence;
use crate::made_up::{at, snapshot};
use crate::target::{begin_session, process};

fn child(pid: u32) -> ProcessInfo {
    let mut child = process();
    (child.id.pid, child.parent_pid) = (pid, Some(process().id.pid));
    child
}

fn taken(to: Continues<'_>, regions: u64, second: u64) -> Addition<'_> {
    let sample = NextSample::Taken(Box::new(snapshot(regions, second)), None);
    Addition { to, sample: Some(sample), end: None }
}

#[test]
fn recordings_begin_go_on_and_end_in_one_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    let session = begin_session(&mut writer, at(0)).unwrap();
    let (parent, sons) = (process(), [child(7001), child(7002)]);
    let root = Continues::New(&parent, Some("root"), at(1));
    let first = Addition {
        sample: Some(NextSample::Taken(Box::new(snapshot(3, 1)), Some(Box::new(evidence(1))))),
        ..taken(root, 3, 1)
    };
    let second = taken(Continues::New(&sons[0], None, at(1)), 4, 1);
    let added = writer.tick(session, vec![first, second]).unwrap();
    let of = |recording, number| Added { recording: RecordingId(recording), number };
    assert_eq!(added, [of(1, Some(1)), of(2, Some(1))]);

    // The parent ends while another child begins, which was its own all the same.
    let ends = Addition {
        end: Some((at(2), WhyEnded::TargetExited(Some(3)))),
        ..taken(Continues::Active(RecordingId(1)), 3, 2)
    };
    let due = NextSample::Missed { due: at(2), ticks: 2, reason: "busy".to_owned() };
    let waits = Addition { to: Continues::Active(RecordingId(2)), sample: Some(due), end: None };
    let begins = taken(Continues::New(&sons[1], None, at(2)), 5, 2);
    let added = writer.tick(session, vec![ends, waits, begins]).unwrap();
    assert_eq!(added, [of(1, Some(2)), of(2, Some(2)), of(3, Some(1))]);

    // All or nothing: one that has ended keeps another one from beginning.
    let ended = taken(Continues::Active(RecordingId(1)), 3, 3);
    let more = taken(Continues::New(&sons[1], None, at(3)), 3, 3);
    assert!(matches!(writer.tick(session, vec![more, ended]), Err(Error::NotBegun { .. })));

    let end = |id| Addition {
        to: Continues::Active(RecordingId(id)),
        sample: None,
        end: Some((at(4), WhyEnded::Finished)),
    };
    assert_eq!(writer.tick(session, vec![end(2), end(3)]).unwrap(), [of(2, None), of(3, None)]);
    writer.close().unwrap();

    let store = Store::open(&path).unwrap();
    assert!(store.verify().unwrap().is_empty());
    assert_eq!(store.recordings().unwrap().len(), 3);
    assert_eq!(store.snapshot(RecordingId(1), 2).unwrap(), snapshot(3, 2));
    assert_eq!(store.snapshot(RecordingId(3), 1).unwrap(), snapshot(5, 2));
    assert_eq!(store.evidence(RecordingId(1), 2).unwrap(), Some(evidence(1)));
    let recording = store.recording(RecordingId(1)).unwrap();
    assert_eq!(recording.why_ended, Some(WhyEnded::TargetExited(Some(3))));
    assert_eq!(recording.name.as_deref(), Some("root"));
    let samples = store.samples(RecordingId(2)).unwrap();
    assert!(matches!(&samples[1].state, SampleState::Missed { ticks: 2, .. }));
    let parents: Vec<Option<i64>> = rusqlite::Connection::open(&path)
        .unwrap()
        .prepare("SELECT parent FROM recording ORDER BY id")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(parents, [None, Some(1), Some(1)]);
}

#[test]
fn many_recordings_become_chunks_while_they_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    let session = begin_session(&mut writer, at(0)).unwrap();
    let mut active: Vec<RecordingId> = Vec::new();
    let mut begun = 0;
    for second in 1..=120 {
        let process = child(5000 + begun);
        let mut additions = Vec::new();
        for (place, id) in active.iter().enumerate() {
            // The third oldest ends at every tenth tick.
            let ends = second % 10 == 0 && place == 2;
            additions.push(Addition {
                end: ends.then(|| (at(second), WhyEnded::TargetExited(None))),
                ..taken(Continues::Active(*id), 2 + place as u64 % 5, second)
            });
        }
        if second % 7 == 1 {
            begun += 1;
            additions.push(taken(Continues::New(&process, None, at(second)), 3, second));
        }
        let ending: Vec<bool> = additions.iter().map(|one| one.end.is_some()).collect();
        let added = writer.tick(session, additions).unwrap();
        let alive = added.iter().zip(ending).filter(|(_, ends)| !ends);
        active = alive.map(|(added, _)| added.recording).collect();
    }
    drop(writer);
    let store = Store::open(&path).unwrap();
    assert!(store.verify().unwrap().is_empty());
    assert_eq!(store.recordings().unwrap().len(), begun as usize);
    assert_eq!(store.snapshot(RecordingId(1), 120).unwrap(), snapshot(2, 120));
}

/// Hundreds of short processes may end in one tick, and more in the next: their chunks are stored as
/// fast as they are made, or they would wait in memory, more of them with every tick.
#[test]
fn chunks_are_stored_as_fast_as_recordings_end() {
    const TICKS: u64 = 20;
    const ENDS: u32 = 40;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let mut writer = Writer::open(&path).unwrap();
    let session = begin_session(&mut writer, at(0)).unwrap();
    let root = writer
        .tick(session, vec![taken(Continues::New(&process(), None, at(1)), 3, 1)])
        .unwrap()[0]
        .recording;
    for tick in 2..TICKS + 2 {
        let children: Vec<ProcessInfo> =
            (0..ENDS).map(|number| child(10_000 + tick as u32 * ENDS + number)).collect();
        let short = children.iter().map(|child| Addition {
            end: Some((at(tick), WhyEnded::TargetExited(None))),
            ..taken(Continues::New(child, None, at(tick)), 3, tick)
        });
        writer.tick(session, short.collect()).unwrap();
    }
    let file = rusqlite::Connection::open(&path).unwrap();
    let stored =
        || -> i64 { file.query_row("SELECT count(*) FROM chunk", [], |row| row.get(0)).unwrap() };
    let all = TICKS as i64 * i64::from(ENDS);
    // At 16 a tick these would store 640 of 800.
    for tick in TICKS + 2..2 * TICKS + 2 {
        if stored() == all {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        writer.tick(session, vec![taken(Continues::Active(root), 3, tick)]).unwrap();
    }
    assert_eq!(stored(), all);
}

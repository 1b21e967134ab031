//! Damaged files come to new ones in which every figure is right.

use std::collections::HashMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vmrec_sampler::Snapshot;
use vmrec_store::{Error, RecordingId, Repaired, Store, WhyEnded, Writer, add_mark, repair};

use crate::made_up::{at, begin, begun, snapshot};

const PAGE: usize = 1024;

/// A folder with a file of two recordings, long enough to have trees of several pages.
fn made_up() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=90 {
        if second % 40 == 0 {
            writer.missed(id, at(second), 2, "asleep").unwrap();
        } else {
            writer.append(id, snapshot(60 + second % 3, second)).unwrap();
        }
    }
    writer.end(id, at(91), &WhyEnded::Finished).unwrap();
    let second_id = begin(&mut writer);
    for second in 1..=9 {
        writer.append(second_id, snapshot(40, second)).unwrap();
    }
    writer.close().unwrap();
    add_mark(&path, id, at(2).utc_ns, "here").unwrap();
    (folder, path)
}

/// A whole file and all snapshots in it.
struct Whole {
    store: Store,
    snapshots: HashMap<(RecordingId, u64), Snapshot>,
}

impl Whole {
    fn new(path: &Path) -> Self {
        let store = Store::open(path).unwrap();
        let mut snapshots = HashMap::new();
        for summary in store.recordings().unwrap() {
            each(&store, summary.recording.id, |number, snapshot| {
                snapshots.insert((summary.recording.id, number), snapshot.clone());
            });
        }
        Self { store, snapshots }
    }
}

fn each(store: &Store, id: RecordingId, mut visit: impl FnMut(u64, &Snapshot)) {
    store
        .for_each_snapshot(id, 0..=u64::MAX, |sample, snapshot| {
            if let Some(snapshot) = snapshot {
                visit(sample.number, snapshot);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
}

/// Repairs `bytes` and checks that all that is kept is as in the file `whole`.
fn repaired(whole: &Whole, bytes: &[u8]) -> Result<Repaired, Error> {
    let folder = tempfile::tempdir().unwrap();
    let (damaged, new) = (folder.path().join("damaged.db"), folder.path().join("new.db"));
    fs::write(&damaged, bytes).unwrap();
    let outcome = repair(&damaged, &new);
    assert!(fs::read(&damaged).unwrap() == bytes, "it was changed");
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{error}");
            return Err(error);
        }
    };
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    let new = Store::open(&new).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(new.verify().unwrap(), Vec::<String>::new());
    for mended in &report.recordings {
        let mut kept = 0;
        each(&new, mended.id, |number, snapshot| {
            kept += 1;
            assert!(snapshot == &whole.snapshots[&(mended.id, number)], "sample {number}");
        });
        assert_eq!(kept, mended.kept);
        let marks = whole.store.marks(mended.id).unwrap();
        assert!(new.marks(mended.id).unwrap().iter().all(|mark| marks.contains(mark)));
        if !mended.is_placeholder {
            let read = new.recording(mended.id).unwrap().process;
            let was = whole.store.recording(mended.id).unwrap().process;
            assert_eq!((read.id.pid, read.id.start_ticks), (was.id.pid, was.id.start_ticks));
            assert!(mended.session_lost || read.id == was.id);
            assert!(was.arguments.starts_with(&read.arguments));
        }
        for number in new.evidence_numbers(mended.id).unwrap() {
            assert!(
                new.evidence(mended.id, number).unwrap()
                    == whole.store.evidence(mended.id, number).unwrap()
            );
        }
        assert_eq!(new.evidence_numbers(mended.id).unwrap().len() as u64, mended.evidence);
    }
    Ok(report)
}

fn kept(report: &Repaired) -> u64 {
    report.recordings.iter().map(|mended| mended.kept).sum()
}

#[test]
fn nothing_is_lost_of_a_whole_file() {
    let (_folder, path) = made_up();
    let report = repaired(&Whole::new(&path), &fs::read(&path).unwrap()).unwrap();
    assert!(!report.lost_something(), "{report:?}");
    let whole = Store::open(&path).unwrap();
    assert_eq!(kept(&report), whole.counts().unwrap().samples);
    for mended in &report.recordings {
        assert_eq!(mended.marks, whole.marks(mended.id).unwrap().len() as u64);
        assert_eq!(mended.evidence, whole.evidence_numbers(mended.id).unwrap().len() as u64);
    }
}

#[test]
fn a_file_without_its_header_loses_nothing() {
    let (_folder, path) = made_up();
    let mut bytes = fs::read(&path).unwrap();
    bytes[..100].fill(0xaa);
    let report = repaired(&Whole::new(&path), &bytes).unwrap();
    assert!(!report.lost_something(), "{report:?}");
    assert_eq!(kept(&report), Store::open(&path).unwrap().counts().unwrap().samples);
}

#[test]
fn rows_are_found_without_the_list_of_tables() {
    let (_folder, path) = made_up();
    let mut bytes = fs::read(&path).unwrap();
    bytes[..PAGE].fill(0);
    let report = repaired(&Whole::new(&path), &bytes).unwrap();
    assert!(report.tables_lost);
    assert_eq!(kept(&report), Store::open(&path).unwrap().counts().unwrap().samples);
}

#[test]
fn samples_before_a_cut_are_as_they_were() {
    let (_folder, path) = made_up();
    let bytes = fs::read(&path).unwrap();
    let all = Whole::new(&path);
    let mut most = 0;
    for end in (PAGE..bytes.len()).step_by(PAGE) {
        match repaired(&all, &bytes[..end]) {
            Ok(report) => {
                assert!(report.lost_something(), "{end}: {report:?}");
                most = most.max(kept(&report));
            }
            Err(Error::NotARecording { .. } | Error::Damaged { .. }) => {}
            Err(other) => panic!("{end}: {other:?}"),
        }
    }
    assert!(most > 0);
}

#[test]
fn no_flipped_bit_changes_a_figure() {
    let (_folder, path) = made_up();
    let whole = fs::read(&path).unwrap();
    let all = Whole::new(&path);
    let mut random = 7_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize
    };
    let mut saved = 0;
    for round in 0..40 {
        let mut bytes = whole.clone();
        for _ in 0..1 + round % 8 {
            let place = next() % bytes.len();
            bytes[place] ^= 1 << (next() % 8);
        }
        let report = repaired(&all, &bytes).unwrap();
        saved += kept(&report);
    }
    let most = 40 * all.snapshots.len() as u64;
    assert!(saved > most / 2, "{saved} of {most}");
}

#[test]
fn a_recording_without_its_row_gets_a_stand_in() {
    let (_folder, path) = made_up();
    let mut bytes = fs::read(&path).unwrap();
    // both rows hold the name; the changed one no longer matches its checksum
    let place = bytes.windows(6).position(|window| window == b"a name").unwrap();
    bytes[place] = b'A';
    let report = repaired(&Whole::new(&path), &bytes).unwrap();
    assert_eq!(report.damaged_rows.get("recording"), Some(&1));
    assert_eq!(report.recordings.iter().filter(|mended| mended.is_placeholder).count(), 1);
    assert_eq!(kept(&report), Store::open(&path).unwrap().counts().unwrap().samples);
}

#[test]
fn a_page_of_frames_that_is_gone_costs_the_samples_up_to_the_next_key_frame() {
    let (_folder, path) = made_up();
    let whole = fs::read(&path).unwrap();
    let all = Whole::new(&path);
    let mut losses = 0;
    for page in 2..whole.len() / PAGE {
        let mut bytes = whole.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
        let report = repaired(&all, &bytes).unwrap();
        losses += usize::from(report.lost_something());
        for mended in &report.recordings {
            assert_eq!(mended.lost, mended.why.values().sum::<u64>());
        }
    }
    assert!(losses > 5);
}

#[test]
fn samples_only_in_the_log_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let copy = folder.path().join("copy.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=20 {
        writer.append(id, snapshot(30, second)).unwrap();
    }
    fs::copy(&path, &copy).unwrap();
    fs::copy(folder.path().join("a.db-wal"), folder.path().join("copy.db-wal")).unwrap();
    let new = folder.path().join("new.db");
    let report = repair(&copy, &new).unwrap();
    assert!(!report.lost_something(), "{report:?}");
    assert_eq!(kept(&report), 20);
    assert_eq!(Store::open(&new).unwrap().snapshot(id, 20).unwrap(), snapshot(30, 20));
    // and a log that is cut keeps what whole transactions wrote
    let log = fs::read(folder.path().join("copy.db-wal")).unwrap();
    fs::write(folder.path().join("copy.db-wal"), &log[..log.len() / 2]).unwrap();
    let new = folder.path().join("half.db");
    let report = repair(&copy, &new).unwrap();
    assert!(!report.lost_something() && kept(&report) > 0, "{report:?}");
    assert!(matches!(repair(&path, &folder.path().join("c.db")), Err(Error::Busy { .. })));
}

#[test]
fn a_repaired_file_is_recorded_to_again() {
    let (folder, path) = made_up();
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / PAGE / 2 * PAGE);
    fs::write(&path, &bytes).unwrap();
    let new = folder.path().join("new.db");
    let report = repair(&path, &new).unwrap();
    let mut writer = Writer::open(&new).unwrap();
    let id = begin(&mut writer);
    assert!(report.recordings.iter().all(|mended| mended.id != id));
    writer.append(id, snapshot(9, 1)).unwrap();
    writer.close().unwrap();
    assert_eq!(Store::open(&new).unwrap().verify().unwrap(), Vec::<String>::new());
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, new) = (folder.path().join("a"), folder.path().join("new.db"));
    assert!(matches!(repair(&path, &new), Err(Error::Missing { .. })));
    for (bytes, what) in [
        (&b""[..], "is empty"),
        (b"hello\n", "is a text file"),
        (&[0, 1, 2], "is not an SQLite database"),
        (&[1; 3 * PAGE], "is not an SQLite database"),
    ] {
        fs::write(&path, bytes).unwrap();
        match repair(&path, &new) {
            Err(Error::NotARecording { what: told, .. }) => assert_eq!(told, what),
            other => panic!("{what}: {other:?}"),
        }
        assert!(!new.exists());
    }
    let database = rusqlite::Connection::open(folder.path().join("other.db")).unwrap();
    database
        .execute_batch("CREATE TABLE mark (a, b, c, d); INSERT INTO mark VALUES (1, 2, 3, 4)")
        .unwrap();
    drop(database);
    match repair(&folder.path().join("other.db"), &new) {
        Err(Error::NotARecording { what, .. }) => {
            assert!(what.contains("another program"), "{what}")
        }
        other => panic!("{other:?}"),
    }
    fs::write(&new, "kept").unwrap();
    let (_other, whole) = made_up();
    assert!(matches!(repair(&whole, &new), Err(Error::Exists { .. })));
    assert!(matches!(repair(&whole, &whole), Err(Error::SameFile { .. })));
}

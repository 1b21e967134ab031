//! Copies of a file: of one moment, whole or not there.

use std::fs;

use rusqlite::Connection;
use vmrec_store::{Error, Store, WhyEnded, repair};

use crate::made_up::{at, begun, snapshot};

#[test]
fn the_copy_is_of_one_moment_and_the_recorder_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let (mut writer, id) = begun(&path);
    std::thread::scope(|scope| {
        let recorder = scope.spawn(move || {
            for second in 1..=150 {
                writer.append(id, snapshot(60, second)).unwrap();
            }
            writer.end(id, at(150), &WhyEnded::Finished).unwrap();
        });
        let mut rounds = 0;
        while !recorder.is_finished() || rounds == 0 {
            rounds += 1;
            let copied = Store::open(&path).unwrap().backup(&copy, true).unwrap();
            let store = Store::open(&copy).unwrap();
            assert_eq!(store.verify().unwrap(), Vec::<String>::new());
            assert_eq!(store.counts().unwrap(), copied.counts);
            assert_eq!(store.samples(id).unwrap().len() as u64, copied.counts.samples);
            if let last @ 1.. = copied.counts.samples {
                assert_eq!(store.snapshot(id, last).unwrap(), snapshot(60, last));
            }
        }
    });
}

#[test]
fn it_can_be_read_alone_and_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("a.db"), folder.path().join("other"));
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(9, 1)).unwrap();
    fs::create_dir(&other).unwrap();
    let copy = other.join("b.db");
    fs::write(other.join("b.db-new"), "left by a copy that was killed").unwrap();
    let store = Store::open(&path).unwrap();
    store.backup(&copy, false).unwrap();
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    assert_eq!(&fs::read(&copy).unwrap()[18..20], &[1, 1], "no log is needed to read it");
    assert!(matches!(store.backup(&copy, false), Err(Error::Exists { .. })));
    assert!(matches!(store.backup(&path, true), Err(Error::SameFile { .. })));
    assert_eq!(Store::open(&copy).unwrap().snapshot(id, 1).unwrap(), snapshot(9, 1));
    writer.append(id, snapshot(9, 2)).unwrap();
}

#[test]
fn the_log_of_a_file_that_is_replaced_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(9, 1)).unwrap();
    // a file that was not closed: its log is still there
    let old = Connection::open(&copy).unwrap();
    old.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        .unwrap();
    assert!(folder.path().join("b.db-wal").exists());
    Store::open(&path).unwrap().backup(&copy, true).unwrap();
    assert_eq!(Store::open(&copy).unwrap().snapshot(id, 1).unwrap(), snapshot(9, 1));
    drop(old);
}

#[test]
fn neither_a_copy_nor_a_repair_hides_that_a_log_lost_samples() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=40 {
        writer.append(id, snapshot(20, second)).unwrap();
    }
    let file = |name: &str| folder.path().join(name);
    let (main, log) = (fs::read(&path).unwrap(), fs::read(file("a.db-wal")).unwrap());
    drop(writer);
    let (mut lost, mut harmless) = (0, 0);
    for (round, bit) in (40..log.len()).step_by(log.len() / 30).enumerate() {
        let damaged = file(&format!("{round}.db"));
        let mut flipped = log.clone();
        flipped[bit] ^= 4;
        fs::write(&damaged, &main).unwrap();
        fs::write(file(&format!("{round}.db-wal")), &flipped).unwrap();
        let repaired = repair(&damaged, &file(&format!("{round}-new.db"))).unwrap();
        let kept: u64 = repaired.recordings.iter().map(|recording| recording.kept).sum();
        let copied = Store::open(&damaged)
            .unwrap()
            .backup(&file(&format!("{round}-copy.db")), false)
            .unwrap();
        // The last transaction may have been half written by a recorder that was killed.
        if kept < 39 {
            lost += 1;
            assert!(repaired.lost_something(), "{kept} of 40 and nothing said: {repaired:?}");
        } else {
            harmless += 1;
        }
        if copied.counts.samples < 39 {
            assert!(!copied.problems.is_empty(), "{copied:?}");
        }
    }
    assert!(lost > 10, "{lost} lost, {harmless} harmless");
}

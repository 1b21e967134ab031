//! Writers, readers and marks at the same time.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use vmrec_store::{Error, RecordingId, Store, Writer, add_mark};

use crate::made_up::{begun, snapshot};

#[test]
fn a_second_writer_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (first, _) = begun(&path);
    let asked = Instant::now();
    let error = Writer::open(&path).unwrap_err();
    assert!(asked.elapsed() < Duration::from_secs(1));
    assert!(matches!(error, Error::Busy { pid: Some(pid), .. } if pid == std::process::id()));
    first.close().unwrap();
    Writer::open(&path).unwrap();
}

#[test]
fn readers_see_each_sample_as_soon_as_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    let early = Store::open(&path).unwrap();
    for second in 1..=50 {
        assert_eq!(writer.append(id, snapshot(5, second)).unwrap(), second);
        assert_eq!(early.snapshot(id, second).unwrap(), snapshot(5, second));
        assert_eq!(Store::open(&path).unwrap().samples(id).unwrap().len() as u64, second);
    }
    // a reader that stays does not keep the writer from closing
    writer.close().unwrap();
    assert_eq!(early.samples(id).unwrap().len(), 50);
    Writer::open(&path).unwrap();
}

#[test]
fn a_recorder_waits_for_a_mark_that_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    let mut slow = Connection::open(&path).unwrap();
    let transaction = slow.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    thread::scope(|scope| {
        let appended = scope.spawn(|| writer.append(id, snapshot(5, 1)));
        thread::sleep(Duration::from_millis(150));
        assert!(!appended.is_finished());
        transaction.commit().unwrap();
        assert_eq!(appended.join().unwrap().unwrap(), 1);
    });
    drop(slow);
    thread::scope(|scope| {
        scope.spawn(|| {
            for second in 2..=60 {
                writer.append(id, snapshot(5, second)).unwrap();
            }
        });
        for second in 0..20 {
            add_mark(&path, id, second, "now").unwrap();
        }
    });
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.marks(id).unwrap().len(), 20);
    assert_eq!(store.samples(id).unwrap().len(), 60);
}

const CHILD: &str = "VMREC_STORE_TEST_MARKER";

/// Not a test of its own: the child of the test below.
#[test]
fn child_that_marks() {
    let Ok(path) = std::env::var(CHILD) else { return };
    add_mark(Path::new(&path), RecordingId(1), 1, "from outside").unwrap();
}

/// A process that opens and closes a file by itself drops its locks on it; then whoever closes the
/// database next takes itself for the last one and removes the log.
#[test]
fn looking_at_a_file_does_not_drop_the_locks_of_its_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(5, 1)).unwrap();
    drop(Store::open(&path).unwrap());
    add_mark(&path, id, 0, "from inside").unwrap();
    let marked = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "together::child_that_marks"])
        .env(CHILD, &path)
        .output()
        .unwrap();
    assert!(marked.status.success(), "{marked:?}");
    assert!(folder.path().join("a.db-wal").exists());
    writer.append(id, snapshot(5, 2)).unwrap();
    drop(Store::open(&path).unwrap());
    let store = Store::open(&path).unwrap();
    assert_eq!(store.snapshot(id, 2).unwrap(), snapshot(5, 2));
    assert_eq!(store.marks(id).unwrap().len(), 2);
}

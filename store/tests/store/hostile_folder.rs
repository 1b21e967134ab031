//! A folder where others write: links, FIFOs and deleted files beside the recording.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use vmrec_store::{Error, RecordingId, Store, Writer, add_mark};

use crate::made_up::{begin, begun, snapshot};

#[test]
fn no_link_or_fifo_beside_a_file_is_opened() {
    for suffix in ["-lock", "-journal", "-wal", "-shm"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        begun(&path).0.close().unwrap();
        let (beside, victim) =
            (folder.path().join(format!("a.db{suffix}")), folder.path().join("victim"));
        fs::write(&victim, "precious").unwrap();
        let fifo = || assert!(Command::new("mkfifo").arg(&beside).status().unwrap().success());
        for plant in [&|| symlink(&victim, &beside).unwrap(), &fifo as &dyn Fn()] {
            plant();
            let errors = [
                Writer::open(&path).err(),
                Store::open(&path).err(),
                add_mark(&path, RecordingId(1), 0, "x").err(),
            ];
            for error in errors {
                assert!(
                    matches!(&error, Some(Error::NotPlain { path }) if *path == beside),
                    "{suffix}: {error:?}"
                );
            }
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
            fs::remove_file(&beside).unwrap();
        }
    }
}

#[test]
fn a_file_with_two_names_is_not_recorded_to() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("a.db"), folder.path().join("b.db"));
    begun(&path).0.close().unwrap();
    fs::hard_link(&path, &other).unwrap();
    for name in [&path, &other] {
        assert!(matches!(Writer::open(name), Err(Error::HardLinked { .. })));
        Store::open(name).unwrap();
    }
}

#[test]
fn a_deleted_lock_is_taken_again_and_keeps_a_second_recorder_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=100 {
        if second % 7 == 0 {
            fs::remove_file(folder.path().join("a.db-lock")).unwrap();
        }
        assert_eq!(writer.append(id, snapshot(20, second)).unwrap(), second);
        assert!(matches!(Writer::open(&path), Err(Error::Busy { .. })));
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    for second in 1..=100 {
        assert_eq!(store.snapshot(id, second).unwrap(), snapshot(20, second));
    }
}

#[test]
fn of_two_recorders_after_a_deleted_lock_one_goes_on_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut first, id) = begun(&path);
    for second in 1..=30 {
        first.append(id, snapshot(20, second)).unwrap();
    }
    fs::remove_file(folder.path().join("a.db-lock")).unwrap();
    // It takes the first one for lost, and makes a chunk of its samples.
    let mut second_writer = Writer::open(&path).unwrap();
    let other = begin(&mut second_writer);
    second_writer.append(other, snapshot(10, 1)).unwrap();
    assert!(matches!(first.append(id, snapshot(20, 31)), Err(Error::Busy { .. })));
    second_writer.append(other, snapshot(10, 2)).unwrap();
    drop(first);
    assert!(matches!(Writer::open(&path), Err(Error::Busy { .. })), "its lock is still there");
    second_writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    assert_eq!(store.samples(id).unwrap().len(), 30);
    assert_eq!(store.samples(other).unwrap().len(), 2);
}

#[test]
fn a_file_deleted_moved_or_replaced_is_noticed_at_the_next_sample() {
    type Change = fn(&std::path::Path);
    let changes: [Change; 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::rename(path, path.with_extension("moved")).unwrap(),
        |path| {
            fs::copy(path, path.with_extension("copy")).unwrap();
            fs::rename(path.with_extension("copy"), path).unwrap();
        },
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, id) = begun(&path);
        writer.append(id, snapshot(5, 1)).unwrap();
        change(&path);
        assert!(matches!(writer.append(id, snapshot(5, 2)), Err(Error::Gone { .. })));
        assert!(matches!(writer.append(id, snapshot(5, 3)), Err(Error::Gone { .. })));
    }
}

#[test]
fn a_file_made_for_nothing_is_deleted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Writer::open(&path).unwrap().close_or_discard().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(3, 1)).unwrap();
    writer.close_or_discard().unwrap();
    assert!(path.exists(), "something was recorded to it");
    Writer::open(&path).unwrap().close_or_discard().unwrap();
    assert_eq!(Store::open(&path).unwrap().samples(id).unwrap().len(), 1, "it was there before");

    // A file that took its name meanwhile is another's.
    let other = folder.path().join("b.db");
    let writer = Writer::open(&other).unwrap();
    fs::copy(&path, folder.path().join("c.db")).unwrap();
    fs::rename(folder.path().join("c.db"), &other).unwrap();
    assert!(matches!(writer.close_or_discard(), Err(Error::Gone { .. })));
    assert!(other.exists());
}

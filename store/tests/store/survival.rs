//! Killed recorders, full disks, and folders that cannot be written to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use vmrec_store::{Error, Store, WhyEnded, Writer};

use crate::made_up::{at, begin, begun, snapshot};

const CHILD: &str = "VMREC_STORE_TEST_CHILD";

/// Not a test of its own: the child of the test below.
#[test]
fn child_that_records_until_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let (mut writer, id) = begun(Path::new(&path));
    for second in 1.. {
        let number = writer.append(id, snapshot(40, second)).unwrap();
        println!("stored {number}");
    }
}

/// Lets a child record to `path`, kills it after `samples` acknowledged ones and returns how many it acknowledged.
fn record_and_kill(path: &Path, samples: usize, more: Duration) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "survival::child_that_records_until_killed", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let number = |line: &str| line.split_once("stored ").and_then(|(_, n)| n.parse::<u64>().ok());
    let mut last = 0;
    for line in lines.by_ref().map(Result::unwrap) {
        last = number(&line).unwrap_or(last);
        if last >= samples as u64 {
            break;
        }
    }
    std::thread::sleep(more);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.map_while(Result::ok).filter_map(|line| number(&line)).last().unwrap_or(last)
}

#[test]
fn a_killed_recorder_loses_no_acknowledged_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    for round in 0..8_u64 {
        let samples = 1 + 17 * round as usize;
        let acknowledged = record_and_kill(&path, samples, Duration::from_micros(700 * round));
        assert!(acknowledged >= samples as u64);
        let store = Store::open(&path).unwrap();
        let id = store.newest().unwrap().unwrap();
        assert!(!store.being_recorded());
        assert_eq!(store.recording(id).unwrap().why_ended, None);
        let stored = store.samples(id).unwrap().len() as u64;
        assert!(stored == acknowledged || stored == acknowledged + 1, "{stored} {acknowledged}");
        for second in [1, stored.div_ceil(2), stored] {
            assert_eq!(store.snapshot(id, second).unwrap(), snapshot(40, second));
        }
        assert_eq!(store.verify().unwrap(), Vec::<String>::new());

        // the next recorder gives it its end, and goes on
        let (mut writer, next) = begun(&path);
        writer.append(next, snapshot(40, 1)).unwrap();
        writer.end(next, at(2), &WhyEnded::Finished).unwrap();
        let lost = store.recording(id).unwrap();
        assert_eq!(lost.why_ended, Some(WhyEnded::RecorderLost));
        assert_eq!(lost.ended, Some(at(stored)));
        assert_eq!(store.snapshot(next, 1).unwrap(), snapshot(40, 1));
    }
}

#[test]
fn a_recorder_killed_before_its_first_sample_ended_as_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (writer, id) = begun(&path);
    drop(writer);
    drop(Writer::open(&path).unwrap());
    let recording = Store::open(&path).unwrap().recording(id).unwrap();
    assert_eq!((recording.why_ended, recording.ended), (Some(WhyEnded::RecorderLost), Some(at(0))));
}

#[test]
fn a_full_disk_loses_nothing_stored_and_room_lets_recording_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&disk)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        skipped("a small file system cannot be mounted here");
        return;
    }
    let unmount = Unmount(&disk);
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![0; 500 << 10]).unwrap();
    let path = disk.join("a.db");
    let (mut writer, id) = begun(&path);
    let mut stored = 0;
    let error = loop {
        match writer.append(id, snapshot(200, stored + 1)) {
            Ok(number) => stored = number,
            Err(error) => break error,
        }
        assert!(stored < 10_000);
    };
    assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
    assert!(matches!(writer.append(id, snapshot(200, stored + 1)), Err(Error::DiskFull { .. })));
    fs::remove_file(&ballast).unwrap();
    for _ in 0..5 {
        stored += 1;
        assert_eq!(writer.append(id, snapshot(200, stored)).unwrap(), stored);
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    for second in 1..=stored {
        assert_eq!(store.snapshot(id, second).unwrap(), snapshot(200, second), "{second}");
    }
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    drop(store);
    drop(unmount);
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_read_only_file_in_a_read_only_folder_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b%.db");
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(5, 1)).unwrap();
    // a reader keeps the file in WAL mode: the harder case
    let reader = Store::open(&path).unwrap();
    reader.samples(id).unwrap();
    writer.close().unwrap();
    drop(reader);
    set_mode(&path, 0o400);
    set_mode(folder.path(), 0o500);
    if fs::write(folder.path().join("probe"), "").is_ok() {
        skipped("modes mean nothing to this user");
    } else {
        let store = Store::open(&path).unwrap();
        assert_eq!(store.snapshot(id, 1).unwrap(), snapshot(5, 1));
        assert!(!store.being_recorded());
        assert!(matches!(Writer::open(&path), Err(Error::Io { .. })));
    }
    set_mode(folder.path(), 0o700);
}

#[test]
fn a_log_left_in_a_read_only_folder_is_read_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let stored = record_and_kill(&path, 3, Duration::ZERO);
    let check = || {
        set_mode(folder.path(), 0o500);
        let writable = fs::write(folder.path().join("probe"), "").is_ok();
        let opened = Store::open(&path);
        set_mode(folder.path(), 0o700);
        match opened {
            Ok(store) => {
                let id = store.newest().unwrap().unwrap();
                assert!(store.samples(id).unwrap().len() as u64 >= stored);
            }
            Err(error) => {
                assert!(matches!(error, Error::FolderNotWritable { .. }), "{error:?}");
                assert!(!writable && error.to_string().contains("a.db-wal"), "{error}");
            }
        }
    };
    check();
    // without its index SQLite would have to make one
    let _ = fs::remove_file(folder.path().join("a.db-shm"));
    check();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_left_in_the_middle_of_a_change_without_a_log_is_read_as_it_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(5, 1)).unwrap();
    writer.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    // With no room in its cache SQLite writes to the file before it commits.
    connection
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; INSERT INTO mark (recording, utc_ns, text, checksum) \
             SELECT 1, 1, hex(zeroblob(90000)), 0 FROM (VALUES (1), (2), (3), (4), (5));",
        )
        .unwrap();
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(folder.path().join("a.db-journal"), folder.path().join("copy.db-journal")).unwrap();
    drop(connection);
    let store = Store::open(&copy).unwrap();
    assert_eq!(store.snapshot(id, 1).unwrap(), snapshot(5, 1));
    assert_eq!(store.marks(id).unwrap(), []);
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_recorder_killed_while_creating_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    fs::write(folder.path().join("a.db-new"), "SQLite format 3\0 and then nothing").unwrap();
    fs::write(folder.path().join("a.db-lock"), "1\n").unwrap();
    assert!(matches!(Store::open(&path), Err(Error::Missing { .. })));
    let mut writer = Writer::open(&path).unwrap();
    begin(&mut writer);
    writer.close().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let version: u32 = Connection::open(&path)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
}

/// Prints that a test proved nothing here, past the capture of passing tests' output.
fn skipped(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

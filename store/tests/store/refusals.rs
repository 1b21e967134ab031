//! Files that are no recordings are refused and left as they are.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use vmrec_store::{Error, RecordingId, Store, Writer, add_mark};

use crate::made_up::begun;

/// Checks that all ways of opening `path` refuse and change nothing in its folder.
fn refused(path: &Path, is_expected: impl Fn(&Error) -> bool) {
    let folder = path.parent().unwrap();
    let contents = || {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let before = contents();
    let errors = [
        Writer::open(path).err(),
        Store::open(path).err(),
        add_mark(path, RecordingId(1), 0, "x").err(),
    ];
    for error in errors {
        let error = error.expect("it is refused");
        assert!(is_expected(&error), "{error:?}");
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
    assert!(before == contents(), "the folder changed");
}

#[test]
fn a_file_shorter_than_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, "x").unwrap();
    let error = Writer::open(&path).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::NotARecording { what: "is a text file", .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), b"x");
}

#[test]
fn a_text_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "dear diary\n").unwrap();
    refused(&path, |error| matches!(error, Error::NotARecording { what: "is a text file", .. }));
}

#[test]
fn a_database_of_another_program() {
    for mode in ["DELETE", "WAL"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("places.db");
        let connection = Connection::open(&path).unwrap();
        connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(())).unwrap();
        connection.execute_batch("CREATE TABLE recording (id)").unwrap();
        drop(connection);
        refused(&path, |error| {
            matches!(
                error,
                Error::NotARecording { what: "is an SQLite database of another program", .. }
            )
        });
    }
}

#[test]
fn a_recording_of_a_newer_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    begun(&path).0.close().unwrap();
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    refused(&path, |error| matches!(error, Error::NewerVersion { found: 9, known: 1, .. }));
}

#[test]
fn a_recording_of_a_draft() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let draft = Connection::open(&path).unwrap();
    // As drafts wrote it: their application id, and a version.
    draft
        .execute_batch(
            "CREATE TABLE recording (id INTEGER PRIMARY KEY); \
             PRAGMA application_id = 0x766d7265; PRAGMA user_version = 4",
        )
        .unwrap();
    drop(draft);
    refused(&path, |error| matches!(error, Error::Draft { .. }));
}

#[test]
fn a_recording_with_a_trigger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    begun(&path).0.close().unwrap();
    let trigger = "CREATE TRIGGER t AFTER INSERT ON mark BEGIN DELETE FROM recording; END";
    Connection::open(&path).unwrap().execute_batch(trigger).unwrap();
    refused(&path, |error| matches!(error, Error::OtherSchema { version: 1, .. }));
}

#[test]
fn no_file_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    assert!(matches!(Store::open(&path), Err(Error::Missing { .. })));
    assert!(matches!(add_mark(&path, RecordingId(1), 0, "x"), Err(Error::Missing { .. })));
    let nowhere = folder.path().join("nowhere/a.db");
    assert!(matches!(Writer::open(&nowhere), Err(Error::Missing { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

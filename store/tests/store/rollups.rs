//! Rollups of files of version 3, which had those by the hour among those by the minute.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::Value;
use vmrec_store::{Measure, RecordingId, RollupSpan, Rollups, Store, repair};

use crate::made_up::begun;

/// The recording with chunks of the real file.
const RECORDING: RecordingId = RecordingId(2);

fn version_3(folder: &Path) -> PathBuf {
    let path = folder.join("v3.db");
    let real = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/v3.db");
    fs::write(&path, fs::read(real).unwrap()).unwrap();
    path
}

fn migrate(path: &Path) {
    begun(path).0.close().unwrap();
    assert_eq!(Store::open(path).unwrap().schema_version(), 4);
}

fn rollups(path: &Path, span: RollupSpan) -> Rollups {
    let store = Store::open(path).unwrap();
    store.rollups(RECORDING, span, 0..=u64::MAX, &Measure::ALL).unwrap()
}

/// What any tool sees.
fn viewed(path: &Path) -> Vec<Vec<Value>> {
    let connection = Connection::open(path).unwrap();
    let sql = "SELECT * FROM rollup_hour UNION ALL SELECT * FROM rollup ORDER BY 1, 2, 3, 4, 5, 6";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| (0..9).map(|place| row.get(place)).collect());
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

fn count(path: &Path, sql: &str) -> i64 {
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn hours_move_to_their_own_table_and_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = version_3(folder.path());
    let before = [RollupSpan::Minute, RollupSpan::Hour].map(|span| rollups(&path, span));
    let seen = viewed(&path);
    assert!(before.iter().all(|rollups| rollups.types.len() > 5), "{before:?}");
    assert!(seen.len() > 100);
    migrate(&path);
    assert_eq!([RollupSpan::Minute, RollupSpan::Hour].map(|span| rollups(&path, span)), before);
    assert_eq!(viewed(&path), seen);
    assert_eq!(count(&path, "SELECT count(*) FROM rollup_row WHERE span_s = 3600"), 0);
    assert_eq!(Store::open(&path).unwrap().verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_damaged_hour_is_not_sealed_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = version_3(folder.path());
    let change = "UPDATE rollup_row SET mean_more = mean_more + 1 \
         WHERE (recording, span_s, place, type, quantities) = (SELECT recording, span_s, place, \
         type, quantities FROM rollup_row WHERE recording = 2 AND span_s = 3600 LIMIT 1)";
    Connection::open(&path).unwrap().execute(change, []).unwrap();
    migrate(&path);
    assert_eq!(count(&path, "SELECT count(*) FROM rollup_row WHERE span_s = 3600"), 1);
    let problems = Store::open(&path).unwrap().verify().unwrap();
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert!(problem.starts_with("rollup_row 2 3600 "), "{problem}");
}

#[test]
fn repair_moves_hours_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = version_3(folder.path());
    let mended = folder.path().join("mended.db");
    let report = repair(&path, &mended).unwrap();
    assert!(!report.lost_something(), "{report:?}");
    assert_eq!(rollups(&mended, RollupSpan::Hour), rollups(&path, RollupSpan::Hour));
    assert_eq!(count(&mended, "SELECT count(*) FROM rollup_row WHERE span_s = 3600"), 0);
}

#[test]
fn an_hour_left_over_from_version_3_gives_way_to_that_of_today() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mended) = (version_3(folder.path()), folder.path().join("mended.db"));
    let connection = Connection::open(&path).unwrap();
    let old = "CREATE TEMP TABLE old AS SELECT * FROM rollup_row WHERE span_s = 3600";
    connection.execute(old, []).unwrap();
    migrate(&path);
    let kept = rollups(&path, RollupSpan::Hour);
    // As on a page that was given up, which repair finds again.
    connection.execute("INSERT INTO rollup_row SELECT * FROM temp.old", []).unwrap();
    drop(connection);
    repair(&path, &mended).unwrap();
    assert_eq!(rollups(&mended, RollupSpan::Hour), kept);
    assert_eq!(count(&mended, "SELECT count(*) FROM rollup_row WHERE span_s = 3600"), 0);
}

#[test]
fn damaged_figures_are_told_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = version_3(folder.path());
    migrate(&path);
    let change = "UPDATE rollup_hour_row SET figures = replace(figures, ',', ',1') \
         WHERE recording = 2 AND type = 1";
    assert_eq!(Connection::open(&path).unwrap().execute(change, []).unwrap(), 1);
    let store = Store::open(&path).unwrap();
    let read = store.rollups(RECORDING, RollupSpan::Hour, 0..=u64::MAX, &Measure::ALL);
    let error = read.unwrap_err().to_string();
    assert!(error.contains("rollup_hour_row 2 0 1 does not match its checksum"), "{error}");
    assert_eq!(store.verify().unwrap().len(), 1);
}

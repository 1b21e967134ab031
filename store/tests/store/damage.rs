//! Damage is reported as an error and never returned as data.

use rusqlite::{Connection, params};
use vmrec_store::{Error, Store, WhyEnded, add_mark};

use crate::made_up::{at, begun, snapshot};

#[test]
fn no_flipped_bit_of_a_frame_goes_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=4 {
        writer.append(id, snapshot(9, second)).unwrap();
    }
    writer.close().unwrap();
    let store = Store::open(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    let write = |sample: u64, data: &[u8]| {
        connection
            .execute("UPDATE frame SET data = ? WHERE sample = ?", params![data, sample as i64])
            .unwrap();
    };
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;").unwrap();
    for sample in 1..=4_u64 {
        let whole: Vec<u8> = connection
            .query_row("SELECT data FROM frame WHERE sample = ?", [sample as i64], |row| row.get(0))
            .unwrap();
        for bit in (0..whole.len() * 8).step_by(3) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            write(sample, &flipped);
            for number in 1..=4 {
                match store.snapshot(id, number) {
                    Ok(read) => assert!(number < sample && read == snapshot(9, number)),
                    Err(Error::Damaged { what, .. }) => {
                        assert!(number >= sample && what.contains("checksum"), "{what}");
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
        write(sample, &whole[..whole.len() - 1]);
        assert!(store.snapshot(id, sample).is_err());
        let problems = store.verify().unwrap();
        assert_eq!(problems.len() as u64, 5 - sample, "{problems:?}");
        write(sample, &whole);
    }
    assert!(store.verify().unwrap().is_empty());
}

#[test]
fn missing_and_foreign_rows_are_reported() {
    let ruin = |sql: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, id) = begun(&path);
        for second in 1..=3 {
            writer.append(id, snapshot(9, second)).unwrap();
        }
        writer.close().unwrap();
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;")
            .unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let store = Store::open(&path).unwrap();
        assert!(!store.verify().unwrap().is_empty(), "{sql}");
        match store.snapshot(id, 3) {
            Err(Error::Damaged { what, .. }) => what,
            other => panic!("{sql}: {other:?}"),
        }
    };
    ruin("DELETE FROM frame WHERE sample = 2");
    ruin("DELETE FROM frame WHERE sample = 1");
    ruin("DELETE FROM sample WHERE id = 2; DELETE FROM frame WHERE sample = 2");
    ruin("UPDATE frame SET kind = 'other' WHERE sample = 3");
    ruin("UPDATE sample SET regions = 8 WHERE id = 3");
    ruin("UPDATE sample SET state = 'torn' WHERE id = 3");
    ruin("UPDATE region_kind SET family = 'none' WHERE id = 1");
    ruin("DELETE FROM region_kind WHERE id = 1");
    ruin(
        "UPDATE frame SET (data, checksum) = (SELECT data, checksum FROM frame WHERE sample = 2) WHERE sample = 3",
    );
}

#[test]
fn a_changed_row_is_reported_and_never_returned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=3 {
        writer.append(id, snapshot(9, second)).unwrap();
    }
    writer.missed(id, at(4), 2, "asleep").unwrap();
    // Not ended, so that no chunk replaces the rows.
    writer.close().unwrap();
    add_mark(&path, id, at(2).utc_ns, "here").unwrap();
    let whole = std::fs::read(&path).unwrap();
    let reported = |sql: &str, what: &str| {
        std::fs::write(&path, &whole).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let store = Store::open(&path).unwrap();
        assert_eq!(store.verify().unwrap().first().map(String::as_str), Some(what), "{sql}");
        let read = store
            .recordings()
            .and_then(|_| store.samples(id))
            .and_then(|_| store.marks(id))
            .and_then(|_| store.snapshot(id, 3));
        match read {
            Err(Error::Damaged { what: reported, .. }) => {
                assert!(reported.ends_with(what), "{sql}: {reported}")
            }
            other => panic!("{sql}: {other:?}"),
        }
    };
    let mismatch = |row: &str| format!("{row} does not match its checksum");
    reported("UPDATE recording SET pid = 1", &mismatch("recording 1"));
    reported("UPDATE recording SET last_number = 3", &mismatch("recording 1"));
    reported("UPDATE argument SET text = 'x' WHERE position = 1", &mismatch("argument 1 1"));
    reported("UPDATE region_kind SET type = 'x' WHERE id = 1", &mismatch("region_kind 1"));
    reported("UPDATE region_kind SET max_protection = 7 WHERE id = 1", &mismatch("region_kind 1"));
    reported("UPDATE region_kind SET fingerprint = 7 WHERE id = 1", &mismatch("region_kind 1"));
    reported("UPDATE sample SET resident_bytes = 7 WHERE id = 3", &mismatch("sample 3"));
    reported("UPDATE sample SET missed_ticks = 1 WHERE id = 4", &mismatch("sample 4"));
    reported("UPDATE mark SET utc_ns = utc_ns + 1", &mismatch("mark 1"));
    reported("UPDATE session SET interval_ns = 7", &mismatch("session 1"));
}

#[test]
fn samples_missing_at_the_end_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=3 {
        writer.append(id, snapshot(9, second)).unwrap();
    }
    writer.end(id, at(5), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("DELETE FROM chunk").unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.verify().unwrap(), ["recording 1: its last sample is 0, not 3"]);
    assert!(matches!(store.samples(id), Err(Error::Damaged { .. })));
    assert!(matches!(store.snapshot(id, 3), Err(Error::Damaged { .. })));
}

#[test]
fn what_is_longer_than_any_group_is_reported_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    writer.append(id, snapshot(9, 1)).unwrap();
    writer.end(id, at(5), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE chunk SET regions = zeroblob(64 * 1048576 + 1)").unwrap();
    let store = Store::open(&path).unwrap();
    let reported = "regions of samples 1 to 1 of recording 1 are too long";
    let problems = store.verify().unwrap();
    assert!(problems.len() == 1 && problems[0].ends_with(reported), "{problems:?}");
    match store.snapshot(id, 1) {
        Err(Error::Damaged { what, .. }) => assert!(what.ends_with(reported), "{what}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_damaged_log_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=6 {
        writer.append(id, snapshot(9, second)).unwrap();
    }
    let (copy, log) = (folder.path().join("copy.db"), folder.path().join("copy.db-wal"));
    // A copy of both is the state a recorder killed now would leave.
    let bytes = std::fs::read(folder.path().join("a.db-wal")).unwrap();
    let file = std::fs::read(&path).unwrap();
    let frames = (bytes.len() - 32) / 1048;
    let shown = |damage: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        damage(&mut bytes);
        std::fs::write(&copy, &file).unwrap();
        std::fs::write(&log, bytes).unwrap();
        let store = Store::open(&copy).unwrap();
        let samples = store.samples(id).map_or(0, |samples| samples.len());
        (samples, store.verify().unwrap())
    };
    assert_eq!(shown(&|_| {}), (6, vec![]));
    // what the last transaction wrote may be half there
    assert_eq!(shown(&|bytes| *bytes.last_mut().unwrap() ^= 1), (5, vec![]));
    assert_eq!(shown(&|bytes| bytes.truncate(bytes.len() - 1)), (5, vec![]));
    for frame in frames - 12..frames - 6 {
        let (samples, problems) = shown(&|bytes| bytes[32 + frame * 1048 + 900] ^= 1);
        assert!(samples < 6, "frame {frame}");
        let reported = format!(
            "the log {} is damaged after {frame} of {frames} frames: the newest samples may be lost",
            log.display()
        );
        assert_eq!(problems, [reported]);
    }
    drop(writer);
}

#[test]
fn recording_goes_on_beside_damaged_rows() {
    let ruined = |sql: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, lost) = begun(&path);
        for second in 1..=3 {
            writer.append(lost, snapshot(9, second)).unwrap();
        }
        drop(writer);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let (mut writer, id) = begun(&path);
        for second in 1..=3 {
            writer.append(id, snapshot(9, second)).unwrap();
        }
        writer.end(id, at(5), &WhyEnded::Finished).unwrap();
        writer.close().unwrap();
        let store = Store::open(&path).unwrap();
        assert_eq!(store.samples(id).unwrap().len(), 3, "{sql}");
        assert_eq!(store.snapshot(id, 3).unwrap(), snapshot(9, 3), "{sql}");
        // not accepted because of later transactions
        assert!(!store.verify().unwrap().is_empty(), "{sql}");
        assert!(matches!(store.samples(lost), Err(Error::Damaged { .. })), "{sql}");
    };
    ruined("UPDATE recording SET pid = 1");
    ruined("UPDATE sample SET taken_utc_ns = 1 WHERE number = 3");
    ruined("UPDATE sample SET cost_cpu_ns = 1 WHERE number = 2");
    ruined("DELETE FROM frame; DELETE FROM sample WHERE number = 2");
}

#[test]
fn no_sum_is_derived_from_damaged_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=3 {
        writer.append(id, snapshot(9, second)).unwrap();
    }
    writer.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE sample SET cost_cpu_ns = 1 WHERE number = 2").unwrap();
    drop(connection);
    let store = Store::open(&path).unwrap();
    assert!(matches!(store.recordings(), Err(Error::Damaged { .. })));
}

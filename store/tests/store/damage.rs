//! Damage is told, never read as figures.

use rusqlite::{Connection, params};
use vmrec_store::{Error, Store};

use crate::made_up::{begun, snapshot};

#[test]
fn no_flipped_bit_of_a_frame_goes_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=4 {
        writer.append(&snapshot(9, second)).unwrap();
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
fn what_is_gone_or_does_not_belong_is_told() {
    let ruin = |sql: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let (mut writer, id) = begun(&path);
        for second in 1..=3 {
            writer.append(&snapshot(9, second)).unwrap();
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
    ruin("DELETE FROM region WHERE id = 5");
    ruin("UPDATE frame SET kind = 'other' WHERE sample = 3");
    ruin("UPDATE sample SET regions = 8 WHERE id = 3");
    ruin("UPDATE sample SET state = 'torn' WHERE id = 3");
    ruin("UPDATE region SET family = 'none' WHERE id = 5");
    ruin(
        "UPDATE frame SET (data, checksum) = (SELECT data, checksum FROM frame WHERE sample = 2) WHERE sample = 3",
    );
}

#[test]
fn random_bytes_over_the_file_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=20 {
        writer.append(&snapshot(60, second)).unwrap();
    }
    writer.close().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut random = 1_u64;
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let place = 100 + (random >> 33) as usize % (bytes.len() - 100);
            bytes[place] = (random >> 16) as u8;
        }
        std::fs::write(&path, &bytes).unwrap();
        if let Ok(store) = Store::open(&path) {
            let _ = store.verify();
            let _ = store.recordings();
            let _ = store.snapshot(id, 20);
        }
    }
}

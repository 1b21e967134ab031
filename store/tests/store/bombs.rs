//! Crafted files: a small one takes little memory, whatever its bytes claim.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rusqlite::{Connection, params};
use vmrec_store::{RecordingId, Retention, Store, Writer, repair};

use crate::evidence::evidence;
use crate::made_up::{at, begun, snapshot};

const CHILD: &str = "VMREC_STORE_TEST_BOMB";
/// The size of the crafted bytes, and of a file about.
const BYTES: usize = 180_000;
/// A reader of a whole file takes some 20 MB, most of it for the program of the tests.
const MAX_KIB: u64 = 160 << 10;

/// Not a test of its own: the child of the tests below.
#[test]
fn child_that_reads_a_crafted_file() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let path = Path::new(&path);
    let store = Store::open(path).unwrap();
    println!("problems {}", store.verify().unwrap().len());
    let id = RecordingId(1);
    let _ = store.snapshot(id, 3);
    let _ = store.evidence(id, 3);
    let _ = store.recordings();
    drop(store);
    if let Ok(repaired) = repair(path, &path.with_extension("new")) {
        println!("still wrong {}", repaired.problems.len());
        eprintln!("{:?}", repaired.problems);
    }
    let policy = Retention { thin_after: Some(Duration::from_secs(1)), ..Retention::default() };
    let _ = Writer::open(path).unwrap().prune(&policy, None, at(1_000_000));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    println!("peak {}", peak.trim().trim_end_matches(" kB"));
}

/// Returns the CRC-32 of some bytes, bit by bit.
fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// Writes a file whose chunk has `data` as its group `what`, under the right checksum, and reads all
/// of it in another process. Returns how many problems were found.
fn read_with(what: &str, data: &[u8]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (mut writer, id) = begun(&path);
    for second in 1..=3 {
        writer.append(id, snapshot(9, second)).unwrap();
        writer.evidence(id, second, &evidence(second as u32)).unwrap();
    }
    writer.end(id, at(5), &vmrec_store::WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    let connection = Connection::open(&path).unwrap();
    let sealed = [&1_i64.to_le_bytes()[..], &3_u64.to_le_bytes(), what.as_bytes(), data].concat();
    match what {
        "evidence" => {
            let sum = i64::from(crc(&sealed));
            let sql = "UPDATE evidence SET data = ?, checksum = ? WHERE number = 3";
            assert_eq!(connection.execute(sql, params![data, sum]).unwrap(), 1);
        }
        group => {
            let data = [data, &crc(&sealed).to_le_bytes()].concat();
            let sql = format!("UPDATE chunk SET {group} = ?");
            assert_eq!(connection.execute(&sql, [data]).unwrap(), 1);
        }
    }
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
    drop(connection);
    assert!(fs::metadata(&path).unwrap().len() < 400_000);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bombs::child_that_reads_a_crafted_file", "--nocapture"])
        .env(CHILD, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{what}: {said}{}", String::from_utf8_lossy(&output.stderr));
    let number = |name: &str| {
        let line = said.lines().find_map(|line| line.split_once(name)).map(|(_, number)| number);
        line.map(|number| number.trim().parse::<u64>().unwrap())
    };
    let peak = number("peak ").unwrap();
    assert!(peak < MAX_KIB, "{what}: {peak} KiB");
    // Rows written anew are whole.
    assert_eq!(
        number("still wrong ").unwrap_or(0),
        0,
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    number("problems ").unwrap()
}

/// Some bytes that may be decided by, in a thousand ways: all zeros decide yes, all ones no.
fn decisions() -> impl Iterator<Item = Vec<u8>> {
    let mixed = |seed: u64| {
        let mut state = seed;
        (0..BYTES)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if state >> 60 == 0 { (state >> 32) as u8 } else { 0 }
            })
            .collect()
    };
    [vec![0; BYTES], vec![0xff; BYTES], mixed(1), mixed(2)].into_iter()
}

#[test]
fn regions_take_bytes() {
    for data in decisions() {
        for (snapshots, max) in [(1, 8), (3, 8), (3, 1), (600, 1), (3, 2), (60_000, 8)] {
            let max = if max == 2 { BYTES / 2 } else { BYTES * max };
            let data = [varint(snapshots), varint(max), data.clone()].concat();
            assert!(read_with("regions", &data) > 0, "{snapshots} {max}");
        }
    }
}

#[test]
fn kinds_take_bytes() {
    let million = (1 << 20) - 1;
    let data = [varint(million), varint(2), varint(million - 1)].concat();
    assert!(read_with("kinds", &data) > 0);
    let runs = [varint(2), varint(31)].concat().repeat(BYTES / 64);
    assert!(read_with("kinds", &[varint(BYTES / 64 * 32), runs].concat()) > 0);
}

#[test]
fn compressed_groups_take_bytes() {
    const MAX: usize = 64 << 20;
    let packed = |plain: &[u8]| zstd::bulk::compress(plain, 1).unwrap();
    // Snapshots, then as many types as there are bytes: each is __TEXT.
    let types = [varint(3), varint(MAX - 8), vec![1; MAX - 8]].concat();
    // A type, then columns of single values.
    let columns = [varint(60_000), varint(1), vec![1], varint(MAX - 8), vec![1; MAX - 8]].concat();
    for plain in [types, columns, vec![0; MAX], vec![1; MAX]] {
        let (zeros, padded) = (packed(&plain), [packed(&plain), vec![0; BYTES]].concat());
        for group in ["ticks", "totals", "sums"] {
            assert!(read_with(group, &zeros) > 0, "{group}");
            assert!(read_with(group, &padded) > 0, "{group}");
        }
    }
    let ticks = [varint(65_536), [vec![1, 0], varint(65_535)].concat().repeat(6)].concat();
    assert!(read_with("ticks", &packed(&ticks)) > 0);
}

#[test]
fn evidence_takes_bytes() {
    const MAX: usize = (16 << 20) - 64;
    // No executable, numbers, threads; one image, with markers that are empty.
    let head = [vec![1, 0, 0, 0, 1, 0, 1, 1, b'a', 0, 0, 0], varint(MAX)].concat();
    let markers = [head, vec![0; MAX]].concat();
    let threads = [vec![1, 0, 0, 0, 1], varint(MAX / 4), vec![0; MAX]].concat();
    for plain in [markers, threads, vec![1; MAX], vec![0; MAX]] {
        let data = [vec![0], zstd::bulk::compress(&plain, 1).unwrap()].concat();
        assert!(read_with("evidence", &data) > 0);
    }
}

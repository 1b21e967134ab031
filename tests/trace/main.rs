//! Real streams of /proc/PID/smaps through the real parser and store: every
//! sample must sum to what the kernel printed and come back as it was stored.
//!
//! `idle` is a sleeping Python, `jvm` a busy OpenJDK 17, both 760 samples 2 s
//! apart on Linux 6.18, x86-64; `trace.rs` says what a trace is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod trace;

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use vmrec_sampler::Quantity;
use vmrec_store::{SessionStart, Store, Writer};

use trace::{Reader, Trace, at, host, process};

const SAMPLES: usize = 760;

#[test]
fn idle() {
    comes_back_exactly("idle.smaps.zst");
}

#[test]
fn jvm() {
    comes_back_exactly("jvm.smaps.zst");
}

fn comes_back_exactly(name: &str) {
    let trace = Trace::open(&Path::new("tests/trace").join(name)).unwrap();
    assert_eq!(trace.frames.len(), SAMPLES);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.db");
    let recording = write(&path, &trace);

    let store = Store::open(&path).unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    let mut reader = Reader::default();
    let mut compared = 0;
    store
        .for_each_snapshot(recording, 1..=SAMPLES as u64, |sample, snapshot| {
            let frame = &trace.frames[compared];
            let taken = at(frame.unix_ms * 1_000_000);
            assert_eq!(sample.taken, taken);
            let expected = reader.snapshot(&trace, frame, taken).unwrap();
            assert!(*snapshot.unwrap() == expected, "sample {}", sample.number);
            compared += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(compared, SAMPLES);
    // A snapshot in the middle of a run of deltas stands alone too.
    let frame = &trace.frames[449];
    let taken = at(frame.unix_ms * 1_000_000);
    let expected = Reader::default().snapshot(&trace, frame, taken).unwrap();
    assert!(store.snapshot(recording, 450).unwrap() == expected);
}

fn write(path: &Path, trace: &Trace) -> vmrec_store::RecordingId {
    let mut writer = Writer::open(path).unwrap();
    let begun = at(trace.frames[0].unix_ms * 1_000_000);
    let (process, host) = (process(), host());
    let boot_id = &process.id.boot_id;
    let start = SessionStart { targets: "trace", host: &host, boot_id, interval_ns: 2_000_000_000 };
    let session = writer.begin_session(&start, begun).unwrap();
    let id = writer.begin(session, &process, None, begun).unwrap();
    let mut reader = Reader::default();
    for frame in &trace.frames {
        let snapshot = reader.snapshot(trace, frame, at(frame.unix_ms * 1_000_000)).unwrap();
        let mut text = String::new();
        trace.text(frame).unwrap().read_to_string(&mut text).unwrap();
        let regions = &snapshot.regions;
        for (quantity, fields) in [
            (Quantity::Resident, &["Rss", "Shared_Hugetlb", "Private_Hugetlb"][..]),
            (Quantity::Private, &["Private_Clean", "Private_Dirty", "Private_Hugetlb"]),
            (Quantity::Dirty, &["Private_Dirty", "Shared_Dirty"]),
            (Quantity::Pss, &["Pss"]),
            (Quantity::Swapped, &["Swap"]),
        ] {
            let sum: u64 =
                regions.iter().map(|region| region.quantities.get(quantity).unwrap()).sum();
            assert_eq!(sum, printed(&text, fields), "{quantity:?}");
        }
        let bytes: u64 = regions.iter().map(|region| region.identity.range.virtual_bytes()).sum();
        assert_eq!(bytes, printed(&text, &["Size"]));
        writer.append(id, snapshot).unwrap();
    }
    writer.close().unwrap();
    id
}

/// Sums fields of smaps text, in bytes, without any of vmrec's code.
fn printed(text: &str, fields: &[&str]) -> u64 {
    text.lines()
        .filter_map(|line| line.strip_suffix(" kB")?.split_once(':'))
        .filter(|(name, _)| fields.contains(name))
        .map(|(_, kilobytes)| kilobytes.trim().parse::<u64>().unwrap() * 1024)
        .sum()
}

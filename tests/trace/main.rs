//! Real streams of /proc/PID/smaps through the real parser and store: every
//! sample must sum to what the kernel printed and come back as it was stored.
//!
//! A trace holds frames `u64le unix_ms, u32le read_wall_us, u32le bytes, smaps`,
//! as one zstd stream. `idle` is a sleeping Python, `jvm` a busy OpenJDK 17,
//! both 760 samples 2 s apart on Linux 6.18, x86-64.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

use std::ops::ControlFlow;
use std::path::Path;

use vmrec_sampler::layout::Layout;
use vmrec_sampler::procfs::SmapsParser;
use vmrec_sampler::{
    Consistency, Cost, Host, ProcessId, ProcessInfo, ProcessTotals, Quantity, Region, Snapshot,
    Timestamp,
};
use vmrec_store::{Store, Writer};

/// How much the sampler reads at once.
const PIECE_BYTES: usize = 3000;
const SAMPLES: usize = 760;

#[test]
fn idle() {
    comes_back_exactly(include_bytes!("idle.smaps.zst"));
}

#[test]
fn jvm() {
    comes_back_exactly(include_bytes!("jvm.smaps.zst"));
}

fn comes_back_exactly(compressed: &[u8]) {
    let frames = frames(compressed);
    assert_eq!(frames.len(), SAMPLES);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.db");
    let recording = write(&path, &frames);

    let store = Store::open(&path).unwrap();
    assert_eq!(store.verify().unwrap(), Vec::<String>::new());
    let mut reader = Reader::default();
    let mut compared = 0;
    store
        .for_each_snapshot(recording, 1..=SAMPLES as u64, |sample, snapshot| {
            let (unix_ms, text) = &frames[compared];
            assert_eq!(sample.taken, at(*unix_ms));
            assert!(snapshot.unwrap().regions == reader.read(text), "sample {}", sample.number);
            compared += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(compared, SAMPLES);
    // A snapshot in the middle of a run of deltas stands alone too.
    let (unix_ms, text) = &frames[449];
    let alone = store.snapshot(recording, 450).unwrap();
    assert_eq!(alone.taken, at(*unix_ms));
    assert!(alone.regions == Reader::default().read(text));
}

fn write(path: &Path, frames: &[(u64, String)]) -> vmrec_store::RecordingId {
    let mut writer = Writer::open(path).unwrap();
    let recording =
        writer.begin(&process(), &host(), None, 2_000_000_000, at(frames[0].0)).unwrap();
    let mut reader = Reader::default();
    for (unix_ms, text) in frames {
        let regions = reader.read(text);
        for (quantity, fields) in [
            (Quantity::Resident, &["Rss", "Shared_Hugetlb", "Private_Hugetlb"][..]),
            (Quantity::Private, &["Private_Clean", "Private_Dirty", "Private_Hugetlb"]),
            (Quantity::Dirty, &["Private_Dirty", "Shared_Dirty"]),
            (Quantity::Pss, &["Pss"]),
            (Quantity::Swapped, &["Swap"]),
        ] {
            let sum: u64 =
                regions.iter().map(|region| region.quantities.get(quantity).unwrap()).sum();
            assert_eq!(sum, printed(text, fields), "{quantity:?}");
        }
        let bytes: u64 = regions.iter().map(|region| region.identity.range.virtual_bytes()).sum();
        assert_eq!(bytes, printed(text, &["Size"]));
        writer.append(&snapshot(*unix_ms, regions)).unwrap();
    }
    writer.close().unwrap();
    recording
}

/// The sampler's parser, keeping the layout from sample to sample.
#[derive(Default)]
struct Reader {
    layout: Layout,
    parser: SmapsParser,
}

impl Reader {
    fn read(&mut self, text: &str) -> Vec<Region> {
        let Self { layout, parser } = self;
        layout.begin();
        parser.restart();
        for piece in text.as_bytes().chunks(PIECE_BYTES) {
            parser.feed(piece, |record| layout.push(record)).unwrap();
        }
        parser.finish(|record| layout.push(record)).unwrap();
        layout.finish()
    }
}

fn frames(compressed: &[u8]) -> Vec<(u64, String)> {
    let mut decoder = zstd::Decoder::new(compressed).unwrap();
    decoder.window_log_max(27).unwrap();
    let mut bytes = Vec::new();
    std::io::copy(&mut decoder, &mut bytes).unwrap();
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while let Some((head, after)) = rest.split_at_checked(16) {
        let unix_ms = u64::from_le_bytes(head[..8].try_into().unwrap());
        let length = u32::from_le_bytes(head[12..].try_into().unwrap()) as usize;
        let (text, after) = after.split_at(length);
        frames.push((unix_ms, String::from_utf8(text.to_vec()).unwrap()));
        rest = after;
    }
    frames
}

/// Sums fields of smaps text, in bytes, without any of vmrec's code.
fn printed(text: &str, fields: &[&str]) -> u64 {
    text.lines()
        .filter_map(|line| line.strip_suffix(" kB")?.split_once(':'))
        .filter(|(name, _)| fields.contains(name))
        .map(|(_, kilobytes)| kilobytes.trim().parse::<u64>().unwrap() * 1024)
        .sum()
}

fn at(unix_ms: u64) -> Timestamp {
    let monotonic_ns = unix_ms * 1_000_000;
    Timestamp { utc_ns: monotonic_ns.try_into().unwrap(), monotonic_ns }
}

fn snapshot(unix_ms: u64, regions: Vec<Region>) -> Snapshot {
    Snapshot {
        taken: at(unix_ms),
        cost: Cost::default(),
        consistency: Consistency::Complete,
        totals: ProcessTotals::default(),
        regions,
    }
}

fn process() -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid: 4242, start_ticks: 1, boot_id: "trace".to_owned() },
        parent_pid: None,
        started_utc_ns: None,
        executable: None,
        executable_deleted: false,
        arguments: vec!["trace".to_owned()],
        short_name: "trace".to_owned(),
        user_id: None,
    }
}

fn host() -> Host {
    let text = |word: &str| word.to_owned();
    Host {
        name: text("here"),
        os: text("linux"),
        kernel: text("6.18"),
        architecture: text("x86_64"),
        page_size_bytes: 4096,
    }
}

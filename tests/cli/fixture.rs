//! A recording whose every figure is known: the smaps text of a small made-up
//! server, read and stored as the recorder does it, at fixed times.

use std::fmt::Write;

use vmrec_sampler::{
    Consistency, Cost, Host, ProcessId, ProcessInfo, ProcessTotals, Quantities, Quantity, Region,
    RegionTracker, SmapsParser, Snapshot, Timestamp,
};
use vmrec_store::{SessionStart, WhyEnded, Writer, add_mark};

use crate::harness::Bench;

const SECOND_NS: u64 = 1_000_000_000;
/// 2024-03-01T14:00:00Z.
const BEGAN_UTC_NS: i64 = 1_709_301_600_000_000_000;

/// One mapping: its start, KiB, rights, file or name, KiB resident and KiB dirty.
type Mapping = (u64, u64, &'static str, &'static str, u64, u64);

const PROGRAM: [Mapping; 7] = [
    (0x0040_0000, 512, "r-xp", "/usr/bin/server", 384, 0),
    (0x0068_0000, 16, "rw-p", "/usr/bin/server", 16, 12),
    (0x7f10_0000_0000, 1600, "r-xp", "/usr/lib/libc.so.6", 1024, 0),
    (0x7f10_0019_0000, 8, "rw-p", "/usr/lib/libc.so.6", 8, 8),
    (0x7f20_0000_0000, 1024, "rw-s", "/dev/shm/cache", 256, 256),
    (0x7ffc_0000_0000, 132, "rw-p", "[stack]", 48, 48),
    (0x7ffc_1000_0000, 8, "r-xp", "[vdso]", 4, 0),
];
const SMALL_HEAP: Mapping = (0x0100_0000, 1024, "rw-p", "[heap]", 1000, 1000);
const LARGE_HEAP: Mapping = (0x0100_0000, 9216, "rw-p", "[heap]", 9000, 9000);
/// A block of 4 MiB of malloc, with the page that its header takes.
const BUFFER: Mapping = (0x7f00_0000_0000, 4100, "rw-p", "", 2048, 2048);
const MODEL: Mapping = (0x7f08_0000_0000, 8192, "r--p", "/srv/model.bin", 8192, 0);

fn host() -> Host {
    Host {
        name: "testhost".to_owned(),
        os: "linux".to_owned(),
        kernel: "6.18.0".to_owned(),
        architecture: "x86_64".to_owned(),
        page_size_bytes: 4096,
    }
}

/// A folder with the file: recording 1 has samples 1, 2, a gap of 2 ticks, 4 and the torn
/// sample 5, and two marks; recording 2 has one sample.
pub(crate) fn fixed() -> Bench {
    let bench = Bench::new();
    let path = bench.path("test.db");
    let mut writer = Writer::open(&path).unwrap();
    let host = host();
    let start = SessionStart {
        targets: "server",
        host: &host,
        boot_id: "boot",
        interval_ns: 2 * SECOND_NS,
    };
    let session = writer.begin_session(&start, at(0)).unwrap();
    let id = writer.begin(session, &process("server", 4242), Some("load test"), at(0)).unwrap();
    writer.append(id, snapshot(0, &[SMALL_HEAP, BUFFER])).unwrap();
    writer.append(id, snapshot(2, &[LARGE_HEAP, BUFFER])).unwrap();
    writer.missed(id, at(4), 2, "the recorder came late").unwrap();
    writer.append(id, snapshot(8, &[LARGE_HEAP, BUFFER, MODEL])).unwrap();
    let torn = Consistency::Torn("the sizes changed while they were read".to_owned());
    writer
        .append(id, Snapshot { consistency: torn, ..snapshot(10, &[LARGE_HEAP, MODEL]) })
        .unwrap();
    writer.end(id, at(11), &WhyEnded::TargetExited(Some(3))).unwrap();
    let session = writer.begin_session(&start, at(60)).unwrap();
    let id2 = writer.begin(session, &process("worker", 4243), None, at(60)).unwrap();
    writer.append(id2, snapshot(60, &[SMALL_HEAP])).unwrap();
    writer.end(id2, at(61), &WhyEnded::Interrupted).unwrap();
    writer.close().unwrap();
    for (second, text) in [(3, "cache warm"), (9, "model loaded")] {
        add_mark(&path, id, at(second).utc_ns, text).unwrap();
    }
    bench
}

/// A folder with a file: four samples of a process, of which two have the regions of the one before.
pub(crate) fn idle() -> Bench {
    let bench = Bench::new();
    let mut writer = Writer::open(&bench.path("test.db")).unwrap();
    let host = host();
    let start =
        SessionStart { targets: "idler", host: &host, boot_id: "boot", interval_ns: 2 * SECOND_NS };
    let session = writer.begin_session(&start, at(0)).unwrap();
    let id = writer.begin(session, &process("idler", 4244), None, at(0)).unwrap();
    for (second, heap, unchanged) in [
        (0, SMALL_HEAP, false),
        (2, SMALL_HEAP, true),
        (4, LARGE_HEAP, false),
        (6, LARGE_HEAP, true),
    ] {
        let whole = snapshot(second, &[heap, BUFFER]);
        let consistency = if unchanged { Consistency::Unchanged } else { whole.consistency };
        writer.append(id, Snapshot { consistency, ..whole }).unwrap();
    }
    writer.end(id, at(7), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    bench
}

/// A folder with a file: three samples of a process whose pages were counted only.
pub(crate) fn huge() -> Bench {
    let bench = Bench::new();
    let mut writer = Writer::open(&bench.path("test.db")).unwrap();
    let host = host();
    let start =
        SessionStart { targets: "huge", host: &host, boot_id: "boot", interval_ns: 2 * SECOND_NS };
    let session = writer.begin_session(&start, at(0)).unwrap();
    let id = writer.begin(session, &process("huge", 4245), None, at(0)).unwrap();
    for (second, heap) in [(0, SMALL_HEAP), (2, LARGE_HEAP), (4, LARGE_HEAP)] {
        let mut whole = snapshot(second, &[heap, BUFFER]);
        for region in &mut whole.regions {
            let resident = region.quantities.get(Quantity::Resident).unwrap();
            let private = region.quantities.get(Quantity::Private).unwrap();
            region.quantities = Quantities::UNKNOWN
                .with(Quantity::Resident, resident)
                .with(Quantity::Private, private)
                .with(Quantity::Swapped, 0);
        }
        whole.totals.footprint_bytes = None;
        writer.append(id, Snapshot { consistency: Consistency::Cheap, ..whole }).unwrap();
    }
    writer.end(id, at(5), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    bench
}

/// A folder with a file: three samples of a process whose regions may not be read, with its totals.
pub(crate) fn refused() -> Bench {
    let bench = Bench::new();
    let mut writer = Writer::open(&bench.path("test.db")).unwrap();
    let host = Host {
        name: "testmac".to_owned(),
        os: "macos".to_owned(),
        kernel: "macOS 26.5.2 (25F84)".to_owned(),
        architecture: "arm64".to_owned(),
        page_size_bytes: 16384,
    };
    let start = SessionStart {
        targets: "Safari",
        host: &host,
        boot_id: "boot",
        interval_ns: 2 * SECOND_NS,
    };
    let session = writer.begin_session(&start, at(0)).unwrap();
    let id = writer.begin(session, &process("Safari", 4251), None, at(0)).unwrap();
    for second in [0, 2, 4] {
        let why = "its regions may not be read: these are its totals alone".to_owned();
        let whole = snapshot(second, &[SMALL_HEAP]);
        let totals = ProcessTotals {
            footprint_bytes: Some((second + 5) << 20),
            resident_bytes: Some((second + 9) << 20),
            ..ProcessTotals::default()
        };
        let alone = Consistency::TotalsAlone(why);
        let snapshot = Snapshot { consistency: alone, totals, regions: Vec::new(), ..whole };
        writer.append(id, snapshot).unwrap();
    }
    writer.end(id, at(5), &WhyEnded::Finished).unwrap();
    writer.close().unwrap();
    bench
}

fn at(second: u64) -> Timestamp {
    let ns = second * SECOND_NS;
    Timestamp { utc_ns: BEGAN_UTC_NS + ns as i64, monotonic_ns: 7 * SECOND_NS + ns }
}

fn process(name: &str, pid: u32) -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid, start_ticks: 600, boot_id: "boot".to_owned() },
        parent_pid: Some(1),
        started_utc_ns: Some(BEGAN_UTC_NS - 60 * SECOND_NS as i64),
        executable: Some(format!("/usr/bin/{name}")),
        executable_deleted: false,
        architecture: Some("x86_64".to_owned()),
        arguments: vec![name.to_owned(), "--port".to_owned(), "80".to_owned()],
        short_name: name.to_owned(),
        user_id: Some(1000),
    }
}

fn snapshot(second: u64, more: &[Mapping]) -> Snapshot {
    let mut mappings = [&PROGRAM[..], more].concat();
    mappings.sort_unstable();
    let regions = regions(&smaps(&mappings));
    let sum =
        |quantity| regions.iter().map(|region| region.quantities.get(quantity).unwrap()).sum();
    let (resident, dirty): (u64, u64) = (sum(Quantity::Resident), sum(Quantity::PrivateDirty));
    Snapshot {
        taken: at(second),
        cost: Cost { cpu_ns: 400_000 + second * 10_000, wall_ns: 500_000 + second * 10_000 },
        consistency: Consistency::Complete,
        totals: ProcessTotals {
            virtual_bytes: Some(mappings.iter().map(|mapping| mapping.1 << 10).sum()),
            // statm lags by a page
            resident_bytes: Some(resident + 4096),
            // more than any sample saw: the peak may be older than the recording
            peak_resident_bytes: Some(24 << 20),
            footprint_bytes: Some(dirty),
            threads: Some(3),
            minor_faults: Some(1000 + second),
            major_faults: Some(second),
            cpu_ns: Some(second * 250_000_000),
            ..ProcessTotals::default()
        },
        regions,
        images: None,
    }
}

fn smaps(mappings: &[Mapping]) -> String {
    let mut text = String::new();
    for (start, kib, rights, name, resident, dirty) in mappings {
        let end = start + (kib << 10);
        let inode = if name.starts_with('/') { 1000 + start % 97 } else { 0 };
        writeln!(text, "{start:x}-{end:x} {rights} 00000000 08:01 {inode} {name}").unwrap();
        let clean = resident - dirty;
        let (shared, private) = if rights.ends_with('s') { (*dirty, 0) } else { (0, *dirty) };
        for (key, kib) in [
            ("Size", *kib),
            ("Rss", *resident),
            ("Pss", private + shared / 2 + clean / 2),
            ("Shared_Clean", clean),
            ("Shared_Dirty", shared),
            ("Private_Clean", 0),
            ("Private_Dirty", private),
            ("Referenced", *resident),
            ("Anonymous", private),
            ("Swap", 0),
            ("Locked", 0),
        ] {
            writeln!(text, "{key}: {kib} kB").unwrap();
        }
        let shared = if rights.ends_with('s') { "sh ms " } else { "" };
        writeln!(text, "VmFlags: rd mr mw me {shared}sd").unwrap();
    }
    text
}

fn regions(smaps: &str) -> Vec<Region> {
    let (mut tracker, mut parser) = (RegionTracker::default(), SmapsParser::default());
    tracker.begin();
    parser.feed(smaps.as_bytes(), |record| tracker.push(record)).unwrap();
    parser.finish(|record| tracker.push(record)).unwrap();
    tracker.finish()
}

//! Small made-up regions and snapshots for this crate's tests.

use std::ops::Range;
use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Confidence, Consistency, Cost, Family, Host, Identity, Label, Object, ProcessId,
    ProcessInfo, ProcessTotals, Protection, Provenance, Quantities, Quantity, Region, RegionType,
    Rule, ShareMode, Snapshot, Timestamp, types,
};
use vmrec_store::{
    KindKey, KindSums, KindsBlock, Measure, Recording, RecordingId, Sample, SampleState, SessionId,
    SessionStart, Tick, WhyEnded, Writer,
};

use crate::metric::Metric;
use crate::series::Series;
use crate::series::by::By;
use crate::series::tick::{KeySeries, SeriesKey, SeriesTick, TickState};

pub(crate) const K: u64 = 1024;
const SECOND: u64 = 1_000_000_000;

pub(crate) fn heap() -> RegionType {
    types::MALLOC_BRK
}

/// A region with those quantities known and no other.
pub(crate) fn region(
    range: Range<u64>,
    region_type: RegionType,
    object: Option<&str>,
    quantities: &[(Quantity, u64)],
) -> Region {
    let object = object.map(|name| {
        Arc::new(Object { name: name.into(), device: (8, 1), inode: 42, deleted: false })
    });
    let quantities = quantities
        .iter()
        .fold(Quantities::UNKNOWN, |known, &(quantity, bytes)| known.with(quantity, bytes));
    Region {
        identity: Arc::new(Identity {
            range: AddressRange::new(range.start, range.end),
            protection: Protection::READ.union(Protection::WRITE),
            max_protection: Some(Protection::from_bits(7)),
            object,
            offset: 0,
            flags: "p rd wr mr mw me ac".into(),
            label: Label {
                region_type,
                detail: None,
                confidence: Confidence::Sure,
                rule: Rule::R1,
            },
        }),
        share_mode: Some(ShareMode::Private),
        provenance: Provenance::Measured,
        quantities,
    }
}

/// The same region with another `detail`.
pub(crate) fn detailed(mut region: Region, detail: &str) -> Region {
    let mut identity = (*region.identity).clone();
    identity.label.detail = Some(detail.into());
    region.identity = Arc::new(identity);
    region
}

/// Resident bytes of which `private` are private, `dirty` dirty and private dirty; nothing swapped.
pub(crate) fn memory(resident: u64, private: u64, dirty: u64) -> [(Quantity, u64); 5] {
    [
        (Quantity::Resident, resident),
        (Quantity::Private, private),
        (Quantity::Dirty, dirty),
        (Quantity::PrivateDirty, dirty),
        (Quantity::Swapped, 0),
    ]
}

pub(crate) fn snapshot(seconds: u64, totals: ProcessTotals, regions: Vec<Region>) -> Snapshot {
    Snapshot {
        taken: Timestamp {
            utc_ns: 1_772_370_000_000_000_000 + seconds as i64 * 1_000_000_000,
            monotonic_ns: seconds * 1_000_000_000,
        },
        cost: Cost { cpu_ns: 310_000, wall_ns: 400_000 },
        consistency: Consistency::Complete,
        totals,
        regions,
        images: None,
    }
}

/// A program whose heap grows by 12 MiB, which loads a library, ends a thread and writes to libc.
pub(crate) fn before_and_after() -> (Snapshot, Snapshot) {
    const LIBC: &str = "/usr/lib/x86_64-linux-gnu/libc.so.6";
    const M: u64 = 1024 * K;
    let heap_at = 0x5555_0000_0000;
    let libc = 0x7f00_0000_0000;
    let stack = 0x7ffc_0000_0000;
    let thread = |number: u64| {
        detailed(
            region(
                0x7e00_0000_0000 + number * 16 * M..0x7e00_0000_0000 + number * 16 * M + 8 * M,
                RegionType::named("Stack (thread)", vmrec_sampler::Family::Stack),
                None,
                &memory(40 * K, 40 * K, 40 * K),
            ),
            &format!("worker {number}"),
        )
    };
    let totals = |resident, size| ProcessTotals {
        virtual_bytes: Some(size),
        resident_bytes: Some(resident),
        swapped_bytes: Some(0),
        ..ProcessTotals::default()
    };
    let text = region(libc..libc + 1600 * K, types::TEXT, Some(LIBC), &memory(1200 * K, 0, 0));
    let vsyscall = region(
        0xffff_ffff_ff60_0000..0xffff_ffff_ff60_1000,
        types::VSYSCALL,
        None,
        &memory(0, 0, 0),
    );
    let data = |dirty| {
        let range = libc + 1600 * K..libc + 1624 * K;
        region(range, types::DATA, Some(LIBC), &memory(24 * K, dirty, dirty))
    };
    let heap_of = |size, resident| {
        region(
            heap_at..heap_at + size,
            heap(),
            Some("[heap]"),
            &memory(resident, resident, resident),
        )
    };
    let main_stack = region(
        stack..stack + 132 * K,
        types::STACK,
        Some("[stack]"),
        &memory(32 * K, 32 * K, 32 * K),
    );
    let zlib = region(
        libc + 64 * M..libc + 64 * M + 100 * K,
        types::TEXT,
        Some("/opt/app/lib/libz.so.1"),
        &memory(100 * K, 0, 0),
    );
    let before = snapshot(
        0,
        totals(5400 * K, 32 * M),
        vec![
            heap_of(4 * M, 3 * M),
            thread(1),
            thread(2),
            text.clone(),
            data(4 * K),
            main_stack.clone(),
            vsyscall.clone(),
        ],
    );
    let after = snapshot(
        600,
        totals(16 * M + 8 * K, 40 * M),
        vec![heap_of(16 * M, 14 * M), thread(1), text, data(20 * K), zlib, main_stack, vsyscall],
    );
    (before, after)
}

pub(crate) fn process() -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid: 4242, start_ticks: 99, boot_id: "b0".into() },
        parent_pid: Some(1),
        started_utc_ns: Some(1_772_369_000_000_000_000),
        executable: Some("/opt/app/bin/server".into()),
        executable_deleted: false,
        architecture: Some("x86_64".into()),
        arguments: vec!["server".into(), "--port".into(), "80 80".into()],
        short_name: "server".into(),
        user_id: Some(1000),
    }
}

/// A recording of five seconds that ended because its target did.
pub(crate) fn recording(number: i64) -> Recording {
    let begun = Timestamp { utc_ns: 1_772_370_000_000_000_000, monotonic_ns: 0 };
    Recording {
        id: RecordingId(number),
        session: SessionId(1),
        process: process(),
        host: Host {
            name: "box".into(),
            os: "linux".into(),
            kernel: "6.18.44".into(),
            architecture: "x86_64".into(),
            page_size_bytes: 4096,
        },
        name: None,
        imported_from: None,
        interval_ns: 2_000_000_000,
        begun,
        ended: Some(Timestamp {
            utc_ns: begun.utc_ns + 5_000_000_000,
            monotonic_ns: 5_000_000_000,
        }),
        why_ended: Some(WhyEnded::TargetExited(Some(1))),
    }
}

/// Three samples two seconds apart, the second of them missed.
pub(crate) fn samples() -> Vec<Sample> {
    let sample = |number: u64, mebibytes: u64| Sample {
        number,
        taken: Timestamp {
            utc_ns: 1_772_370_000_000_000_000 + (number as i64 - 1) * 2_000_000_000,
            monotonic_ns: (number - 1) * 2_000_000_000,
        },
        state: SampleState::Complete,
        cost: Cost { cpu_ns: number * 300_000, wall_ns: number * 400_000 },
        totals: ProcessTotals {
            resident_bytes: Some(mebibytes << 20),
            footprint_bytes: Some(mebibytes << 19),
            peak_resident_bytes: Some(70 << 20),
            ..ProcessTotals::default()
        },
        regions: Some(7),
    };
    let missed = SampleState::Missed { ticks: 1, reason: "late".into() };
    let unknown = ProcessTotals::default();
    let second = sample(2, 0);
    let second =
        Sample { state: missed, cost: Cost::default(), totals: unknown, regions: None, ..second };
    vec![sample(1, 20), second, sample(3, 64)]
}

/// Begins a recording like [`recording`] in a session of its own.
pub(crate) fn begin(writer: &mut Writer, interval_ns: u64) -> RecordingId {
    let recording = recording(1);
    let start = SessionStart {
        targets: "made up",
        host: &recording.host,
        boot_id: &recording.process.id.boot_id,
        interval_ns,
    };
    let session = writer.begin_session(&start, recording.begun).unwrap();
    writer.begin(session, &recording.process, None, recording.begun).unwrap()
}

/// A series of a sample a second: `None` in the first key is a missed one.
pub(crate) fn series(keys: &[(&str, &[Option<u64>])]) -> Series {
    let count = keys.first().map_or(0, |(_, values)| values.len());
    let ticks = (0..count).map(|index| SeriesTick {
        number: index as u64 + 1,
        taken: Timestamp {
            utc_ns: index as i64 * SECOND as i64,
            monotonic_ns: index as u64 * SECOND,
        },
        state: match keys[0].1[index] {
            Some(_) => TickState::Complete,
            None => TickState::Missed,
        },
    });
    let keys: Vec<KeySeries> = keys
        .iter()
        .map(|(name, values)| KeySeries {
            key: SeriesKey { family: Family::Malloc, name: Arc::from(*name) },
            merged: 1,
            values: values.iter().copied().collect(),
        })
        .collect();
    let mut totals = keys.first().map(|key| key.values.clone()).unwrap_or_default();
    keys.iter().skip(1).for_each(|key| totals.add(&key.values));
    Series {
        metric: Metric::RESIDENT,
        by: By::Type,
        ticks: Arc::new(ticks.collect()),
        keys,
        unknown: Vec::new(),
        totals,
        gaps: Vec::new(),
        missed: 0,
        torn_left_out: false,
        rest: None,
    }
}

/// The sums by kind of samples with their numbers: those without regions were missed, two ticks each.
pub(crate) fn kinds_block(
    samples: &[(u64, Option<Vec<Region>>)],
    measures: &[Measure],
) -> KindsBlock {
    let tick = |(number, regions): &(u64, Option<Vec<Region>>)| Tick {
        number: *number,
        taken: snapshot(*number, ProcessTotals::default(), Vec::new()).taken,
        state: match regions {
            Some(_) => SampleState::Complete,
            None => SampleState::Missed { ticks: 2, reason: "late".into() },
        },
        regions: regions.as_ref().map(|regions| regions.len() as u64),
    };
    let kind_of = |region: &Region| KindKey::of(&region.identity);
    let mut kinds: Vec<KindSums> = Vec::new();
    for region in samples.iter().flat_map(|(_, regions)| regions.iter().flatten()) {
        let kind = kind_of(region);
        if kinds.iter().all(|of| of.kind != kind) {
            kinds.push(KindSums { kind, columns: Vec::new() });
        }
    }
    for KindSums { kind, columns } in &mut kinds {
        let sum = |regions: &Vec<Region>, measure: &Measure| {
            let mine = regions.iter().filter(|region| kind_of(region) == *kind);
            mine.map(|region| measure.of(region)).sum::<Option<u64>>()
        };
        let taken = || samples.iter().filter_map(|(_, regions)| regions.as_ref());
        let column = |measure| taken().map(|regions| sum(regions, measure)).collect();
        *columns = measures.iter().map(column).collect();
    }
    KindsBlock { ticks: samples.iter().map(tick).collect(), kinds }
}

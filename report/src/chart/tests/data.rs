//! Made-up recordings that look like real ones.

use std::sync::Arc;

use jiff::tz::TimeZone;
use vmrec_sampler::{Family, Naming, Timestamp};

use crate::chart::options::{ChartContext, ChartKind, ChartMark, ChartOptions, TimeAxis};
use crate::metric::Metric;
use crate::series::Series;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::gap::{Gap, GapReason};
use crate::series::tick::{KeySeries, SeriesKey, SeriesTick, TickState};

pub(crate) const BEGUN: i64 = 1_795_608_121_000_000_000;
const SECOND: u64 = 1_000_000_000;
const M: f64 = 1048576.0;

/// Makes a series; a sample is missed where the value of key 0 is unknown.
pub(crate) fn series(
    metric: Metric,
    by: By,
    names: &[(Family, &str)],
    count: u64,
    interval_ns: u64,
    value: impl Fn(u64, u64) -> Option<u64>,
) -> Series {
    let missed = |n| !names.is_empty() && metric != Metric::PSS && value(n, 0).is_none();
    let ticks: Vec<SeriesTick> = (0..count)
        .map(|n| SeriesTick {
            number: n + 1,
            taken: Timestamp {
                utc_ns: BEGUN + (n * interval_ns) as i64,
                monotonic_ns: 77 * SECOND + n * interval_ns,
            },
            state: if missed(n) { TickState::Missed } else { TickState::Complete },
        })
        .collect();
    let keys: Vec<KeySeries> = (0..)
        .zip(names)
        .map(|(key, (family, name))| KeySeries {
            key: SeriesKey { family: *family, name: (*name).into() },
            merged: 1,
            values: (0..count).map(|n| value(n, key)).collect(),
        })
        .collect();
    let mut totals: SeriesColumn = (0..count).map(|_| Some(0)).collect();
    keys.iter().for_each(|key| totals.add(&key.values));
    let mut gaps: Vec<Gap> = Vec::new();
    let known: Vec<usize> = (0..count as usize).filter(|n| totals.get(*n).is_some()).collect();
    for pair in known.windows(2).filter(|pair| pair[1] - pair[0] > 1) {
        gaps.push(Gap { after: pair[0], before: pair[1], reason: GapReason::Missed });
    }
    let ticks = Arc::new(ticks);
    let missed = ticks.iter().filter(|tick| tick.state == TickState::Missed).count() as u64;
    let unknown = Vec::new();
    Series {
        metric,
        by,
        ticks,
        keys,
        unknown,
        totals,
        gaps,
        missed,
        torn_left_out: false,
        rest: None,
    }
}

pub(crate) fn context() -> ChartContext {
    let mark = |seconds: i64, text: &str| ChartMark {
        utc_ns: BEGUN + seconds * 1_000_000_000,
        text: text.to_owned(),
    };
    ChartContext {
        process: "chromium".into(),
        pid: Some(4711),
        processes: None,
        host: "build-7".into(),
        naming: Naming::Linux,
        kernel: "linux 6.18.44 x86_64".into(),
        recording: Some("scroll benchmark".into()),
        started_utc_ns: Some(BEGUN - 3_600_000_000_000),
        interval_ns: 2 * SECOND,
        means: None,
        cost_ns: Some(1_930_000),
        cost_percent: Some(0.097),
        kernel_peak_bytes: Some(512 << 20),
        marks: vec![
            mark(45, "page loaded"),
            mark(150, "scroll"),
            mark(170, "scroll again, this time to the very end"),
            mark(480, "tab closed"),
        ],
        version: "0.1.0".into(),
        ..ChartContext::default()
    }
}

/// A browser's ten minutes: the runtime heap grows, a tab closes, samples are missed.
pub(crate) fn browser(by: By) -> Series {
    let families = Family::ALL[..9].iter().map(|family| (*family, family.name())).collect();
    let types = vec![
        (Family::Image, "__TEXT"),
        (Family::Image, "__RODATA"),
        (Family::Image, "__DATA_CONST"),
        (Family::Malloc, "MALLOC (brk heap)"),
        (Family::Malloc, "PartitionAlloc"),
        (Family::Malloc, "MALLOC (arena)"),
        (Family::Stack, "Stack"),
        (Family::RuntimeHeap, "V8 heap"),
        (Family::Jit, "JIT code"),
        (Family::MappedFile, "mapped file"),
        (Family::SharedMemory, "shared memory"),
        (Family::VmAllocate, "VM_ALLOCATE"),
    ];
    let names: Vec<(Family, &str)> = match by {
        By::Family => families,
        _ => types,
    };
    let value = |n: u64, key: u64| {
        let wave = ((n * 13 + key * 7) as f64 * 0.31).sin();
        let grown = n as f64 / 300.0;
        let closed = if n > 240 { 0.6 } else { 1.0 };
        let megabytes = match names[key as usize].0 {
            Family::Image => 62.0 - 12.0 * key.min(3) as f64,
            Family::Malloc => 48.0 + 55.0 * grown + 5.0 * wave,
            Family::Stack => 4.0,
            Family::RuntimeHeap => (40.0 + 260.0 * grown + (n % 25) as f64 * 2.0) * closed,
            Family::Jit => 9.0 + 6.0 * grown,
            Family::MappedFile => 22.0,
            Family::SharedMemory => 30.0 + if (75..85).contains(&n) { 60.0 } else { 0.0 },
            Family::Kernel => 0.5,
            _ => 18.0 + 3.0 * wave,
        };
        (!(190..215).contains(&n)).then_some((megabytes * M) as u64)
    };
    let mut series = series(Metric::RESIDENT, by, &names, 300, 2 * SECOND, value);
    let mut ticks = series.ticks.to_vec();
    for torn in [60, 61, 130] {
        ticks[torn].state = TickState::Torn;
    }
    series.ticks = ticks.into();
    series
}

/// A garbage collector's sawtooth over a day.
pub(crate) fn sawtooth() -> Series {
    let names = [
        (Family::Image, "image"),
        (Family::Malloc, "malloc"),
        (Family::RuntimeHeap, "runtime heap"),
    ];
    let value = |n: u64, key: u64| {
        let megabytes = match key {
            0 => 35.0,
            1 => 80.0 + n as f64 / 1000.0,
            _ => 300.0 + (n % 1800) as f64 * 0.4,
        };
        Some((megabytes * M) as u64)
    };
    series(Metric::PRIVATE, By::Family, &names, 43_200, 2 * SECOND, value)
}

/// Every kind of chart, to look at.
pub(crate) fn gallery() -> Vec<(&'static str, Series, ChartOptions)> {
    let plain = ChartOptions::default();
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let growth = ChartOptions { kind: ChartKind::Growth, zone, ..plain.clone() };
    let elapsed = ChartOptions { axis: TimeAxis::Elapsed, ..plain.clone() };
    let small = ChartOptions { width: 480, height: 400, ..plain.clone() };
    let dominated = |n: u64, key: u64| Some(if key == 1 { n << 22 } else { 3 << 20 });
    let names: Vec<_> = Family::ALL[..9].iter().map(|family| (*family, family.name())).collect();
    let all: Vec<_> = Family::ALL.iter().map(|family| (*family, family.name())).collect();
    let many = |n: u64, key: u64| Some((key + 1) * 20 + n / 7 * (key % 3));
    let virtual_bytes =
        |n: u64, key: u64| Some(if key == 9 { 1_550 << 30 } else { ((key + 1) * (n + 90)) << 20 });
    let holes = |n: u64, key: u64| (n % 100 > 30 && n % 100 != 77).then_some((key + n) << 20);
    let holes = series(Metric::RESIDENT, By::Family, &names, 250, 2 * SECOND, holes);
    let files = |n: u64, key: u64| Some(((key + 2) * 5 + n * (key % 4) / 9) << 20);
    let objects = [
        (Family::Image, "libcudnn_engines_precompiled.so.9"),
        (Family::Image, "libtorch_cpu.so"),
        (Family::Image, "python3.11"),
        (Family::MappedFile, "model-00001-of-00002.safetensors"),
        (Family::Stack, "Stack: worker 3"),
        (Family::Malloc, "MALLOC (brk heap)"),
        (Family::Malloc, "MALLOC (arena)"),
        (Family::Image, "libc.so.6"),
        (Family::MappedFile, "/usr/lib/locale/locale-archive"),
        (Family::Image, "ld-linux-x86-64.so.2"),
    ];
    let objects = series(Metric::RESIDENT, By::Object, &objects, 300, 2 * SECOND, files);
    vec![
        ("object", objects.clone(), plain.clone()),
        ("object-growth", objects, growth.clone()),
        ("holes", holes.clone(), plain.clone()),
        ("holes-growth", holes, growth.clone()),
        ("family", browser(By::Family), plain.clone()),
        ("type", browser(By::Type), plain.clone()),
        ("growth", browser(By::Family), growth.clone()),
        ("growth-type", browser(By::Type), growth),
        ("sawtooth", sawtooth(), elapsed.clone()),
        ("small", browser(By::Family), small),
        (
            "dominated",
            series(Metric::RESIDENT, By::Family, &names, 300, 2 * SECOND, dominated),
            elapsed,
        ),
        (
            "regions",
            series(Metric::Regions, By::Family, &all, 300, 2 * SECOND, many),
            plain.clone(),
        ),
        (
            "virtual",
            series(Metric::Virtual, By::Family, &all, 300, 2 * SECOND, virtual_bytes),
            plain.clone(),
        ),
        (
            "one",
            series(Metric::RESIDENT, By::Family, &names, 1, SECOND, |_, k| Some((k + 1) << 20)),
            plain.clone(),
        ),
        (
            "zero",
            series(Metric::SWAPPED, By::Family, &names, 300, SECOND, |_, _| Some(0)),
            plain.clone(),
        ),
        (
            "weeks",
            series(Metric::RESIDENT, By::Family, &names, 300_000, 6 * SECOND, |n, k| {
                Some((k + 1) * (40_000_000 + n * 40 + n * n % 9973 * 900))
            }),
            plain,
        ),
    ]
}

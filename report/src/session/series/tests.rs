//! Sums of made-up sessions.

use proptest::prelude::*;
use vmrec_sampler::ProcessId;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp { utc_ns: (seconds * SECOND) as i64, monotonic_ns: seconds * SECOND }
}

fn process(pid: u32, name: &str) -> ProcessInfo {
    ProcessInfo {
        id: ProcessId { pid, start_ticks: 1, boot_id: String::new() },
        parent_pid: None,
        started_utc_ns: None,
        executable: None,
        executable_deleted: false,
        architecture: None,
        arguments: Vec::new(),
        short_name: name.to_owned(),
        user_id: None,
    }
}

/// A process sampled at these seconds, with the sizes of two types in each sample.
fn sizes(samples: &[(u64, u64, u64)]) -> Series {
    let tick = |(index, (second, ..)): (usize, &(u64, u64, u64))| SeriesTick {
        number: index as u64 + 1,
        taken: at(*second),
        state: TickState::Complete,
    };
    let key = |name: &str, family, value: fn(&(u64, u64, u64)) -> u64| KeySeries {
        merged: 1,
        key: SeriesKey { family, name: name.into() },
        values: samples.iter().map(|sample| Some(value(sample))).collect(),
    };
    let keys = vec![
        key("heap", Family::Malloc, |sample| sample.1),
        key("Stack", Family::Stack, |sample| sample.2),
    ];
    let mut totals = keys[0].values.clone();
    totals.add(&keys[1].values);
    Series {
        metric: Metric::Own,
        by: By::Type,
        ticks: Arc::new(samples.iter().enumerate().map(tick).collect()),
        keys,
        unknown: Vec::new(),
        totals,
        gaps: Vec::new(),
        missed: 0,
        torn_left_out: false,
        rest: None,
    }
}

type Life<'a> = (u32, &'a str, &'a [(u64, u64, u64)], Option<u64>);

fn session(lives: &[Life<'_>], ends: (u64, u64), by: By) -> Series {
    let present: Vec<SampledProcess> = lives
        .iter()
        .map(|(_, _, samples, gone)| SampledProcess {
            samples: samples.iter().map(|sample| at(sample.0)).collect(),
            gone: gone.map(at),
        })
        .collect();
    let moments = session_moments(&present, (at(ends.0), at(ends.1)), 2 * SECOND);
    let mut builder =
        SessionSeriesBuilder::new(&[Metric::Own], by, 2 * SECOND, Naming::Linux, false, &moments);
    for (index, (pid, name, samples, gone)) in lives.iter().enumerate() {
        let member = SessionMember {
            recording: RecordingId(index as i64),
            process: &process(*pid, name),
            gone_ns: gone.map(|second| second * SECOND),
        };
        builder.push(&member, &[sizes(samples)]);
    }
    builder.finish().remove(0)
}

fn rows(series: &Series) -> Vec<(String, Vec<u64>)> {
    let row = |key: &KeySeries| {
        (key.key.name.to_string(), key.values.iter().map(|value| value.unwrap()).collect())
    };
    let total = series.totals.iter().map(|value| value.unwrap()).collect();
    series.keys.iter().map(row).chain([("total".to_owned(), total)]).collect()
}

const LIVES: [Life<'static>; 3] = [
    (7, "make", &[(0, 10, 1), (2, 10, 1), (4, 10, 1), (6, 10, 1)], None),
    (8, "cc", &[(2, 50, 2), (4, 60, 2)], Some(6)),
    (9, "cc", &[(6, 70, 2)], None),
];

#[test]
fn processes_come_and_go_and_add_up() {
    let by_process = session(&LIVES, (0, 6), By::Process);
    assert_eq!(
        rows(&by_process),
        [
            ("make (7)".to_owned(), vec![11, 11, 11, 11]),
            ("cc (8)".to_owned(), vec![0, 52, 62, 0]),
            ("cc (9)".to_owned(), vec![0, 0, 0, 72]),
            ("total".to_owned(), vec![11, 63, 73, 83]),
        ]
    );
    assert_eq!(by_process.gaps, []);
    let by_name = rows(&session(&LIVES, (0, 6), By::Name));
    assert_eq!(by_name[1], ("cc".to_owned(), vec![0, 52, 62, 72]));
    let by_type = rows(&session(&LIVES, (0, 6), By::Type));
    assert_eq!(by_type[0], ("heap".to_owned(), vec![10, 60, 70, 80]));
    let parts = rows(&session(&LIVES, (0, 6), By::ProcessAndType));
    assert!(parts.contains(&("cc (8) ▸ heap".to_owned(), vec![0, 50, 60, 0])), "{parts:?}");
}

#[test]
fn nothing_is_drawn_between_two_epochs_and_that_is_no_gap() {
    let lives: [Life<'_>; 2] = [
        (7, "server", &[(0, 10, 0), (2, 20, 0)], Some(4)),
        (8, "server", &[(60, 10, 0), (62, 30, 0)], None),
    ];
    let series = session(&lives, (0, 62), By::Process);
    let seconds: Vec<u64> =
        series.ticks.iter().map(|tick| tick.taken.monotonic_ns / SECOND).collect();
    assert_eq!(seconds, [0, 2, 4, 59, 60, 62]);
    assert_eq!(rows(&series)[2].1, [10, 20, 0, 0, 10, 30]);
    assert_eq!(series.gaps, []);
}

#[test]
fn a_process_whose_size_is_unknown_adds_nothing_and_is_named() {
    let mut builder = SessionSeriesBuilder::new(
        &[Metric::Own],
        By::Type,
        2 * SECOND,
        Naming::Linux,
        false,
        &[at(0), at(2)],
    );
    let info = process(7, "x");
    let member = SessionMember { recording: RecordingId(1), process: &info, gone_ns: None };
    builder.push(&member, &[sizes(&[(0, 1, 1), (2, 1, 1)])]);
    let mut unknown = sizes(&[(2, 0, 0)]);
    unknown.unknown = unknown.keys.drain(..).map(|key| key.key).collect();
    unknown.totals = [None].into_iter().collect();
    builder.push(&SessionMember { recording: RecordingId(2), ..member }, &[unknown]);
    let series = builder.finish().remove(0);
    assert_eq!(series.totals.iter().collect::<Vec<_>>(), [Some(2), Some(2)]);
    assert_eq!(series.unknown.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["x (7)"]);
}

/// The samples of a process, and when it was gone.
type Sizes = (Vec<(u64, u64, u64)>, Option<u64>);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_total_is_the_same_whatever_it_is_summed_by(
        lives in prop::collection::vec((0..20_u64, 1..12_u64, 1..1000_u64, any::<bool>()), 1..300),
    ) {
        let samples: Vec<Sizes> = lives
            .iter()
            .map(|(begin, count, size, ends)| {
                let one = |n: u64| (begin + 2 * n, size * (n + 1), n);
                let all: Vec<_> = (0..*count).map(one).collect();
                let gone = ends.then_some(begin + 2 * count);
                (all, gone)
            })
            .collect();
        let lives: Vec<Life<'_>> = samples
            .iter()
            .enumerate()
            .map(|(n, (samples, gone))| (n as u32 + 1, "x", &samples[..], *gone))
            .collect();
        let total = |by| session(&lives, (19, 60), by).totals;
        let by_type = total(By::Type);
        for by in [By::Family, By::Process, By::Name, By::ProcessAndType] {
            prop_assert_eq!(&total(by), &by_type, "{:?}", by);
        }
        // The last moment counts each process that is not gone, with its last sample.
        let end = session(&lives, (19, 60), By::Type).ticks.last().unwrap().taken.monotonic_ns;
        let there = |(samples, gone): &Sizes| {
            let (_, heap, stack) = samples.last().filter(|_| gone.is_none_or(|gone| at(gone).monotonic_ns > end))?;
            Some(heap + stack)
        };
        let expected: u64 = samples.iter().filter_map(there).sum();
        prop_assert_eq!(by_type.iter().last().flatten(), Some(expected));
    }
}

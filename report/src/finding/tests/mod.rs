//! Findings of made-up series: sentences, shapes and caveats.

mod property;
mod reader;
mod sentences;

use std::sync::Arc;

use jiff::tz::TimeZone;
use vmrec_sampler::{Family, Naming, Timestamp};

use super::*;
use crate::finding::clock::Clock;
use crate::series::by::By;
use crate::series::gap;
use crate::series::tick::{SeriesKey, SeriesTick, TickState};
use crate::series::torn::leave_out;

const SECOND: u64 = 1_000_000_000;
const M: u64 = 1 << 20;
/// 2026-11-26 07:18:39 UTC.
const BEGUN: i64 = 1_795_677_519_000_000_000;
const NAMES: [(Family, &str); 4] = [
    (Family::Malloc, "malloc"),
    (Family::RuntimeHeap, "V8 heap"),
    (Family::Image, "code"),
    (Family::MappedFile, "mapped file"),
];

/// Makes a series of one sample a second: for each, the values of the keys; `None` is missed.
fn series_of(metric: Metric, samples: &[Option<Vec<u64>>]) -> Series {
    let tick = |(n, values): (usize, &Option<Vec<u64>>)| SeriesTick {
        number: n as u64 + 1,
        taken: Timestamp {
            utc_ns: BEGUN + (n as u64 * SECOND) as i64,
            monotonic_ns: 7 * SECOND + n as u64 * SECOND,
        },
        state: if values.is_some() { TickState::Complete } else { TickState::Missed },
    };
    let ticks: Vec<SeriesTick> = samples.iter().enumerate().map(tick).collect();
    let count = samples.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let key = |(key, (family, name)): (usize, &(Family, &str))| KeySeries {
        key: SeriesKey { family: *family, name: (*name).into() },
        merged: 1,
        values: samples.iter().map(|values| values.as_ref().map(|values| values[key])).collect(),
    };
    let keys: Vec<KeySeries> = NAMES[..count].iter().enumerate().map(key).collect();
    let mut totals: SeriesColumn =
        samples.iter().map(|values| values.as_ref().map(|_| 0)).collect();
    keys.iter().for_each(|key| totals.add(&key.values));
    let gaps = gap::find(&ticks, &totals, SECOND);
    let missed = ticks.iter().filter(|tick| tick.state == TickState::Missed).count() as u64;
    let (unknown, ticks, torn_left_out, rest) = (Vec::new(), Arc::new(ticks), false, None);
    let by = By::Type;
    Series { metric, by, ticks, keys, unknown, totals, rest, gaps, missed, torn_left_out }
}

/// Makes samples of a series torn, as if they had been recorded so.
fn tear(series: &mut Series, torn: &[usize]) {
    let mut ticks = (*series.ticks).clone();
    for at in torn.iter().filter(|at| series.totals.get(**at).is_some()) {
        ticks[*at].state = TickState::Torn;
    }
    series.torn_left_out = leave_out(&ticks, &mut series.keys, &mut series.totals);
    series.gaps = gap::find(&ticks, &series.totals, SECOND);
    series.ticks = Arc::new(ticks);
}

fn resident(samples: impl IntoIterator<Item = Vec<u64>>) -> Series {
    let samples: Vec<_> = samples.into_iter().map(Some).collect();
    series_of(Metric::RESIDENT, &samples)
}

fn source<'a>(series: &'a Series, marks: &'a [(u64, &'a str)]) -> Source<'a> {
    Source {
        series,
        totals: &series.totals,
        left_out: None,
        reserved: None,
        naming: Naming::Linux,
        marks,
        age_ns: None,
        resident: None,
        means: false,
    }
}

fn find(series: &Series) -> Finding {
    Finding::of_series(&source(series, &[])).unwrap()
}

fn clock() -> Clock {
    Clock::Wall { begin_utc_ns: BEGUN, zone: TimeZone::UTC }
}

/// The headline and the line below it.
fn words(finding: &Finding, marks: &[&str]) -> String {
    let below = finding.course_words(&clock(), marks).join(" · ");
    format!("{}\n{below}", finding.headline("node", &clock())).trim_end().to_owned()
}

fn caveats(finding: &Finding) -> Vec<String> {
    let moment = |at| clock().moment(at);
    finding.caveats.iter().map(|caveat| caveat.words(&moment)).collect()
}

/// Flat for 21 s, then growing by 6M a second, most of it in the first two keys.
fn leak() -> Series {
    resident((0..44_u64).map(|n| {
        let grown = n.saturating_sub(21);
        vec![(3 * grown + 2) * M, (5 * grown / 2 + 20) * M, (10 + grown / 2) * M, 10 * M]
    }))
}

#[test]
fn growth_is_stated_with_its_parts_and_since_when() {
    insta::assert_snapshot!(words(&find(&leak()), &[]), @"
    node grew 132.0M in 43.0s: malloc +66.0M (50%), V8 heap +55.0M (41%), other +11.0M
    42.0M → 174.0M (+132.0M) · flat until 07:19:01, then +6193K/s
    ");
}

#[test]
fn a_peak_is_stated_with_its_leader() {
    let series = resident((0..20_u64).map(|n| {
        let part = if (8..12).contains(&n) { 340 + n } else { 20 };
        vec![part * M, (10 + n) * M]
    }));
    insta::assert_snapshot!(words(&find(&series), &[]), @"
    node peaked at 372.0M (malloc 351.0M) at 07:18:50, ended at 49.0M
    30.0M → 49.0M (+19.0M)
    ");
    let dip = resident((0..20_u64).map(|n| vec![if n == 9 { M } else { 50 * M }, 10 * M]));
    insta::assert_snapshot!(words(&find(&dip), &[]), @"
    node dipped to 11.0M (malloc 1024K) at 07:18:48, ended at 60.0M
    60.0M → 60.0M (0K)
    ");
}

#[test]
fn a_fall_a_level_and_nothing_are_stated() {
    let fall = resident((0..20_u64).map(|n| vec![(330 - n * 15) * M, 5 * M]));
    let level = resident((0..20).map(|_| vec![40 * M, 100 << 10]));
    let zero = series_of(Metric::SWAPPED, &vec![Some(vec![0, 0]); 5]);
    let one = resident([vec![12 * M]]);
    let found = [fall, level, zero, one].map(|series| words(&find(&series), &[]));
    insta::assert_snapshot!(found.join("\n\n"), @"
    node fell 285.0M in 19.0s: malloc -285.0M
    335.0M → 50.0M (-285.0M) · steadily, -15.0M/s

    node stayed at 40.1M (0K)

    0 throughout: nothing was swapped

    node was at 12.0M in the only sample
    ");
}

#[test]
fn other_metrics_are_named() {
    let samples: Vec<_> = (0..9_u64).map(|n| Some(vec![n * 7, 40])).collect();
    let regions = series_of(Metric::Regions, &samples);
    let samples: Vec<_> = (0..9_u64).map(|n| Some(vec![n * M, 40 * M])).collect();
    let found = [regions, series_of(Metric::PRIVATE, &samples)]
        .map(|series| words(&find(&series), &[]))
        .join("\n\n");
    insta::assert_snapshot!(found, @"
    the number of regions of node grew by 56 in 8.0s: malloc +56
    40 → 96 (+56) · steadily, +7/s

    private memory of node grew 8192K in 8.0s: malloc +8192K
    40.0M → 48.0M (+8192K) · steadily, +1024K/s
    ");
}

#[test]
fn a_saw_tooth_is_measured_by_its_troughs() {
    let teeth = |rise: u64| {
        resident((0..60_u64).map(move |n| vec![(40 + n % 12 * 10 + n / 12 * rise) * M, 20 * M]))
    };
    insta::assert_snapshot!(words(&find(&teeth(0)), &[]), @"
    node swung between 60.0M and 170.0M; its troughs stayed at 60.0M (0K)
    60.0M → 170.0M (+110.0M) · saw-tooth, 4 troughs: 60.0M at 07:18:51, 60.0M at 07:19:27
    ");
    insta::assert_snapshot!(words(&find(&teeth(8)), &[]), @"
    node swung between 60.0M and 202.0M; its troughs rose 24.0M: malloc +24.0M
    60.0M → 202.0M (+142.0M) · saw-tooth, 4 troughs: 68.0M at 07:18:51, 92.0M at 07:19:27
    ");
}

#[test]
fn steps_are_counted_out_and_hidden_ones_bounded() {
    let step = |n: u64| vec![if n < 10 { 20 * M } else { 90 * M }, 20 * M];
    insta::assert_snapshot!(words(&find(&resident((0..40).map(step))), &[]), @"
    node grew 70.0M in 39.0s: malloc +70.0M
    40.0M → 110.0M (+70.0M) · in one step, +70.0M at 07:18:49
    ");
    let two = |n: u64| vec![20 * M + (n / 13) * 50 * M, 20 * M];
    insta::assert_snapshot!(words(&find(&resident((0..39).map(two))), &[]), @"
    node grew 100.0M in 38.0s: malloc +100.0M
    40.0M → 140.0M (+100.0M) · in 2 steps: +50.0M at 07:18:52, +50.0M at 07:19:05
    ");
    let hidden: Vec<_> = (0..40).map(|n| (!(8..14).contains(&n)).then(|| step(n))).collect();
    let found = find(&series_of(Metric::RESIDENT, &hidden));
    insta::assert_snapshot!(words(&found, &[]), @"
    node grew 70.0M in 39.0s: malloc +70.0M
    40.0M → 110.0M (+70.0M) · flat until 07:18:46, unknown until 07:18:53, level from 07:18:53
    ");
    assert_eq!(caveats(&found), ["6 missed samples"]);
}

#[test]
fn growth_between_marks_only_is_said() {
    let series = resident((0..60_u64).map(|n| {
        let grown = if n < 20 { 0 } else { (n - 20).min(20) };
        vec![(30 + grown * 3) * M, 5 * M]
    }));
    let marks = [(20 * SECOND, "load"), (40 * SECOND, "load stopped by the operator")];
    let found = Finding::of_series(&source(&series, &marks)).unwrap();
    insta::assert_snapshot!(words(&found, &marks.map(|(_, text)| text)), @"
    node grew 60.0M in 59.0s: malloc +60.0M
    35.0M → 95.0M (+60.0M) · rose only from “load” to “load stopped by the ope…” (+60.0M)
    ");
}

/// A short stretch of an even rise moves little, which is no rest.
#[test]
fn marks_within_an_even_rise_divide_nothing() {
    let series = resident((0..60_u64).map(|n| vec![(30 + n * 4) * M, 5 * M]));
    let marks = [(9 * SECOND, "load"), (12 * SECOND, "scroll"), (40 * SECOND, "again")];
    let found = Finding::of_series(&source(&series, &marks)).unwrap();
    insta::assert_snapshot!(words(&found, &marks.map(|(_, text)| text)), @"
    node grew 236.0M in 59.0s: malloc +236.0M
    35.0M → 271.0M (+236.0M) · steadily, +4096K/s
    ");
}

#[test]
fn growth_of_a_command_is_counted_once_it_is_loaded() {
    let mut series = resident((0..40_u64).map(|n| match n {
        0 => vec![2 * M, M],
        1 => vec![14 * M, M],
        _ => vec![(29 + n.saturating_sub(5) * 2) * M, M],
    }));
    let young = Source { age_ns: Some(SECOND / 100), ..source(&series, &[]) };
    let found = Finding::of_series(&young).unwrap();
    insta::assert_snapshot!(words(&found, &[]), @"
    node grew 68.0M in 37.0s: malloc +68.0M
    30.0M → 98.0M (+68.0M) · flat until 07:18:45, then +2048K/s
    ");
    assert_eq!(caveats(&found), ["counted from 07:18:41: 3072K at first, still loading"]);
    // An old process has loaded, and one that never rests is counted from its first sample.
    assert_eq!(find(&series).first.value, 3 * M);
    series = resident((0..40_u64).map(|n| vec![(2 + n * 20) * M]));
    let young = Source { age_ns: Some(SECOND / 100), ..source(&series, &[]) };
    let found = Finding::of_series(&young).unwrap();
    assert_eq!(found.first.value, 2 * M);
    assert_eq!(
        caveats(&found),
        ["the first sample is of a process 10ms old: the change includes its loading"]
    );
    // Unless a mark says where to begin.
    let marks = [(6 * SECOND, "warm")];
    let marked = Source { age_ns: Some(SECOND / 100), ..source(&series, &marks) };
    let found = Finding::of_series(&marked).unwrap();
    assert_eq!(found.first.value, 122 * M);
    assert_eq!(caveats(&found), ["counted from 07:18:45, warm: 2048K at first, still loading"]);
}

#[test]
fn a_torn_sample_is_no_baseline() {
    let mut series = resident((0..40_u64).map(|n| vec![if n < 2 { 3 * M } else { 9 * M }]));
    let mut ticks = series.ticks.to_vec();
    ticks[0].state = TickState::Torn;
    series.ticks = ticks.into();
    let young = Source { age_ns: Some(0), ..source(&series, &[]) };
    assert_eq!(Finding::of_series(&young).unwrap().first.index, 2);
}

#[test]
fn private_memory_that_became_shared_is_not_called_freed() {
    let private: Vec<_> = (0..20_u64)
        .map(|n| Some(vec![(10 + n) * M, M, if n < 9 { 40 * M } else { 9 * M }]))
        .collect();
    let resident = resident((0..20_u64).map(|n| vec![(10 + n) * M, M, 40 * M]));
    let private = series_of(Metric::PRIVATE, &private);
    let both = Source { resident: Some(&resident), ..source(&private, &[]) };
    let found = Finding::of_series(&both).unwrap();
    assert_eq!(caveats(&found), ["31.0M private became shared with other processes, not freed"]);
    insta::assert_snapshot!(words(&found, &[]), @"
    private memory of node fell 12.0M in 19.0s (31.0M became shared, not freed): code -31.0M, other +19.0M
    51.0M → 39.0M (-12.0M) · highest 59.0M at 07:18:47
    ");
    assert_eq!(caveats(&find(&private)), [""; 0]);
}

#[test]
fn the_extremes_of_many_samples_are_exact() {
    let mut samples: Vec<Vec<u64>> = (0..50_000_u64).map(|n| vec![(100 + n % 7) * M]).collect();
    (samples[0][0], samples[31_234][0], samples[9_876][0]) = (103 * M, 500 * M, 7 * M);
    let found = find(&resident(samples));
    assert_eq!((found.highest.index, found.highest.value), (31_234, 500 * M));
    assert_eq!((found.lowest.index, found.lowest.value), (9_876, 7 * M));
    assert_eq!(found.last.index, 49_999);
    assert!(!found.every_sample);
}

#[test]
fn two_moments_are_compared_as_a_series_is() {
    let parts = [("malloc", 75 * M), ("V8 heap", 57 * M), ("text", 4 * M)];
    let parts = parts.map(|(label, change)| (label.to_owned(), i128::from(change)));
    let moments = Moments {
        first: 42 * M,
        last: 178 * M,
        highest: Some((190 * M, 20 * SECOND)),
        leader: None,
        elapsed_ns: 43 * SECOND,
    };
    let found = Finding::of_moments(Metric::RESIDENT, moments, parts, Vec::new());
    insta::assert_snapshot!(words(&found, &[]), @"
    node grew 136.0M in 43.0s: malloc +75.0M (55%), V8 heap +57.0M (41%), other +4096K
    42.0M → 178.0M (+136.0M) · highest 190.0M at 07:18:59
    ");
    let named: Vec<_> = found.shares.named.iter().map(|share| share.percent).collect();
    assert_eq!(named, [Some(55), Some(41)]);
}

#[test]
fn shares_with_movement_the_other_way_have_no_percent() {
    let parts = [("a".to_owned(), 100), ("b".to_owned(), -60)];
    let shares = Shares::of(parts, 40);
    assert_eq!(shares.named.len(), 1);
    assert_eq!((shares.named[0].percent, shares.rest), (None, -60));
}

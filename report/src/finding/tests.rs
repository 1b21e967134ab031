//! Findings of made-up series: sentences, shapes, and that none contradicts its data.

use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use vmrec_sampler::{Family, Naming, Timestamp};

use super::*;
use crate::finding::clock::Clock;
use crate::finding::shape::{SLOPE_PERCENT, STILL_PART, STILL_RATE, TOOTH_PART, off_line};
use crate::metric::Unit;
use crate::series::by::By;
use crate::series::gap;
use crate::series::tick::{SeriesKey, SeriesTick, TickState};

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
        values: samples.iter().map(|values| values.as_ref().map(|values| values[key])).collect(),
    };
    let keys: Vec<KeySeries> = NAMES[..count].iter().enumerate().map(key).collect();
    let mut totals: SeriesColumn =
        samples.iter().map(|values| values.as_ref().map(|_| 0)).collect();
    keys.iter().for_each(|key| totals.add(&key.values));
    let gaps = gap::find(&ticks, &totals, SECOND);
    let missed = ticks.iter().filter(|tick| tick.state == TickState::Missed).count() as u64;
    let unknown = Vec::new();
    Series { metric, by: By::Type, ticks: Arc::new(ticks), keys, unknown, totals, gaps, missed }
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

/// Courses of all kinds: still, climbing, falling, stepping, swinging, or any.
fn courses() -> impl Strategy<Value = Vec<Option<Vec<u64>>>> {
    let any = prop_oneof![0_u64..5, 0_u64..2000, 0_u64..(1 << 50)];
    let noise = prop::collection::vec((any, 0_u64..8), 1..80);
    let kind = (0_usize..6, 1_usize..=4, 1_u64..300, 1_u64..30);
    let missed = prop::collection::vec(prop::bool::weighted(0.1), 80);
    (noise, kind, missed).prop_map(|(noise, (kind, keys, size, period), missed)| {
        let sample = |(n, (any, jitter)): (usize, &(u64, u64))| {
            let n = n as u64;
            let main = match kind {
                0 => any * 1024,
                1 => (50 + n * size) * 64 * 1024 + jitter,
                2 => (80 * size - (n * size).min(80 * size)) * 64 * 1024,
                3 => (20 + n / period * size) * M + jitter * 1024,
                4 => (20 + n % period * size + n / period) * M,
                _ => (30 + n.saturating_sub(period * 2) * size) * M,
            };
            let part = |key: usize| match key {
                0 => main,
                1 => (any % 17 + jitter) * 1024 * (size / 20),
                _ => 300 * 1024 + (n / 9 % 2) * size * 1024,
            };
            (!missed[n as usize]).then(|| (0..keys).map(part).collect())
        };
        noise.iter().enumerate().map(sample).collect()
    })
}

fn within(points: &[Point], from: usize, to: usize) -> Vec<Point> {
    points.iter().filter(|point| (from..=to).contains(&point.index)).copied().collect()
}

fn range(points: &[Point]) -> u64 {
    let values = || points.iter().map(|point| point.value);
    values().max().unwrap() - values().min().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_finding_never_contradicts_its_data(
        samples in courses(),
        marks in prop::collection::vec(0_u64..80, 0..4),
        age_ns in prop::option::of(0_u64..SECOND),
    ) {
        let series = series_of(Metric::RESIDENT, &samples);
        let marks: Vec<(u64, &str)> = marks.iter().map(|at| (at * SECOND, "mark")).collect();
        let source = Source { age_ns, ..source(&series, &marks) };
        let Some(found) = Finding::of_series(&source) else {
            prop_assert!(samples.iter().all(Option::is_none));
            return Ok(());
        };
        // What is known, apart from the engine: gaps are no zeros, loading is left out.
        let sum = |(index, sample): (usize, &Option<Vec<u64>>)| {
            let value = sample.as_ref()?.iter().sum();
            Some(Point { index, elapsed_ns: index as u64 * SECOND, value })
        };
        let known: Vec<Point> = samples.iter().enumerate().filter_map(sum).collect();
        if age_ns.is_none_or(|age| age >= SECOND / 2) {
            prop_assert_eq!(found.first, known[0]);
        }
        let known = within(&known, found.first.index, usize::MAX);
        let values = || known.iter().map(|point| point.value);
        let (highest, lowest) = (values().max().unwrap(), values().min().unwrap());
        prop_assert_eq!(found.first, known[0]);
        prop_assert_eq!(found.last, known[known.len() - 1]);
        prop_assert_eq!(found.highest.value, highest);
        prop_assert_eq!(found.lowest.value, lowest);
        prop_assert!(known.contains(&found.highest) && known.contains(&found.lowest));

        let (first, last) = (found.first.value, found.last.value);
        let change = i128::from(last) - i128::from(first);
        prop_assert_eq!(found.change(), change);
        let tolerance = tolerance(highest, Unit::Bytes);
        let headline = found.headline("node", &clock());
        let plain = |value| Unit::Bytes.plain(value);
        let magnitude = plain(u64::try_from(change.unsigned_abs()).unwrap());
        match found.verdict {
            Verdict::Zero => prop_assert_eq!(highest, 0),
            Verdict::Single => prop_assert_eq!(known.len(), 1),
            Verdict::Level => {
                prop_assert!(change.unsigned_abs() <= u128::from(tolerance));
                prop_assert!(highest - first.max(last) <= tolerance);
                prop_assert!(first.min(last) - lowest <= tolerance);
                let signed = Unit::Bytes.signed(change);
                let stated = headline.contains(&format!("stayed at {} ({signed})", plain(last)));
                prop_assert!(stated, "{}", headline);
            }
            Verdict::Grew => {
                prop_assert!(change > 0);
                let stated = headline.starts_with(&format!("node grew {magnitude} in "));
                prop_assert!(stated, "{}", headline);
            }
            Verdict::Fell => {
                prop_assert!(change < 0);
                let stated = headline.starts_with(&format!("node fell {magnitude} in "));
                prop_assert!(stated, "{}", headline);
            }
            Verdict::Peaked => {
                prop_assert!(highest - first.max(last) > tolerance);
                let stated = headline.starts_with(&format!("node peaked at {} ", plain(highest)));
                prop_assert!(stated, "{}", headline);
                prop_assert!(headline.ends_with(&plain(last)));
            }
            Verdict::Dipped => {
                prop_assert!(first.min(last) - lowest > tolerance);
                let stated = headline.starts_with(&format!("node dipped to {} ", plain(lowest)));
                prop_assert!(stated, "{}", headline);
            }
            Verdict::Swung => {
                let saw_tooth = matches!(found.shape, Shape::SawTooth { .. });
                prop_assert!(saw_tooth);
                let swing = format!("between {} and {}", plain(lowest), plain(highest));
                prop_assert!(headline.contains(&swing), "{}", headline);
            }
        }

        // Parts: each moved as stated and with the whole, and nothing is lost.
        let shares = &found.shares;
        let (from, to) = match &found.shape {
            Shape::SawTooth { first, last, .. } => (first.index, last.index),
            _ => (found.first.index, found.last.index),
        };
        let moved = |key: usize| {
            let at = |index: usize| i128::from(samples[index].as_ref().unwrap()[key]);
            at(to) - at(from)
        };
        let named: i128 = shares.named.iter().map(|share| share.change).sum();
        let total: i128 = (0..series.keys.len()).map(moved).sum();
        prop_assert_eq!(named + shares.rest, total);
        prop_assert_eq!(shares.change, total);
        for share in &shares.named {
            let key = NAMES.iter().position(|(_, name)| *name == share.label).unwrap();
            prop_assert_eq!(share.change, moved(key));
            prop_assert_eq!(share.change.signum(), total.signum());
            prop_assert!(share.percent.is_none_or(|percent| percent <= 100));
        }

        // Words about time hold for every sample.
        let level = u64::try_from(change.unsigned_abs()).unwrap() / 20;
        if let Some(turn) = found.since {
            let before = within(&known, 0, turn.before.index);
            prop_assert!(before.iter().all(|point| point.value.abs_diff(first) <= level));
            prop_assert!(turn.after.value.abs_diff(first) > level);
        }
        if let Some(turn) = found.until {
            let after = within(&known, turn.after.index, usize::MAX);
            prop_assert!(after.iter().all(|point| point.value.abs_diff(last) <= level));
            prop_assert!(turn.before.value.abs_diff(last) > level);
        }
        for turn in found.since.iter().chain(&found.until) {
            let between = turn.before.index + 1..turn.after.index;
            prop_assert!(between.clone().all(|index| samples[index].is_none()));
            prop_assert!(!turn.in_gap || !between.is_empty());
        }
        match &found.shape {
            Shape::Unstated => {}
            Shape::Slope { from, to } => {
                let most = (to.value as f64 - from.value as f64).abs() * SLOPE_PERCENT / 100.0;
                for point in within(&known, from.index, to.index) {
                    prop_assert!(off_line(point, *from, *to) <= most);
                }
            }
            Shape::Steps(steps) => {
                let tall = |turn: &Turn| i128::from(turn.after.value) - i128::from(turn.before.value);
                prop_assert!(steps.iter().all(|step| tall(step).signum() == change.signum()));
                let percent = steps.iter().map(tall).sum::<i128>() * 100 / change;
                prop_assert!((80..=110).contains(&percent), "{}", percent);
                let span_ns = found.last.elapsed_ns - found.first.elapsed_ns;
                for step in steps {
                    let apart = step.after.elapsed_ns - step.before.elapsed_ns;
                    let next = within(&known, step.before.index, step.after.index).len() == 2;
                    prop_assert!(next || apart <= span_ns / 20);
                }
            }
            Shape::SawTooth { troughs, first, last } => {
                let height = ((highest - lowest) / TOOTH_PART).max(1);
                let crest = |from, to| within(&known, from, to).iter().map(|p| p.value).max();
                prop_assert!(*troughs >= 3);
                let at = first.value.max(last.value) + height;
                prop_assert!(crest(first.index, last.index).unwrap() >= at);
                prop_assert!(crest(0, first.index).unwrap() >= first.value + height);
                prop_assert!(crest(last.index, usize::MAX).unwrap() >= last.value + height);
            }
            Shape::BetweenMarks(stretches) => {
                let change = u64::try_from(change).unwrap();
                let mut at = found.first.index;
                for stretch in stretches {
                    prop_assert!(stretch.change() > 0);
                    if stretch.from.index > at {
                        let still = within(&known, at, stretch.from.index);
                        // Each of at most three marks may end a stretch that is still.
                        prop_assert!(range(&still) <= change / STILL_PART * 4);
                        let time = still[still.len() - 1].elapsed_ns - still[0].elapsed_ns;
                        let span = found.last.elapsed_ns - found.first.elapsed_ns;
                        let even = u128::from(change) * u128::from(time) / u128::from(span);
                        prop_assert!(u128::from(range(&still)) <= even / STILL_RATE + 4);
                    }
                    at = stretch.to.index;
                }
            }
        }
        // Every form of the headline says the same, in fewer words.
        let opposed = total != 0 && shares.rest.signum() == -total.signum();
        let changes = matches!(found.verdict, Verdict::Grew | Verdict::Fell);
        if changes && opposed && shares.rest.abs() * 200 >= total.abs() {
            prop_assert!(!headline.contains(": ") || headline.contains("other "), "{}", headline);
        }
        let forms = found.headlines("node", &clock());
        prop_assert!(forms.is_sorted_by(|a, b| a.chars().count() >= b.chars().count()));
        let marks: Vec<&str> = marks.iter().map(|(_, text)| *text).collect();
        let below = found.course_words(&clock(), &marks).join(" · ");
        if known.len() > 1 && highest > 0 && found.verdict != Verdict::Level {
            let ends = format!("{} → {} ({})", plain(first), plain(last), Unit::Bytes.signed(change));
            prop_assert!(below.starts_with(&ends), "{}", below);
        }
    }
}

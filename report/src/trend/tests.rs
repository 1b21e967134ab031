use proptest::prelude::*;
use vmrec_sampler::Naming;

use crate::finding::clock::Clock;
use crate::fixture::series;
use crate::metric::Metric;
use crate::trend::course::TrendCourse;
use crate::trend::limit::{TimeLeft, TrendLimit};
use crate::trend::table::{TrendLayout, trend_table};
use crate::trend::{Trend, TrendOptions};

const M: u64 = 1 << 20;
const SECOND: f64 = 1e9;

fn options() -> TrendOptions {
    TrendOptions { naming: Naming::Linux, min_samples: 20, warm_up: true, marks: Vec::new() }
}

/// The trend of a heap with these values, a second apart.
fn trend(values: impl IntoIterator<Item = u64>) -> Trend {
    let values: Vec<Option<u64>> = values.into_iter().map(Some).collect();
    Trend::of(&series(&[("heap", &values)]), &options()).unwrap()
}

fn shown(trend: &Trend, limits: &[(TrendLimit, Trend)]) -> String {
    let layout = TrendLayout {
        name: "server (pid 7), #1",
        clock: &Clock::Elapsed,
        all: false,
        width: 80,
        color: false,
    };
    trend_table(trend, limits, &layout)
}

fn limit(value: u64) -> TrendLimit {
    TrendLimit { metric: Metric::RESIDENT, value, name: None, recorded: None }
}

#[test]
fn a_line_has_a_slope_and_a_time_left() {
    let rising = trend((0..120).map(|n| (50 + n) * M + n % 3 * 4096));
    let limits = [(limit(512 * M), rising.clone()), (limit(100 * M), rising.clone())];
    insta::assert_snapshot!(shown(&rising, &limits));
    let TimeLeft::In { ns, .. } = rising.time_left(512 * M) else { panic!("it rises") };
    assert!((ns as f64 / SECOND - 343.0).abs() < 1.0, "{ns}");
}

#[test]
fn the_start_of_a_process_is_left_out_of_its_slope() {
    let warm = |n: u64| if n < 20 { n * 5 * M } else { 100 * M + (n - 20) * 64 * 1024 };
    let found = trend((0..120).map(warm));
    let warm_up = found.warm_up.unwrap();
    assert!((18..=20).contains(&warm_up.index), "{warm_up:?}");
    let slope = found.total.slope.unwrap().median * SECOND;
    assert!((slope - 65536.0).abs() < 1000.0, "{slope}");
    let idle_then_load = trend((0..120).map(|n: u64| 40 * M + n.saturating_sub(60) * M));
    assert_eq!(idle_then_load.warm_up, None, "a start that is level is none");
}

#[test]
fn troughs_that_rise_under_teeth_are_the_trend() {
    let saw = |n: u64| 60 * M + n * M / 4 + n % 12 * 6 * M;
    let found = trend((0..240).map(saw));
    let TrendCourse::SawTooth { troughs, height, .. } = found.total.course else {
        panic!("{:?}", found.total.course)
    };
    assert!((18..=20).contains(&troughs), "{troughs}");
    assert!((65 * M..70 * M).contains(&height), "{height}");
    insta::assert_snapshot!(shown(&found, &[(limit(512 * M), found.clone())]));
    // Crests reach it, long before troughs do.
    let TimeLeft::In { ns, .. } = found.time_left(512 * M) else { panic!("it rises") };
    let crest = (512.0 - 60.0 - 66.0 - 239.0 / 4.0) * 4.0;
    assert!((ns as f64 / SECOND - crest).abs() < 30.0, "{} {crest}", ns as f64 / SECOND);
}

#[test]
fn what_has_no_slope_is_given_none() {
    let step = trend((0..100).map(|n| if n < 55 { 40 * M } else { 90 * M }));
    assert!(matches!(step.total.course, TrendCourse::Steps { count: 1, .. }), "{step:?}");
    assert_eq!((step.total.slope, step.time_left(512 * M)), (None, TimeLeft::NoSlope));
    let settled = trend((0..200).map(|n| (40 + n.clamp(30, 120)) * M));
    assert!(matches!(settled.total.course, TrendCourse::Settled { .. }), "{settled:?}");
    let spike = trend((0..100).map(|n| if (40..45).contains(&n) { 90 * M } else { 40 * M }));
    assert!(matches!(spike.total.course, TrendCourse::Excursion { value, .. } if value == 90 * M));
    let few = trend((0..7).map(|n| n * M));
    assert_eq!(few.total.course, TrendCourse::TooFew { samples: 7, needed: 20 });
    assert_eq!(
        few.headline(&Clock::Elapsed),
        "resident: not enough samples for a trend, 7 of 20 needed"
    );
    let reached = trend((0..100).map(|n| (40 + n) * M));
    assert_eq!(reached.time_left(100 * M), TimeLeft::Reached { highest: 139 * M });
    for found in [step, settled, spike, few, reached] {
        let text = shown(&found, &[(limit(512 * M), found.clone())]);
        assert!(
            !text.contains("leak") && text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}

#[test]
fn an_unknown_part_leaves_the_total_unknown() {
    let mut of = series(&[("heap", &[Some(M); 30])]);
    let key = crate::series::tick::SeriesKey {
        family: vmrec_sampler::Family::Stack,
        name: "Stack".into(),
    };
    of.unknown.push(key);
    let found = Trend::of(&of, &options()).unwrap();
    assert_eq!((found.total.course, found.total.last), (TrendCourse::Unknown, None));
    assert!(Trend::of(&series(&[]), &options()).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn values_that_never_change_are_level(value in 0..1_u64 << 40, count in 20..200_usize) {
        let found = trend(std::iter::repeat_n(value, count));
        prop_assert_eq!(found.total.course, TrendCourse::Level);
        prop_assert_eq!(found.total.slope.map(|slope| slope.median), Some(0.0));
        prop_assert_eq!(found.time_left(value + 1), TimeLeft::NoSlope);
        prop_assert_eq!(found.warm_up, None);
    }

    #[test]
    fn the_interval_of_a_noisy_line_holds_its_slope(
        per_second in 200_000..5_000_000_u64,
        noise in prop::collection::vec(0..200_000_u64, 40..200),
    ) {
        let line = noise.iter().zip(0..).map(|(noise, n)| (100 * M + n * per_second + noise) >> 10 << 10);
        let found = trend(line);
        let slope = found.total.slope;
        prop_assert!(slope.is_some(), "{:?}", found.total.course);
        let slope = slope.unwrap();
        // Sen's interval is of 95 %: outside of it the slope is near all the same.
        let true_slope = per_second as f64 / SECOND;
        let width = slope.high - slope.low;
        let near = (slope.low - width..=slope.high + width).contains(&true_slope);
        prop_assert!(near, "{} of {slope:?}", true_slope);
    }

    #[test]
    fn a_floor_that_rises_under_teeth_has_troughs_that_rise(
        rise in 20_000..400_000_u64, tooth in 8..20_u64, height in 20..60_u64, teeth in 8..20_u64,
    ) {
        let saw = (0..tooth * teeth).map(|n| 100 * M + n * rise + n % tooth * height * M / tooth);
        let found = trend(saw);
        let saw_tooth = matches!(found.total.course, TrendCourse::SawTooth { .. });
        // Teeth lower than a fifth of the whole range are none.
        let range = tooth * teeth * rise + height * M;
        prop_assume!(height * M * (tooth - 1) / tooth > range / 4);
        prop_assert!(saw_tooth, "{:?}", found.total.course);
        let slope = found.total.slope.unwrap().median * SECOND;
        prop_assert!((slope - rise as f64).abs() <= rise as f64 * 0.02 + 4096.0, "{slope} of {rise}");
    }

    #[test]
    fn a_step_has_no_slope(at in 15..85_usize, height in 1..200_u64, falls in any::<bool>()) {
        let (low, high) = (50 * M, (50 + height.max(4)) * M);
        let (first, last) = if falls { (high, low) } else { (low, high) };
        let found = trend((0..100).map(|n| if n < at { first } else { last }));
        let step = matches!(found.total.course, TrendCourse::Steps { count: 1, .. });
        prop_assert!(step || found.warm_up.is_some(), "{:?}", found.total.course);
        prop_assert_eq!(found.time_left(1 << 50), TimeLeft::NoSlope);
    }

    #[test]
    fn changes_of_parts_add_up_and_nothing_panics(
        values in prop::collection::vec((0..1_u64 << 40, 0..1_u64 << 40), 1..80),
    ) {
        let part = |of: fn(&(u64, u64)) -> u64| values.iter().map(|value| Some(of(value))).collect::<Vec<_>>();
        let (a, b) = (part(|of| of.0), part(|of| of.1));
        let found = Trend::of(&series(&[("a", &a), ("b", &b)]), &options()).unwrap();
        let sum: i128 = found.rows.iter().filter_map(|row| row.change()).sum();
        prop_assert_eq!(Some(sum), found.total.change());
        let text = shown(&found, &[(limit(1 << 45), found.clone())]);
        prop_assert!(text.lines().all(|line| line.chars().count() <= 80), "{}", text);
    }
}

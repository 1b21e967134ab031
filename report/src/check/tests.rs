use std::sync::Arc;

use proptest::prelude::*;
use vmrec_sampler::{Family, Naming};

use crate::check::limit::{Bound, Figure, Limit, Subject};
use crate::check::run::Run;
use crate::check::verdict::{Check, LimitVerdict, Outcome, kept};
use crate::fixture::series;
use crate::metric::Metric;
use crate::series::objects::named::ObjectSeries;
use crate::series::tick::SeriesKey;

const M: u64 = 1 << 20;
const SECOND: u64 = 1_000_000_000;

fn run(keys: &[(&str, &[Option<u64>])]) -> Run {
    Run {
        name: "run".to_owned(),
        series: vec![series(keys)],
        objects: ObjectSeries::default(),
        stacks: None,
        max_mappings: None,
    }
}

fn total(mebibytes: &[u64]) -> Run {
    run(&[("heap", &mebibytes.iter().map(|value| Some(value * M)).collect::<Vec<_>>())])
}

fn check(runs: Vec<Run>, baseline: Vec<Run>, figure: Figure, bound: Bound) -> LimitVerdict {
    let limit = Limit { metric: Metric::RESIDENT, of: Subject::Total, figure, bound };
    let limits = vec![limit];
    let check = Check { runs, baseline, limits, min_samples: 5, naming: Naming::Linux };
    check.verdicts().remove(0)
}

#[test]
fn a_figure_at_its_bound_is_kept_and_one_byte_more_is_not() {
    let highest = |bound| check(vec![total(&[3, 9, 5])], vec![], Figure::Highest, bound);
    assert_eq!(highest(Bound::Absolute(9 * M)).outcome, Outcome::Kept);
    let exceeded = highest(Bound::Absolute(9 * M - 1));
    assert_eq!(exceeded.outcome, Outcome::Exceeded);
    assert_eq!((exceeded.value, exceeded.at_utc_ns), (Some(9.0 * M as f64), Some(1_000_000_000)));
    let growth = check(vec![total(&[3, 9, 5])], vec![], Figure::Growth, Bound::Absolute(2 * M));
    assert_eq!((growth.outcome, growth.value), (Outcome::Kept, Some(2.0 * M as f64)));
}

#[test]
fn a_slope_needs_samples_and_ignores_one_far_off() {
    let slope = Figure::Slope { per_ns: 60 * SECOND };
    let few = check(vec![total(&[1, 2, 3, 4])], vec![], slope, Bound::Absolute(M));
    assert_eq!(few.outcome, Outcome::TooFewSamples);
    assert_eq!(few.why.as_deref(), Some("4 of 5 samples"));
    assert!(!kept(std::slice::from_ref(&few), false) && kept(&[few], true));
    let grows = [1, 2, 3, 900, 5, 6, 7];
    let bound = |mebibytes| Bound::Absolute(mebibytes * M);
    assert_eq!(check(vec![total(&grows)], vec![], slope, bound(61)).outcome, Outcome::Kept);
    let exceeded = check(vec![total(&grows)], vec![], slope, bound(59));
    assert_eq!(exceeded.outcome, Outcome::Exceeded);
    assert!((exceeded.value.unwrap() - 60.0 * M as f64).abs() < 1.0);
}

#[test]
fn missed_samples_are_left_out_and_unknown_ones_decide_nothing() {
    let values = [Some(M), None, Some(2 * M)];
    let missed = check(vec![run(&[("heap", &values)])], vec![], Figure::Growth, Bound::Absolute(M));
    assert_eq!((missed.outcome, missed.value), (Outcome::Kept, Some(M as f64)));
    let mut unknown = run(&[("heap", &values)]);
    let key = SeriesKey { family: Family::Stack, name: Arc::from("Stack") };
    unknown.series[0].unknown.push(key);
    let verdict = check(vec![unknown], vec![], Figure::Highest, Bound::Absolute(M));
    assert_eq!((verdict.outcome, verdict.value), (Outcome::Unknown, None));
}

#[test]
fn the_least_of_several_runs_is_compared_with_the_least_of_the_baseline() {
    let runs = vec![total(&[1, 40]), total(&[1, 24]), total(&[1, 30])];
    let baseline = vec![total(&[1, 22]), total(&[1, 20])];
    let above = |percent| Bound::AboveBaseline(percent);
    let within = check(runs.clone(), baseline.clone(), Figure::Highest, above(20.0));
    assert_eq!((within.outcome, within.value), (Outcome::Kept, Some(24.0 * M as f64)));
    assert_eq!((within.baseline, within.measured.len()), (Some(20.0 * M as f64), 3));
    let over = check(runs, baseline, Figure::Highest, above(19.0));
    assert_eq!(over.outcome, Outcome::Exceeded);
}

#[test]
fn the_number_of_mappings_is_limited_by_what_was_recorded() {
    let allowed = |recorded: &[Option<u64>]| {
        let run =
            |max_mappings: &Option<u64>| Run { max_mappings: *max_mappings, ..total(&[1, 2]) };
        let runs = recorded.iter().map(run).collect();
        check(runs, Vec::new(), Figure::Highest, Bound::MaxMapCount).allowed
    };
    assert_eq!(allowed(&[None]), Some(65_530.0));
    assert_eq!(allowed(&[Some(262_144), None, Some(131_072)]), Some(131_072.0));
}

#[test]
fn a_tolerance_names_the_total_and_each_large_type_and_a_new_one_is_seen() {
    let flat = |bytes: u64| [Some(bytes), Some(bytes)];
    let baseline = run(&[("heap", &flat(100 * M)), ("small", &flat(4096))]);
    let leaky = run(&[("heap", &flat(100 * M)), ("small", &flat(8192)), ("new", &flat(3 * M))]);
    let mut check = Check {
        runs: vec![leaky],
        baseline: vec![baseline],
        limits: Vec::new(),
        min_samples: 5,
        naming: Naming::Linux,
    };
    check.limits = check.tolerance(Metric::RESIDENT, 5.0);
    let verdicts: Vec<_> = check.verdicts().into_iter().map(|v| (v.label, v.outcome)).collect();
    let expected = [("total", Outcome::Kept), ("heap", Outcome::Kept), ("new", Outcome::Exceeded)];
    assert_eq!(verdicts, expected.map(|(label, outcome)| (label.to_owned(), outcome)));
}

proptest! {
    #[test]
    fn verdicts_never_contradict_the_samples(
        values in prop::collection::vec(prop::option::weighted(0.9, 0..1_u64 << 36), 1..40),
        bound in 0..1_u64 << 36,
    ) {
        let known: Vec<u64> = values.iter().flatten().copied().collect();
        let one = || vec![run(&[("heap", &values)])];
        let highest = check(one(), vec![], Figure::Highest, Bound::Absolute(bound));
        match known.iter().max() {
            None => prop_assert_eq!(highest.outcome, Outcome::TooFewSamples),
            Some(max) => {
                prop_assert_eq!(highest.value, Some(*max as f64));
                prop_assert_eq!(highest.outcome == Outcome::Exceeded, *max > bound);
            }
        }
        let growth = check(one(), vec![], Figure::Growth, Bound::Absolute(bound));
        if let [first, .., last] = known[..] {
            prop_assert_eq!(growth.value, Some(last as f64 - first as f64));
            prop_assert_eq!(growth.outcome == Outcome::Exceeded, last > first && last - first > bound);
        } else {
            prop_assert_eq!(growth.outcome, Outcome::TooFewSamples);
        }
        let same = check(one(), one(), Figure::Highest, Bound::AboveBaseline(0.0));
        prop_assert!(same.outcome != Outcome::Exceeded, "nothing exceeds itself");
    }
}

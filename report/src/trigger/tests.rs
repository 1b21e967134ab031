use proptest::prelude::*;
use vmrec_sampler::{Consistency, Naming, ProcessTotals, Quantity};

use super::*;
use crate::fixture;

const S: u64 = 1_000_000_000;
const MIB: u64 = 1 << 20;

fn above(bound: u64) -> Condition {
    Condition { metric: Metric::PRIVATE, of: None, test: Test::Above(bound) }
}

fn grows(mebibytes: u64, per_ns: u64) -> Condition {
    let test = Test::Grows { amount: mebibytes * MIB, per_ns };
    Condition { metric: Metric::PRIVATE, of: None, test }
}

/// Judges values that are so many nanoseconds apart; `None` is unknown.
fn judged(condition: &Condition, every: u64, values: &[Option<u64>]) -> Vec<Judged> {
    let mut state = condition.start(every);
    let whole = |known| Reading { known, whole: true };
    let next =
        |(at, value): (u64, &Option<u64>)| condition.next(&mut state, at * every, value.map(whole));
    (0..).zip(values).map(next).collect()
}

fn fires(condition: &Condition, values: impl IntoIterator<Item = u64>) -> Vec<usize> {
    let values: Vec<Option<u64>> = values.into_iter().map(Some).collect();
    let judged = judged(condition, 2 * S, &values);
    let at = |(at, judged): (usize, &Judged)| matches!(judged, Judged::Fires(_)).then_some(at);
    judged.iter().enumerate().filter_map(at).collect()
}

#[test]
fn it_fires_as_it_becomes_true_and_again_only_after_it_was_false() {
    assert_eq!(fires(&above(10), [9, 10, 11, 12, 11, 10, 30, 30, 3]), [2, 6]);
    assert_eq!(fires(&above(10), [11, 11]), [0], "true from the first sample on");
}

#[test]
fn the_unknown_neither_fires_nor_counts_as_false() {
    let values = [None, Some(11), None, Some(12), Some(3), None, Some(12)];
    let judged = judged(&above(10), S, &values);
    let fired = |value| Judged::Fires(Fired { value, growth: None });
    use Judged::{False, Holds, Unknown};
    assert_eq!(judged, [Unknown, fired(11), Unknown, Holds, False, Unknown, fired(12)]);
}

#[test]
fn the_known_part_of_a_sum_may_prove_that_it_is_above_and_nothing_else() {
    let condition = above(10);
    let mut state = condition.start(S);
    let mut next = |known| condition.next(&mut state, 0, Some(Reading { known, whole: false }));
    assert_eq!(next(10), Judged::Unknown);
    assert!(matches!(next(11), Judged::Fires(_)));
    assert_eq!(next(4), Judged::Unknown);
    assert_eq!(next(12), Judged::Holds, "it was never known to be false");
    let condition = grows(1, S);
    let part = Some(Reading { known: 1 << 40, whole: false });
    assert_eq!(condition.next(&mut condition.start(S), 0, part), Judged::Unknown);
}

#[test]
fn steady_growth_fires_once_and_a_step_or_an_outlier_does_not() {
    let minute = 60 * S;
    // 60 MiB a minute at 2 s is 2 MiB a sample.
    let steady = |rate: u64| (0..90).map(move |at| 100 * MIB + at * rate * MIB);
    let fired = fires(&grows(50, minute), steady(2));
    assert_eq!(fired, [9], "with the tenth sample, after 18 s");
    assert!(fires(&grows(61, minute), steady(2)).is_empty(), "not above its bound");
    let step = (0..90).map(|at| if at < 40 { 100 * MIB } else { 900 * MIB });
    assert!(fires(&grows(50, minute), step).is_empty());
    let outlier = (0..90).map(|at| if at == 40 { 9000 * MIB } else { 100 * MIB });
    assert!(fires(&grows(50, minute), outlier).is_empty());
    // It stops, and begins again.
    let again = (0..240_u64).map(|at| at.min(60) + at.saturating_sub(120)).map(|at| at * 2 * MIB);
    assert_eq!(fires(&grows(50, minute), again).len(), 2);
}

#[test]
fn growth_by_the_hour_is_not_judged_by_a_start_of_seconds() {
    let condition = grows(5, 3600 * S);
    let values: Vec<_> = (0..2000_u64).map(|at| Some(at.min(30) * 10 * MIB)).collect();
    let judged = judged(&condition, 2 * S, &values);
    let early = judged.iter().take_while(|judged| **judged == Judged::TooEarly).count();
    assert!((450..480).contains(&early), "{early}: a quarter of an hour, and a minute at most");
    assert!(judged[early..].iter().all(|judged| *judged == Judged::False));
}

#[test]
fn dense_samples_weigh_as_much_as_their_time() {
    let condition = grows(1, 60 * S);
    let mut state = condition.start(2 * S);
    let mut next =
        |at_ns, known| condition.next(&mut state, at_ns, Some(Reading { known, whole: true }));
    (0..25).for_each(|at| assert!(!matches!(next(at * 2 * S, 100 * MIB), Judged::Fires(_))));
    // Two seconds of growth in 20 samples.
    for at in 0..20 {
        let judged = next(50 * S + at * S / 10, 100 * MIB + at * MIB);
        assert!(!matches!(judged, Judged::Fires(_)), "{at}");
    }
}

#[test]
fn a_sample_that_is_torn_is_no_evidence_and_totals_are_all_that_is_known_without_regions() {
    let private = [(Quantity::Private, 30 << 20), (Quantity::Resident, 40 << 20)];
    let region = fixture::region(0..0x400_0000, fixture::heap(), None, &private);
    let mut snapshot = fixture::snapshot(0, ProcessTotals::default(), vec![region]);
    let of = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        TypeFilter::find(&words, &[], Naming::Linux).ok()
    };
    let read = |metric, words: &[&str], snapshot: &Snapshot| {
        let of = if words.is_empty() { None } else { of(words) };
        let condition = Condition { metric, of, test: Test::Above(0) };
        condition.read(snapshot).map(|reading| (reading.known, reading.whole))
    };
    assert_eq!(read(Metric::PRIVATE, &[], &snapshot), Some((30 << 20, true)));
    assert_eq!(read(Metric::PRIVATE, &["malloc"], &snapshot), Some((30 << 20, true)));
    assert_eq!(read(Metric::PRIVATE, &["stack"], &snapshot), Some((0, true)));
    assert_eq!(read(Metric::SWAPPED, &[], &snapshot), Some((0, false)));
    assert_eq!(read(Metric::Regions, &["malloc"], &snapshot), Some((1, true)));
    snapshot.consistency = Consistency::Torn("moved".to_owned());
    assert_eq!(read(Metric::PRIVATE, &[], &snapshot), None);
    snapshot.regions.clear();
    snapshot.consistency = Consistency::TotalsAlone("not permitted".to_owned());
    snapshot.totals = ProcessTotals { resident_bytes: Some(7), ..ProcessTotals::default() };
    assert_eq!(read(Metric::RESIDENT, &[], &snapshot), Some((7, true)));
    assert_eq!(read(Metric::RESIDENT, &["malloc"], &snapshot), None);
    assert_eq!(read(Metric::PRIVATE, &[], &snapshot), None);
    assert_eq!(read(Metric::Virtual, &[], &snapshot), None);
}

#[test]
fn words_are_those_of_the_metric() {
    let fired = Fired { value: 2 << 30, growth: None };
    assert_eq!(above(1).words(&fired), "2.0G");
    let fired = Fired { growth: Some(61.2 * MIB as f64), ..fired };
    assert_eq!(grows(50, 60 * S).words(&fired), "+61.2M/min, at 2.0G");
    assert_eq!(grows(50, 86_400 * S).words(&fired), "+61.2M/d, at 2.0G");
}

proptest! {
    /// Between two firings there is a sample that was known to be false; no false one fires.
    #[test]
    fn firings_are_rising_edges(values in prop::collection::vec(prop::option::of(0..20_u64), 1..80)) {
        let all = judged(&above(9), S, &values);
        let mut armed = true;
        for (value, judged) in values.iter().zip(all) {
            match value {
                None => prop_assert_eq!(judged, Judged::Unknown),
                Some(value) => {
                    let expected = *value > 9 && armed;
                    prop_assert_eq!(matches!(judged, Judged::Fires(_)), expected);
                    armed = *value <= 9;
                }
            }
        }
    }

    /// However many samples there are, a window keeps few, and growth that fires is growth from its
    /// first to its last sample by more than chance.
    #[test]
    fn a_window_is_bounded(
        steps in prop::collection::vec((1..5_000_u64, 0..1_u64 << 30), 1..400),
        per_s in prop_oneof![Just(1_u64), Just(60), Just(3600)],
    ) {
        let mut window = Window::new(per_s * S, S);
        let mut at = 0;
        for (step, value) in steps {
            at += step * 1_000_000;
            window.add(at, value);
            prop_assert!(window.len() <= 62);
            if let Some(slope) = window.slope() {
                prop_assert!(slope.low <= slope.median);
            }
        }
    }
}

//! Tests of which samples a page has.

use std::sync::Arc;

use proptest::prelude::*;
use vmrec_sampler::{Family, Timestamp};

use crate::chart::options::{ChartContext, ChartMark, ChartOptions};
use crate::metric::Metric;
use crate::page::plan::PagePlan;
use crate::series::Series;
use crate::series::by::By;
use crate::series::column::SeriesColumn;
use crate::series::tick::{KeySeries, SeriesKey, SeriesTick, TickState};

const SECOND: u64 = 1_000_000_000;

/// A series of one type with a sample each second; unknown values are missed samples.
fn series(metric: Metric, values: &[Option<u64>]) -> Series {
    let tick = |(at, value): (u64, &Option<u64>)| SeriesTick {
        number: at + 7,
        taken: Timestamp { utc_ns: (at * SECOND) as i64, monotonic_ns: at * SECOND },
        state: if value.is_some() { TickState::Complete } else { TickState::Missed },
    };
    let totals: SeriesColumn = values.iter().copied().collect();
    let key = SeriesKey { family: Family::Malloc, name: "heap".into() };
    Series {
        metric,
        by: By::Type,
        ticks: Arc::new((0..).zip(values).map(tick).collect()),
        keys: vec![KeySeries { key, merged: 1, values: totals.clone() }],
        unknown: Vec::new(),
        totals,
        gaps: Vec::new(),
        missed: values.iter().filter(|value| value.is_none()).count() as u64,
        torn_left_out: false,
        rest: None,
    }
}

fn context(marks: &[u64]) -> ChartContext {
    let mark = |at: &u64| ChartMark { utc_ns: (at * SECOND + 1) as i64, text: "mark".to_owned() };
    ChartContext { marks: marks.iter().map(mark).collect(), ..ChartContext::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_page_keeps_extremes_ends_and_marked_samples_within_its_bounds(
        values in proptest::collection::vec(proptest::option::weighted(0.9, 0_u64..1 << 30), 1..4000),
        others in proptest::collection::vec(0_u64..1000, 4000),
        marks in proptest::collection::vec(0_u64..4000, 0..200),
    ) {
        prop_assume!(values.iter().any(Option::is_some));
        let of = series(Metric::RESIDENT, &values);
        let others: Vec<_> =
            values.iter().zip(&others).map(|(known, other)| known.map(|_| *other)).collect();
        let totals = [series(Metric::Regions, &others)];
        let plan = PagePlan::of(&[of], &totals, &ChartOptions::default(), &context(&marks)).unwrap();

        let known = || (7_u64..).zip(&values).filter_map(|(number, value)| Some((number, (*value)?)));
        let value = |number: &u64| values[(number - 7) as usize];
        prop_assert!(plan.samples.iter().all(|number| value(number).is_some()));
        prop_assert!(plan.samples.len() <= 2000 && plan.snapshots.len() <= 40);
        prop_assert!(plan.snapshots.iter().all(|number| plan.samples.contains(number)));
        prop_assert_eq!(plan.snapshots.first(), Some(&plan.ends.0));
        prop_assert!(plan.snapshots.contains(&plan.ends.1));
        for end in [known().next(), known().last()].into_iter().flatten() {
            prop_assert!(plan.samples.contains(&end.0) && plan.snapshots.contains(&end.0));
        }
        let kept = || plan.samples.iter().filter_map(value);
        prop_assert_eq!(kept().max(), known().map(|(_, value)| value).max());
        prop_assert_eq!(kept().min(), known().map(|(_, value)| value).min());
        let kept_other = plan.samples.iter().filter_map(|number| others[(number - 7) as usize]);
        prop_assert_eq!(kept_other.max(), others.iter().copied().flatten().max());
        let mut marks = marks;
        marks.sort_unstable();
        for mark in marks.iter().filter(|mark| **mark < values.len() as u64).take(90) {
            let before = known().take_while(|(number, _)| *number <= mark + 7).last();
            prop_assert!(before.is_none_or(|(number, _)| plan.samples.contains(&number)));
        }
        if known().count() <= 40 {
            prop_assert_eq!(plan.snapshots.len(), known().count());
        }
    }
}

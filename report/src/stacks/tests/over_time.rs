//! Functions over time.

use std::sync::Arc;

use super::*;
use crate::fixture::series;
use crate::series::Series;
use crate::series::by::By;
use crate::stacks::named::NamedStacks;
use crate::stacks::over_time::{StackPeaks, StacksOverTime};

fn over_time(base: Series, nodes: Vec<StackNode>, rows: &[(u64, LiveStacks)]) -> Series {
    let mut peaks = StackPeaks::default();
    rows.iter().for_each(|(_, live)| peaks.see(live));
    let mut all = StacksOverTime::new(base, nodes, &peaks, StackMetric::Resident);
    rows.iter().for_each(|(number, live)| all.push(*number, live));
    all.finish()
}

fn values(series: &Series) -> Vec<(&str, Vec<Option<u64>>)> {
    series.keys.iter().map(|key| (&*key.key.name, key.values.iter().collect())).collect()
}

#[test]
fn functions_are_summed_by_caller_and_scaled_to_the_total() {
    let base = series(&[("A", &[Some(50), Some(100), None, Some(100), Some(60)])]);
    let nodes =
        vec![node(1, 0, "main"), node(2, 1, "fill(int)"), node(3, 2, "malloc"), node(4, 1, "load")];
    // From sample 2 on, and from sample 4 on: more than there is at the last one.
    let rows = [
        (2, live(&[(2, "A", 9, 30, 0), (3, "A", 9, 20, 0), (4, "A", 9, 10, 0)])),
        (4, live(&[(3, "A", 9, 80, 0), (9, "A", 9, 10, 0)])),
    ];
    let all = over_time(base, nodes, &rows);
    assert_eq!(all.by, By::Stack);
    let known = |all: [u64; 4]| vec![Some(all[0]), Some(all[1]), None, Some(all[2]), Some(all[3])];
    assert_eq!(
        values(&all),
        [
            ("fill ← main", known([0, 50, 80, 53])),
            ("load ← main", known([0, 10, 0, 0])),
            ("stack unknown", known([0, 0, 10, 6])),
            ("unattributed", known([50, 40, 10, 1])),
        ]
    );
}

#[test]
fn of_some_types_those_stacks_count_alone() {
    let base = series(&[("A", &[Some(50)])]);
    let rest = Some(base.totals.clone());
    let rows = [(1, live(&[(1, "A", 9, 30, 0), (1, "B", 9, 20, 0)]))];
    let all = over_time(Series { rest, ..base }, vec![node(1, 0, "f")], &rows);
    assert_eq!(values(&all), [("f", vec![Some(30)]), ("unattributed", vec![Some(20)])]);
}

#[test]
fn stacks_with_a_function_are_summed_by_its_name() {
    let base = series(&[("A", &[Some(50), None, Some(100)])]);
    let nodes = vec![
        node(1, 0, "main"),
        node(2, 1, "fill<int>(int)"),
        node(3, 2, "fill<int>(int)"),
        node(4, 1, "x"),
    ];
    let names = ["main", "fill<…>", "fill<int>(int)", "fil"].map(str::to_owned).to_vec();
    let mut all = NamedStacks::new(base, nodes, names);
    all.push(3, &live(&[(2, "A", 9, 30, 0), (3, "B", 9, 20, 0), (4, "A", 9, 5, 0)]));
    let known = |last| vec![Some(0), None, Some(last)];
    assert_eq!(
        values(&all.finish()),
        [("main", known(55)), ("fill<…>", known(50)), ("fill<int>(int)", known(50))]
    );
}

proptest! {
    #[test]
    fn functions_others_and_unattributed_are_the_total_of_each_sample(
        totals in proptest::collection::vec(proptest::option::of(0_u64..1 << 40), 1..12),
        rows in proptest::collection::vec(
            (1_u64..14, proptest::collection::vec((1_u32..90, 0_u64..1 << 40), 0..90)), 0..5,
        ),
    ) {
        let base = series(&[("A", &totals)]);
        let nodes = (1..80).map(|id| node(id, 0, &format!("f{id}"))).collect();
        let mut rows: Vec<_> = rows
            .into_iter()
            .map(|(number, rows)| {
                let rows: Vec<_> = rows.into_iter().map(|(id, bytes)| (id, "A", 1, bytes, 0)).collect();
                (number, live(&rows))
            })
            .collect();
        rows.sort_by_key(|(number, _)| *number);
        let ticks = Arc::clone(&base.ticks);
        let all = over_time(base, nodes, &rows);
        prop_assert_eq!(&all.ticks, &ticks);
        for (at, total) in totals.iter().enumerate() {
            let known: Vec<Option<u64>> = all.keys.iter().map(|key| key.values.get(at)).collect();
            let sum: Option<u64> = known.into_iter().sum();
            prop_assert!(all.keys.is_empty() || sum == *total, "{:?} {:?}", sum, total);
        }
    }
}

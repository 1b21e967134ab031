//! Whole pictures of several metrics.

use proptest::prelude::*;
use vmrec_sampler::{Family, Quantity};

use super::*;
use crate::chart::options::{ChartKind, Theme};
use crate::chart::tests::data::{context, series};
use crate::series::by::By;

const SECOND: u64 = 1_000_000_000;
const FAMILIES: [(Family, &str); 3] =
    [(Family::Image, "image"), (Family::Malloc, "malloc"), (Family::RuntimeHeap, "runtime heap")];

fn metrics(count: u64) -> Vec<Series> {
    let size = |n: u64, key: u64| Some((10 * (key + 1) + n * key) << 20);
    let make = |metric, value: &dyn Fn(u64, u64) -> Option<u64>| {
        series(metric, By::Family, &FAMILIES, count, 2 * SECOND, value)
    };
    vec![
        make(Metric::RESIDENT, &size),
        make(Metric::PRIVATE, &|n, key| Some(size(n, key)? / 2)),
        make(Metric::Virtual, &|n, key| Some(size(n, key)? * 3)),
        make(Metric::Measured(Quantity::Dirty), &|n, key| Some(size(n, key)? / 3)),
        make(Metric::SWAPPED, &|_, _| Some(0)),
        make(Metric::Regions, &|n, key| Some(20 + n * key)),
    ]
}

/// Half a processor.
fn cpu(count: u64) -> Vec<Option<u64>> {
    (0..count).map(|n| (n % 7 != 3).then_some(n * SECOND)).collect()
}

fn draw(series: &[Series], cpu_ns: &[Option<u64>], options: &ChartOptions) -> String {
    let drawn = draw_multiples(series, cpu_ns, options, &context()).unwrap();
    roxmltree::Document::parse(&drawn.svg).unwrap();
    drawn.svg
}

fn page() -> ChartOptions {
    ChartOptions { height: 720, ..ChartOptions::default() }
}

fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let nodes = document.descendants().filter(|node| node.has_tag_name("text"));
    nodes.map(|node| node.text().unwrap_or("").trim().to_owned()).collect()
}

#[test]
fn each_metric_has_its_change_as_title_and_those_of_0_a_word() {
    insta::assert_snapshot!(texts(&draw(&metrics(300), &cpu(300), &page())).join("\n"));
}

#[test]
fn marks_run_through_all_panels() {
    let svg = draw(&metrics(300), &cpu(300), &page());
    let document = roxmltree::Document::parse(&svg).unwrap();
    let number = |node: &roxmltree::Node<'_, '_>, name| -> f64 {
        node.attribute(name).and_then(|value| value.parse().ok()).unwrap_or(0.0)
    };
    let lines = document.descendants().filter(|node| node.has_tag_name("line"));
    let is_rule = |node: &roxmltree::Node<'_, '_>| {
        let x = |name| number(node, name);
        x("x1") == x("x2") && x("y2") - x("y1") > 300.0 && x("x1") > 0.0
    };
    let rules: Vec<f64> = lines.filter(is_rule).map(|node| number(&node, "x1")).collect();
    // Four marks through five panels and the processor time, each with a pale edge.
    assert_eq!(rules.len(), 2 * 4 * 6);
    let mut places = rules;
    places.sort_by(f64::total_cmp);
    places.dedup();
    // In two columns.
    assert_eq!(places.len(), 8);
}

#[test]
fn the_load_is_that_of_the_samples_known() {
    let series = metrics(100).remove(0);
    let load = CpuLoad::of(&series, &cpu(100), 40).unwrap();
    assert!(load.steps.iter().all(|(.., percent)| (percent - 50.0).abs() < 1e-9), "{load:?}");
    assert_eq!(load.used_ns, 99 * SECOND);
    assert!((20..=40).contains(&load.steps.len()), "{load:?}");
    assert_eq!(CpuLoad::of(&series, &[Some(1)], 40), None);
    assert_eq!(CpuLoad::of(&series, &[None; 100], 40), None);
    assert!(!texts(&draw(&metrics(100), &[None; 100], &page())).contains(&"CPU".to_owned()));
}

#[test]
fn weeks_of_every_size_stay_small_and_inside() {
    let names: Vec<_> = Family::ALL.iter().map(|family| (*family, family.name())).collect();
    let noise =
        |n: u64, key: u64| Some((n * 7919 + key * 104_729).wrapping_mul(2_654_435_761) % (1 << 30));
    let all: Vec<Series> = metrics(2)
        .iter()
        .map(|one| series(one.metric, By::Family, &names, 20_000, 2 * SECOND, noise))
        .collect();
    for kind in [ChartKind::Area, ChartKind::Growth] {
        for (width, height) in [(960, 720), (480, 400), (320, 260), (1920, 1080)] {
            let options = ChartOptions { kind, width, height, ..page() };
            let svg = draw(&all, &cpu(20_000), &options);
            assert!(svg.len() < 200_000, "{kind:?} {width}: {} bytes", svg.len());
        }
    }
}

#[test]
fn themes_and_sizes_do_not_change_the_words() {
    let [light, dark] = [Theme::Light, Theme::Dark]
        .map(|theme| draw(&metrics(50), &cpu(50), &ChartOptions { theme, ..page() }));
    assert_eq!(texts(&light), texts(&dark));
    let options = ChartOptions { scale: 2.0, width: 1920, height: 1440, ..page() };
    let scaled = texts(&draw(&metrics(50), &cpu(50), &options));
    assert_eq!(texts(&light), scaled);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The top of the stack is drawn where the highest total is, whichever sample has it.
    #[test]
    fn the_highest_total_of_each_panel_is_drawn(
        values in proptest::collection::vec(0u64..1 << 34, 2..1500),
    ) {
        let at = |n: u64, key: u64| Some(values[n as usize] / (key + 1));
        let names = &FAMILIES[..2];
        let one = series(Metric::RESIDENT, By::Family, names, values.len() as u64, SECOND, at);
        prop_assume!(one.totals.max() > Some(0));
        let stated = Stated::of(&one, &[], &page(), &context_without_marks()).map(|stated| {
            let room = Room { columns: 180, keys: KEYS, one_legend: true };
            select::select(&one, &stated.counted, &page(), Default::default(), room, 0)
        });
        let selection = stated.unwrap();
        let kept = &selection.thinned.kept;
        let sum = |at: usize| selection.shown.iter().map(|shown| shown.values[at]).sum::<i128>();
        let drawn = (0..kept.len()).map(sum).max();
        prop_assert_eq!(drawn, one.totals.max().map(i128::from));
    }
}

fn context_without_marks() -> ChartContext {
    ChartContext { marks: Vec::new(), ..context() }
}

use proptest::prelude::*;
use vmrec_sampler::Naming;

use crate::compare::Comparison;
use crate::compare::figures::{ComparedFigure, Difference, Spread};
use crate::compare::picture::draw_comparison;
use crate::compare::run::ComparedRun;
use crate::compare::sides::{CompareBy, Sides};
use crate::compare::table::{compare_markdown, compare_table};
use crate::fixture::series;
use crate::metric::Metric;

const M: u64 = 1 << 20;
const SECOND: u64 = 1_000_000_000;

/// A run of samples a second apart, of some types.
fn run(name: &str, keys: &[(&str, Vec<u64>)]) -> ComparedRun {
    let known: Vec<(&str, Vec<Option<u64>>)> = keys
        .iter()
        .map(|(key, values)| (*key, values.iter().copied().map(Some).collect()))
        .collect();
    let known: Vec<(&str, &[Option<u64>])> =
        known.iter().map(|(key, values)| (*key, values.as_slice())).collect();
    let machine = ("x86_64".to_owned(), 4096);
    ComparedRun::new(name.to_owned(), SECOND, machine, series(&known), (1, u64::MAX))
}

/// A run whose heap grows evenly to so many MiB, beside a library of 2 MiB.
fn grown(to: u64) -> ComparedRun {
    let heap = (0..30).map(|n| to * M * (n + 1) / 30).collect();
    run("server (pid 7), #1 of a.db", &[("heap", heap), ("library", vec![2 * M; 30])])
}

fn sides(before: Vec<ComparedRun>, after: Vec<ComparedRun>) -> Sides {
    Sides {
        before,
        after,
        metric: Metric::RESIDENT,
        by: CompareBy::Type,
        naming: Naming::Linux,
        aligned: "start".to_owned(),
        from_end: false,
    }
}

#[test]
fn one_run_a_side_differs_by_its_figures() {
    let sides = sides(vec![grown(60)], vec![grown(90)]);
    insta::assert_snapshot!(compare_table(&Comparison::of(&sides), false, 80, false));
}

#[test]
fn a_difference_that_runs_of_one_side_have_too_is_within_their_spread() {
    let noisy = sides(vec![grown(60), grown(66), grown(63)], vec![grown(61), grown(64), grown(70)]);
    let comparison = Comparison::of(&noisy);
    assert_eq!(comparison.figures[0].total.difference, Difference::Within);
    assert_eq!(
        comparison.headline(),
        "highest resident 65.0M and 66.0M: within the spread of 3 runs"
    );
    assert!(!compare_markdown(&comparison, true).contains('%'), "no win is shown");
    let clear = sides(vec![grown(60), grown(61), grown(62)], vec![grown(30), grown(31), grown(32)]);
    insta::assert_snapshot!(compare_table(&Comparison::of(&clear), false, 80, false));
}

#[test]
fn runs_that_hardly_lie_apart_are_within_their_spread() {
    let spread = |values: &[f64]| Spread::of(values.iter().copied().map(Some).collect());
    let of = |before: &[f64], after: &[f64]| Difference::of(&spread(before), &spread(after));
    assert_eq!(of(&[10.0, 14.0, 12.0], &[14.5, 14.6, 14.7]), Difference::Within);
    assert_eq!(of(&[10.0, 14.0, 12.0], &[17.25, 17.5, 17.75]), Difference::By(5.5));
    assert_eq!(of(&[10.0], &[11.0]), Difference::By(1.0), "one run has no spread");
    assert_eq!(of(&[3.0, 3.0], &[3.0]), Difference::Same);
    assert_eq!(of(&[3.0], &[]), Difference::Unknown);
}

#[test]
fn only_as_long_a_time_counts_as_all_runs_have() {
    let long = || run("long", &[("heap", (1..=60).map(|n| n * M).collect())]);
    let short = || run("short", &[("heap", (1..=40).map(|n| n * M).collect())]);
    let highest = |sides: &Sides| Comparison::of(sides).figures[0].total.after.median;
    let mut by_start = sides(vec![short()], vec![long()]);
    assert_eq!(highest(&by_start), Some((60 * M) as f64));
    by_start.cut_to_common();
    assert_eq!(highest(&by_start), Some((40 * M) as f64));
    let mut by_end = sides(vec![short()], vec![long()]);
    by_end.from_end = true;
    by_end.cut_to_common();
    assert_eq!((highest(&by_end), by_end.after[0].samples()), (Some((60 * M) as f64), 40));
}

#[test]
fn a_type_unknown_in_a_run_is_no_zero() {
    let mut unknown = series(&[("heap", &[Some(M), Some(2 * M)])]);
    unknown.unknown.push(crate::series::tick::SeriesKey {
        family: vmrec_sampler::Family::Stack,
        name: "Stack".into(),
    });
    let machine = || ("x86_64".to_owned(), 4096);
    let unknown = ComparedRun::new("old".to_owned(), SECOND, machine(), unknown, (1, 9));
    let comparison = sides(vec![unknown], vec![grown(3)]);
    let comparison = Comparison::of(&comparison);
    assert!(!comparison.is_known());
    assert_eq!(comparison.headline(), "highest resident is not known on both sides");
    assert!(comparison.notes().iter().any(|note| note == "resident is unknown in old"));
}

#[test]
fn a_picture_has_a_line_a_side_the_area_between_and_bars_and_its_names_are_harmless() {
    let hostile = |to| {
        let heap = (0..30).map(|n| to * M * (n + 1) / 30).collect();
        run("<script>alert(1)</script>\u{202e}&\"", &[("]]><b>", heap), ("library", vec![M; 30])])
    };
    let one = sides(vec![hostile(60)], vec![hostile(90)]);
    let svg = draw_comparison(&Comparison::of(&one)).unwrap();
    assert!(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains('\u{202e}'));
    assert_eq!((svg.matches("<polygon").count(), svg.matches("<polyline").count()), (1, 2));
    assert!(svg.contains("change in the highest sample") && svg.contains("+30.0M"), "{svg}");
    // The highest value of each run is drawn as high as it is.
    let top = |nth: usize| -> f64 {
        let line = svg.split("<polyline").nth(nth).unwrap().split("points=\"").nth(1).unwrap();
        let points = line.split('"').next().unwrap().split_whitespace();
        let height = |point: &str| point.split(',').nth(1).unwrap().parse::<f64>().unwrap();
        points.map(height).fold(f64::MAX, f64::min)
    };
    let zero: f64 = svg
        .split("#E1E4E8")
        .nth(3)
        .unwrap()
        .split(" y1=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let ratio = (zero - top(2)) / (zero - top(1));
    assert!((ratio - 91.0 / 61.0).abs() < 0.01, "{ratio} {zero}");
    let several = sides(vec![hostile(60), hostile(62)], vec![hostile(90), hostile(91)]);
    let svg = draw_comparison(&Comparison::of(&several)).unwrap();
    assert_eq!(svg.matches("<polyline").count(), 6, "four runs and two medians");
    let moment =
        sides(vec![run("a", &[("heap", vec![M])])], vec![run("b", &[("heap", vec![9 * M])])]);
    let svg = draw_comparison(&Comparison::of(&moment)).unwrap();
    assert!(!svg.contains("<polyline") && svg.contains("+8192K"), "{svg}");
}

proptest! {
    #[test]
    fn the_parts_and_the_remainder_add_up_and_nothing_differs_from_itself(
        runs in prop::collection::vec(
            prop::collection::vec((0..1_u64 << 30, 0..1_u64 << 30, 0..1_u64 << 30), 1..30), 1..4),
    ) {
        let of = |values: &Vec<(u64, u64, u64)>| run("run", &[
            ("a", values.iter().map(|value| value.0 << 10).collect()),
            ("b", values.iter().map(|value| value.1 << 10).collect()),
            ("c", values.iter().map(|value| value.2 << 10).collect()),
        ]);
        let all = || runs.iter().map(of).collect::<Vec<_>>();
        let same = sides(all(), all());
        for figure in &Comparison::of(&same).figures {
            let rows = std::iter::once(&figure.total).chain(&figure.rows);
            for row in rows {
                prop_assert!(!matches!(row.difference, Difference::By(_)), "{row:?}");
            }
        }
        let before = sides(vec![of(&runs[0])], all());
        for figure in &Comparison::of(&before).figures {
            for count in 0..=figure.rows.len() {
                let rest = figure.remainder(count);
                let sum = |side: usize| {
                    let of = |row: &super::figures::Row| [&row.before, &row.after][side].median;
                    let parts: Option<f64> = figure.rows.iter().take(count).map(of).sum();
                    Some((of(&figure.total)?, parts? + rest[side]?))
                };
                for (total, parts) in [sum(0), sum(1)].into_iter().flatten() {
                    prop_assert!((total - parts).abs() <= total.abs().max(1.0) * 1e-6);
                }
            }
            if figure.figure != ComparedFigure::PerMinute {
                // In one run the parts are all there is.
                prop_assert_eq!(figure.remainder(figure.rows.len())[0], Some(0.0));
            }
        }
    }

    #[test]
    fn any_name_keeps_the_table_within_its_width(name in any::<String>()) {
        let of = |to| run(&name, &[(name.as_str(), vec![to * M; 30])]);
        let sides = sides(vec![of(3), of(4)], vec![of(5)]);
        let table = compare_table(&Comparison::of(&sides), false, 80, false);
        let wide = |line: &&str| unicode_width::UnicodeWidthStr::width(*line) > 80;
        prop_assert_eq!(table.lines().find(wide), None);
        let steers = table.contains('\x1b');
        prop_assert!(!steers);
    }
}

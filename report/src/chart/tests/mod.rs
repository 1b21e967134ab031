//! Whole charts: of made-up recordings, parsed and measured.

pub(crate) mod data;
mod limits;
mod looks;

use std::fmt::Write;

use proptest::prelude::*;
use vmrec_sampler::{Family, Naming};

use super::*;
use crate::chart::options::ChartMark;
use crate::chart::options::{ChartKind, Means, Theme, TimeAxis};
use crate::chart::select::CountedKeys;
use crate::chart::tests::data::{browser, context, sawtooth, series};
use crate::metric::Metric;
use crate::series::by::By;
use crate::series::tick::TickState;

const SECOND: u64 = 1_000_000_000;

fn draw(series: &Series, options: &ChartOptions, context: &ChartContext) -> Result<String, Error> {
    super::draw(std::slice::from_ref(series), options, context).map(|drawn| drawn.svg)
}

fn selection(series: &Series, options: &ChartOptions, columns: usize) -> select::Selection {
    let counted = CountedKeys::of(series, options);
    let room = select::Room { columns, keys: select::MAX_KEYS, one_legend: false };
    select::select(series, &counted, options, Naming::Linux, room, 0)
}

fn parse(svg: &str) -> roxmltree::Document<'_> {
    roxmltree::Document::parse(svg).unwrap()
}

fn texts(svg: &str) -> Vec<String> {
    let document = parse(svg);
    let nodes = document.descendants().filter(|node| node.has_tag_name("text"));
    nodes.map(|node| node.text().unwrap_or("").trim().to_owned()).collect()
}

fn elements(svg: &str, name: &str) -> usize {
    parse(svg).descendants().filter(|node| node.has_tag_name(name)).count()
}

/// The text is reviewed as a whole: titles, ticks, labels, footer, description.
#[test]
fn a_small_chart_says_what_it_shows() {
    let svg = draw(&browser(By::Family), &ChartOptions::default(), &context()).unwrap();
    let mut words = String::new();
    for text in texts(&svg) {
        let _ = writeln!(words, "{text}");
    }
    let document = parse(&svg);
    let description = document.descendants().find(|node| node.has_tag_name("desc"));
    let _ = writeln!(words, "desc: {}", description.and_then(|node| node.text()).unwrap());
    insta::assert_snapshot!(words);
    let id = document.root_element().attribute("id").unwrap();
    assert_eq!(
        document.root_element().attribute("aria-labelledby"),
        Some(&*format!("{id}-title {id}-desc"))
    );
    assert_eq!(document.root_element().attribute("role"), Some("img"));
}

/// A chart of means says everywhere that it has no peaks.
#[test]
fn a_chart_of_means_says_so() {
    let means = Means { chunks: 1008, samples: 302_400, not_drawn: 120 };
    let context = ChartContext { means: Some(means), marks: Vec::new(), ..context() };
    let mut words = String::new();
    for kind in [ChartKind::Area, ChartKind::Growth] {
        let options = ChartOptions { kind, ..ChartOptions::default() };
        let svg = draw(&browser(By::Family), &options, &context).unwrap();
        let document = parse(&svg);
        let description = document.descendants().find(|node| node.has_tag_name("desc"));
        let description = description.and_then(|node| node.text()).unwrap().to_owned();
        for text in texts(&svg).into_iter().chain([description]) {
            let expected = ["mean", "grew", "Growth of", "hour", "since the last"];
            if expected.iter().any(|word| text.contains(word)) {
                let _ = writeln!(words, "{text}");
            }
        }
    }
    insta::assert_snapshot!(words);
    assert!(!words.contains("highest 5"), "{words}");
}

#[test]
fn labels_give_the_last_value_and_the_peak_of_those_that_moved_most_first() {
    let names = [(Family::Malloc, "malloc"), (Family::Stack, "stack"), (Family::Jit, "JIT")];
    let value = |n: u64, key: u64| match (key, n) {
        (0, 50) => Some(245 << 20),
        (0, _) => Some(1 << 20),
        // A maximum that cannot be seen beside the other one.
        (1, 50) => Some(1 << 20),
        (1, _) => Some(64 << 10),
        _ => Some((150 - n) << 20),
    };
    let series = series(Metric::RESIDENT, By::Family, &names, 100, SECOND, value);
    let area: &[&str] =
        &["stack 64K 1024K false", "JIT 51.0M 150.0M true", "malloc 1024K 245.0M true"];
    // A line that cannot be seen needs no label, while areas sum to the total.
    let growth: &[&str] = &["JIT -99.0M -99.0M false", "malloc 0K +244.0M true"];
    for (kind, expected) in [(ChartKind::Area, area), (ChartKind::Growth, growth)] {
        let options = ChartOptions { kind, ..ChartOptions::default() };
        let labels = layout::labels(&series, &selection(&series, &options, 100), kind);
        let line = |label: &layout::Label| {
            format!("{} {} {} {}", label.name, label.now, label.peak, label.fell)
        };
        assert_eq!(labels.iter().map(line).collect::<Vec<_>>(), expected);
    }
}

/// A vdso of 4 K beside 180 M is neither an area nor a label, but still a part of the total.
#[test]
fn what_cannot_be_seen_is_drawn_with_others() {
    let names = [
        (Family::Malloc, "malloc"),
        (Family::Kernel, "kernel/device"),
        (Family::Jit, "JIT"),
        (Family::Stack, "stack"),
    ];
    let value =
        |n: u64, key: u64| Some([(180 + n) << 20, 4 << 10, 900 << 10, 2 << 20][key as usize]);
    let series = series(Metric::RESIDENT, By::Family, &names, 20, SECOND, value);
    let selection = selection(&series, &ChartOptions::default(), 100);
    let shown: Vec<(&str, u64)> =
        selection.shown.iter().map(|shown| (shown.name.as_str(), shown.last)).collect();
    assert_eq!(
        shown,
        [("other (2 families)", 904 << 10), ("stack", 2 << 20), ("malloc", 199 << 20)]
    );
}

#[test]
fn what_is_0_throughout_is_said_without_an_empty_axis() {
    let names = [(Family::Malloc, "malloc")];
    let series = series(Metric::SWAPPED, By::Family, &names, 50, SECOND, |_, _| Some(0));
    let drawn =
        super::draw(std::slice::from_ref(&series), &ChartOptions::default(), &context()).unwrap();
    assert_eq!(drawn.finding, "0 throughout: nothing was swapped");
    assert_eq!(texts(&drawn.svg)[0], drawn.finding);
    assert_eq!((elements(&drawn.svg, "line"), elements(&drawn.svg, "polygon")), (1, 0));
    let height = parse(&drawn.svg).root_element().attribute("height").unwrap().parse::<u32>();
    assert!(height.unwrap() < 150);
}

/// A program that starts counts from its first sample at rest, and its lines begin there.
#[test]
fn growth_is_drawn_from_the_sample_it_is_counted_from() {
    let names = [(Family::Malloc, "malloc"), (Family::Image, "image")];
    let value = |n: u64, key: u64| Some(if n < 3 { 1 + key } else { 40 + n * key } << 20);
    let series = series(Metric::RESIDENT, By::Family, &names, 60, SECOND, value);
    let started_utc_ns = Some(crate::chart::tests::data::BEGUN - 1_000_000);
    let context = ChartContext { started_utc_ns, ..context() };
    let options = ChartOptions { kind: ChartKind::Growth, ..ChartOptions::default() };
    let text = texts(&draw(&series, &options, &context).unwrap()).join("\n");
    let said = "counted from 12:02:01: 3072K at first";
    assert!(!text.contains(said), "the first samples are at rest: {text}");
    let loading = |n: u64, key: u64| if n == 0 { Some(4096) } else { value(n + 3, key) };
    let series = self::series(Metric::RESIDENT, By::Family, &names, 60, SECOND, loading);
    let text = texts(&draw(&series, &options, &context).unwrap()).join("\n");
    assert!(text.contains("counted from 12:02:02: 8K at first, still loading"), "{text}");
    assert!(text.contains("84.0M → 142.0M (+58.0M)"), "{text}");
    assert!(text.contains("+58.0M") && !text.contains("+102.0M"), "{text}");
}

#[test]
fn samples_deleted_since_are_counted_and_missed_ones_are_ticks() {
    let mut series = browser(By::Family);
    let mut ticks = series.ticks.to_vec();
    ticks.iter_mut().for_each(|tick| tick.number *= 30);
    (series.ticks, series.missed) = (ticks.into(), 750);
    let svg = draw(&series, &ChartOptions::default(), &context()).unwrap();
    let shown = texts(&svg).join(" ");
    assert!(shown.contains("275 samples left of 8,946, taken every 2.0s"), "{shown}");
    assert!(shown.contains("750 missed"), "{shown}");
}

#[test]
fn untrusted_text_is_text() {
    let mut context = context();
    let hostile = "<script>alert(1)</script>]]>&amp;\"'\u{0}\u{1b}[31m\u{202e}\u{ffff}";
    context.process = hostile.into();
    context.host = hostile.into();
    context.kernel = hostile.into();
    context.recording = Some(hostile.into());
    context.version = hostile.into();
    context.marks.iter_mut().for_each(|mark| mark.text = hostile.into());
    let mut series = browser(By::Type);
    series.keys[0].key.name = hostile.into();
    let id = "\"><script>".to_owned();
    let svg = draw(&series, &ChartOptions { id, ..ChartOptions::default() }, &context).unwrap();
    assert_eq!(elements(&svg, "script"), 0);
    assert!(texts(&svg).iter().any(|text| text.contains("<script>")));
    assert!(svg.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn weeks_of_samples_stay_small_and_keep_their_peak() {
    let names: Vec<_> = Family::ALL.iter().map(|family| (*family, family.name())).collect();
    let noise =
        |n: u64, key: u64| Some((n * 7919 + key * 104_729).wrapping_mul(2_654_435_761) % (1 << 30));
    let series = series(Metric::RESIDENT, By::Family, &names, 300_000, 2 * SECOND, noise);
    for kind in [ChartKind::Area, ChartKind::Growth] {
        let options = ChartOptions { kind, width: 1920, ..ChartOptions::default() };
        let svg = draw(&series, &options, &context()).unwrap();
        parse(&svg);
        assert!(svg.len() < 200_000, "{kind:?}: {} bytes", svg.len());
    }
}

#[test]
fn many_gaps_and_marks_stay_small_too() {
    let names: Vec<_> = Family::ALL.iter().map(|family| (*family, family.name())).collect();
    let noise = |n: u64, key: u64| {
        (n % 20 > 8).then(|| (n * 7919 + key * 104_729).wrapping_mul(2_654_435_761) % (1 << 30))
    };
    let series = series(Metric::RESIDENT, By::Family, &names, 10_000, 2 * SECOND, noise);
    let mut context = context();
    let mark = |n: i64| ChartMark {
        utc_ns: crate::chart::tests::data::BEGUN + n * 20_000_000_000,
        text: "a long text ".repeat(50),
    };
    context.marks = (0..1000).map(mark).collect();
    for kind in [ChartKind::Area, ChartKind::Growth] {
        let svg =
            draw(&series, &ChartOptions { kind, ..ChartOptions::default() }, &context).unwrap();
        assert!(svg.len() < 200_000, "{kind:?}: {} bytes", svg.len());
    }
}

#[test]
fn gaps_break_lines_and_areas() {
    let names = [(Family::Malloc, "malloc")];
    let values = |n: u64, _| (!(40..60).contains(&n)).then_some((n + 1) << 20);
    let series = series(Metric::RESIDENT, By::Family, &names, 100, SECOND, values);
    let options = ChartOptions { kind: ChartKind::Growth, ..ChartOptions::default() };
    let svg = draw(&series, &options, &context()).unwrap();
    assert_eq!(elements(&svg, "polyline"), 3);

    let svg = draw(&series, &ChartOptions::default(), &context()).unwrap();
    let document = parse(&svg);
    let id = document.root_element().attribute("id").unwrap();
    assert!(svg.contains(&format!("fill=\"url(#{id}-gap)\"")));
    let polygon = document.descendants().find(|node| node.has_tag_name("polygon")).unwrap();
    let points: Vec<(i32, i32)> = polygon
        .attribute("points")
        .unwrap()
        .split_whitespace()
        .filter_map(|point| point.split_once(','))
        .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
        .collect();
    let base = points[0].1;
    // Down to zero before the gap, along zero through it, and up again after it.
    assert_eq!(points.iter().filter(|(_, y)| *y == base).count(), 4, "{points:?}");
}

#[test]
fn what_is_stacked_sums_to_the_total() {
    let series = browser(By::Type);
    let selection = selection(&series, &ChartOptions::default(), 200);
    for (at, index) in selection.thinned.kept.iter().enumerate() {
        let sum: i128 = selection.shown.iter().map(|shown| shown.values[at]).sum();
        assert_eq!(Some(sum), series.totals.get(*index).map(i128::from));
    }
    assert!(selection.shown.len() <= 9);
}

#[test]
fn reserved_address_space_is_left_out_and_said() {
    let names = [(Family::Malloc, "malloc"), (Family::Reserved, "reserved")];
    let values = |_, key| Some(if key == 0 { 50 << 20 } else { 1_550 << 30 });
    let series = series(Metric::Virtual, By::Family, &names, 10, SECOND, values);
    let without = texts(&draw(&series, &ChartOptions::default(), &context()).unwrap());
    assert!(without.iter().any(|text| text.contains("left out: 1.5T of reserved")), "{without:?}");
    let options = ChartOptions { include_reserved: true, ..ChartOptions::default() };
    let with = texts(&draw(&series, &options, &context()).unwrap());
    assert!(with.iter().any(|text| text == "2T"), "{with:?}");
}

#[test]
fn extreme_recordings_are_drawn() {
    let malloc = [(Family::Malloc, "malloc")];
    let long = [(Family::Malloc, "a name without end ".repeat(100).leak() as &str)];
    let huge = |n: u64, _| Some(u64::MAX / 2 + n);
    let cases = [
        (
            "one sample",
            series(Metric::RESIDENT, By::Family, &malloc, 1, SECOND, |_, _| Some(5 << 20)),
        ),
        ("all zero", series(Metric::SWAPPED, By::Family, &malloc, 50, SECOND, |_, _| Some(0))),
        (
            "a microsecond",
            series(Metric::RESIDENT, By::Family, &malloc, 5, 250, |n, _| Some(n << 20)),
        ),
        ("huge values", series(Metric::Virtual, By::Family, &malloc, 50, SECOND, huge)),
        (
            "a long name",
            series(Metric::RESIDENT, By::Type, &long, 50, SECOND, |n, _| Some(n << 20)),
        ),
        ("no key at all", series(Metric::RESIDENT, By::Family, &[], 5, SECOND, |_, _| None)),
        (
            "years",
            series(Metric::RESIDENT, By::Family, &malloc, 50, 10_000_000 * SECOND, |n, _| Some(n)),
        ),
        (
            "lone samples",
            series(Metric::RESIDENT, By::Family, &malloc, 50, SECOND, |n, _| {
                (n % 10 == 0).then_some(n)
            }),
        ),
    ];
    for (name, series) in cases {
        for kind in [ChartKind::Area, ChartKind::Growth] {
            for axis in [TimeAxis::Wall, TimeAxis::Elapsed] {
                for (width, height) in [(960, 540), (320, 260)] {
                    let options =
                        ChartOptions { kind, axis, width, height, ..ChartOptions::default() };
                    let svg = draw(&series, &options, &context()).unwrap();
                    parse(&svg);
                    assert!(!svg.contains("NaN") && !svg.contains("inf,"), "{name}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let malloc = [(Family::Malloc, "malloc")];
    let with = |count, state| {
        let mut series = series(Metric::PSS, By::Family, &malloc, count, SECOND, |_, _| None);
        let mut ticks = series.ticks.to_vec();
        ticks.iter_mut().for_each(|tick| tick.state = state);
        series.ticks = ticks.into();
        draw(&series, &ChartOptions::default(), &context()).unwrap_err().to_string()
    };
    insta::assert_snapshot!(
        [with(0, TickState::Complete), with(3, TickState::Missed), with(3, TickState::Complete)].join("\n"),
        @"
    the recording has no samples
    all 3 samples were missed: there is nothing to draw
    pss is unknown in this recording: its platform does not report it
    "
    );
    let options = ChartOptions { width: 10, ..ChartOptions::default() };
    assert!(matches!(draw(&browser(By::Family), &options, &context()), Err(Error::Size { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Values without any order, in all columns, with gaps and marks: nothing takes more.
    #[test]
    fn a_picture_takes_at_most_200_kb_at_any_length(
        count in 1_u64..12_000, seed: u64, keys in 1_usize..13, missed in 3_u64..400,
        (width, height) in (320_u32..4000, 260_u32..3000), growth: bool, by_object: bool,
        marks in proptest::collection::vec(0_i64..12_000, 0..300),
    ) {
        let family = |at: usize| Family::ALL[at % Family::ALL.len()];
        let names: Vec<String> = (0..keys).map(|at| format!("library-number-{at}.so.{at}")).collect();
        let names: Vec<(Family, &str)> =
            names.iter().enumerate().map(|(at, name)| (family(at), name.as_str())).collect();
        let value = |n: u64, key: u64| {
            let mixed = (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(key << 32);
            let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (!n.is_multiple_of(missed) || n == 0).then_some((mixed >> 30) << 10)
        };
        let by = if by_object { By::Object } else { By::Type };
        let series = series(Metric::RESIDENT, by, &names, count, SECOND, value);
        let mark = |at: &i64| ChartMark {
            utc_ns: crate::chart::tests::data::BEGUN + at * 1_000_000_000,
            text: format!("a mark with a text that takes some room, at {at}"),
        };
        let context = ChartContext { marks: marks.iter().map(mark).collect(), ..context() };
        let kind = if growth { ChartKind::Growth } else { ChartKind::Area };
        let options = ChartOptions { kind, width, height, ..ChartOptions::default() };
        let svg = draw(&series, &options, &context).unwrap();
        prop_assert!(svg.len() <= 200_000, "{}", svg.len());
    }
}

/// Writes pictures to look at: `cargo test -p vmrec-report gallery -- --ignored`.
#[test]
#[ignore = "for eyes"]
fn gallery() {
    let folder = std::env::temp_dir().join("vmrec-charts");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, series, options) in crate::chart::tests::data::gallery() {
        for (theme, suffix) in [(Theme::Auto, ""), (Theme::Dark, "-dark")] {
            let options = ChartOptions { theme, ..options.clone() };
            let svg = draw(&series, &options, &context()).unwrap();
            std::fs::write(folder.join(format!("{name}{suffix}.svg")), svg).unwrap();
        }
    }
}

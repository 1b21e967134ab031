//! Pictures of made-up comparisons.

use std::collections::HashSet;

use jiff::tz::TimeZone;
use vmrec_sampler::{Consistency, Timestamp};
use vmrec_store::RecordingId;

use super::exports::{any_diff, sample_diff};
use super::*;
use crate::chart::options::Theme;
use crate::diff::table::heading::Heading;
use crate::stacks::flame::boxes::{FlameBox, Stands, boxes};
use crate::stacks::flame::tree::MAX_DEPTH;
use crate::stacks::flame::{DrawnFlame, FlameHead, FlameOptions, flame};
use crate::stacks::paths::StackPaths;
use crate::time::spec::Resolved;

fn draw(diff: &StackDiff, theme: Theme, width: u32) -> DrawnFlame {
    let process = crate::fixture::process();
    let at = |number: u64, seconds: u64| {
        let utc_ns = 1_709_301_600_000_000_000 + seconds as i64 * 1_000_000_000;
        let taken = Timestamp { utc_ns, monotonic_ns: seconds * 1_000_000_000 };
        Resolved { number, taken, asked_utc_ns: utc_ns, off_by_ns: 0 }
    };
    let heading = Heading {
        process: &process,
        recording: RecordingId(1),
        from: &at(1, 0),
        to: &at(9, 90),
        from_consistency: &Consistency::Complete,
        to_consistency: &Consistency::Complete,
        time_zone: &TimeZone::UTC,
        made_by: None,
    };
    let drawn = flame(&FlameHead::of_process(&heading), diff, None, &FlameOptions { theme, width });
    let document = roxmltree::Document::parse(&drawn.svg).unwrap();
    let ids: Vec<&str> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    assert!(document.descendants().all(|node| !node.has_tag_name("script")));
    assert!(drawn.svg.len() <= 200_000, "{} bytes", drawn.svg.len());
    drawn
}

fn words(svg: &str) -> String {
    let document = roxmltree::Document::parse(svg).unwrap();
    let shown = |node: &roxmltree::Node<'_, '_>| {
        node.has_tag_name("text") || node.has_tag_name("title") || node.has_tag_name("desc")
    };
    let nodes = document.descendants().filter(shown);
    nodes.map(|node| format!("{}\n", node.text().unwrap_or("").trim())).collect()
}

#[test]
fn a_picture_names_each_function_with_its_bytes_share_and_error() {
    insta::assert_snapshot!(words(&draw(&sample_diff(), Theme::Auto, 960).svg));
}

#[test]
fn flames_differ_by_theme_in_colours_alone() {
    let [auto, light, dark] =
        [Theme::Auto, Theme::Light, Theme::Dark].map(|theme| draw(&sample_diff(), theme, 480).svg);
    assert!(auto.contains("prefers-color-scheme") && !dark.contains("prefers-color-scheme"));
    assert_eq!(words(&light), words(&dark));
    assert_ne!(light, dark);
}

#[test]
fn where_nothing_changed_the_picture_shows_that() {
    let nothing = StackDiff::new(Vec::new(), [&live(&[]), &live(&[])], ALL, [7, 7]);
    let svg = draw(&nothing, Theme::Light, 960).svg;
    assert!(words(&svg).contains("resident 0K"), "{svg}");
}

/// Many stacks of long and hostile names, one of them deep.
fn hostile() -> StackDiff {
    let name = |n: u32| format!("<script>&\"'{}\u{202e}\u{0}]]>{n}", "long".repeat(99));
    let mut nodes: Vec<StackNode> = (1..5000).map(|n| node(n, n / 7, &name(n))).collect();
    nodes.extend((5000..5300).map(|n| node(n, if n == 5000 { 0 } else { n - 1 }, &name(n))));
    let rows: Vec<_> = (1..5300).map(|n| (n, "A", 9, u64::from(n) * 4096, 1)).collect();
    StackDiff::new(nodes, [&live(&[]), &live(&rows)], ALL, [0, 1 << 40])
}

#[test]
fn many_long_names_make_a_small_picture() {
    let svg = draw(&hostile(), Theme::Auto, 4000).svg;
    let words = words(&svg);
    assert!(!svg.contains("<script") && words.contains("<script>"), "{words}");
    assert!(words.lines().all(|line| line.chars().count() < 400), "{words}");
    assert!(words.contains(" functions: +"), "{words}");
}

#[test]
fn frames_that_are_too_deep_are_one_box() {
    let nodes: Vec<StackNode> = (1..200).map(|n| node(n, n - 1, &format!("f{n}"))).collect();
    let diff = StackDiff::new(nodes, [&live(&[]), &live(&[(199, "A", 9, 900, 1)])], ALL, [0, 900]);
    let all = boxes(&StackPaths::new(&diff), 0.0);
    let deepest = all.iter().max_by_key(|one| one.depth).unwrap();
    assert_eq!(
        (deepest.stands, deepest.depth, deepest.bytes),
        (Stands::Deeper, MAX_DEPTH + 2, 900)
    );
    assert!(words(&draw(&diff, Theme::Auto, 960).svg).contains("deeper frames"));
}

fn holds(outer: &FlameBox, inner: &FlameBox) -> bool {
    outer.depth + 1 == inner.depth
        && outer.start <= inner.start
        && inner.start + inner.bytes <= outer.start + outer.bytes
}

proptest! {
    #[test]
    fn boxes_lie_in_their_callers_and_sum_to_the_change(
        diff in any_diff(), min_part in prop_oneof![Just(0.0), 0.0..1.5],
    ) {
        let all = boxes(&StackPaths::new(&diff), min_part);
        prop_assert_eq!((all[0].stands, all[0].start, all[0].own_bytes), (Stands::All, 0, 0));
        let top: Vec<&FlameBox> = all.iter().filter(|one| one.depth == 1).collect();
        prop_assert_eq!(top.iter().map(|one| one.bytes).sum::<u128>(), all[0].bytes);
        let signed = top.iter().map(|one| one.sign * one.bytes as i128).sum::<i128>();
        prop_assert_eq!(signed, diff.total);
        for one in &all {
            prop_assert!(one.bytes > 0 || one.stands == Stands::All);
            prop_assert!(one.depth == 0 || all.iter().any(|outer| holds(outer, one)), "{one:?}");
            // With what it made in itself, the boxes within a box are the whole of it.
            let within: u128 = all
                .iter()
                .filter(|inner| inner.bytes > 0 && holds(one, inner))
                .map(|inner| inner.bytes)
                .sum();
            match one.stands {
                Stands::All | Stands::Side | Stands::Frame(_) => {
                    prop_assert_eq!(within + one.own_bytes, one.bytes, "{:?}", one);
                }
                _ => prop_assert_eq!(within, 0),
            }
        }
        // Boxes of one row do not overlap.
        for a in &all {
            for b in all.iter().filter(|b| b.depth == a.depth && b.start > a.start) {
                prop_assert!(a.start + a.bytes <= b.start, "{a:?} {b:?}");
            }
        }
        draw(&diff, Theme::Auto, 480);
    }
}

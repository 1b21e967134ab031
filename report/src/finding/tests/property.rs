//! No finding contradicts the data it is of.

use proptest::prelude::*;

use super::{M, NAMES, SECOND, clock, series_of, source, tear};
use crate::finding::course::{Point, Turn};
use crate::finding::outcome::{Verdict, tolerance};
use crate::finding::shape::{SLOPE_PERCENT, STILL_PART, STILL_RATE, Shape, TOOTH_PART, off_line};
use crate::finding::{Finding, Source};
use crate::metric::{Metric, Unit};

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
    #[test]
    fn no_figure_of_a_finding_is_of_a_torn_sample_if_there_are_others(
        samples in courses(),
        torn in prop::collection::vec(0_usize..80, 0..40),
        age_ns in prop::option::of(0_u64..SECOND),
    ) {
        let mut series = series_of(Metric::RESIDENT, &samples);
        let torn: Vec<usize> = torn.into_iter().filter(|at| *at < samples.len()).collect();
        let sum = |at: usize| samples[at].as_ref().map(|parts| parts.iter().sum::<u64>());
        let complete: Vec<u64> =
            (0..samples.len()).filter(|at| !torn.contains(at)).filter_map(sum).collect();
        let any_torn = torn.iter().any(|at| samples[*at].is_some());
        tear(&mut series, &torn);
        let Some(found) = Finding::of_series(&Source { age_ns, ..source(&series, &[]) }) else {
            prop_assert!(samples.iter().all(Option::is_none));
            return Ok(());
        };
        let words = super::caveats(&found).join(", ");
        if complete.is_empty() {
            prop_assert!(words.contains("torn: their regions moved") || words.contains("is torn"));
            return Ok(());
        }
        prop_assert_eq!(any_torn, words.contains("without "), "{}", words);
        for point in [found.first, found.last, found.highest, found.lowest] {
            prop_assert!(!torn.contains(&point.index));
            prop_assert_eq!(Some(point.value), sum(point.index));
        }
        prop_assert_eq!(Some(found.last.value), complete.last().copied());
        if found.first.index == (0..).find(|at| !torn.contains(at) && sum(*at).is_some()).unwrap() {
            prop_assert_eq!(Some(found.highest.value), complete.iter().max().copied());
            prop_assert_eq!(Some(found.lowest.value), complete.iter().min().copied());
        }
        // Nor is anything of them drawn.
        prop_assert!(torn.iter().all(|at| series.totals.get(*at).is_none()));
        prop_assert!(torn.iter().all(|at| series.keys.iter().all(|key| key.values.get(*at).is_none())));
    }
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
        // The known values, found without the engine: gaps are no zeros, loading is left out.
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

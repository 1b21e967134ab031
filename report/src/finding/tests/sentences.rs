//! Sentences read as a reader does, each figure of them held against the data: the words are parsed,
//! and nothing of the engine is asked.

use proptest::prelude::*;
use vmrec_sampler::Naming;

use super::reader::Reader;
use super::{BEGUN, M, NAMES, SECOND, clock, series_of, source};
use crate::finding::caveat::Caveat;
use crate::finding::{Finding, Moments, Source};
use crate::metric::Metric;
use crate::trend::{Trend, TrendOptions};

/// Shapes that no other test has, each of some seconds, with a size and a jitter.
fn shape(kind: usize, n: u64, length: u64, size: u64, jitter: u64) -> u64 {
    let half = length / 2;
    let far = |at: u64| n.abs_diff(at);
    match kind {
        // A collector whose teeth become smaller while its floor rises.
        0 => 50 + n * size / 40 + (n % 9) * size * length.saturating_sub(n) / length / 4,
        // A valley: down and up again to another height.
        1 => 300 * size / 4 + far(half) * size / 3 + n,
        // A logistic curve.
        2 => 40 + (size as f64 * 20.0 / (1.0 + (-(n as f64 - half as f64) / 3.0).exp())) as u64,
        // Growth, then a cliff to below where it began.
        3 => {
            if n < length - length / 6 {
                60 * size + n * size
            } else {
                20 * size
            }
        }
        // A burst that dies away by halves.
        4 => 30 + if n >= length / 4 { (size * 64) >> (n - length / 4).min(20) } else { 0 },
        // A level with rare outliers both ways.
        5 => (90 * size + if jitter == 0 { size * 40 } else { 0 }).saturating_sub(if jitter == 1 {
            size * 40
        } else {
            0
        }),
        // Stairs up, and at the end one large stair down.
        6 => {
            let stairs = 20 + (n / 7) * size;
            if n + 4 > length { stairs / 2 } else { stairs }
        }
        // Two ramps of different slopes with a level between them.
        7 => 30 + n.min(half / 2) * size + n.saturating_sub(half + half / 2) * size * 5,
        // A slow beat of two waves.
        8 => 200 * size + (n % 5) * size * 3 + (n % 13) * size * 2,
        // What moves by one now and then.
        _ => 100 + n / 11,
    }
}

fn shapes() -> impl Strategy<Value = (Vec<Option<Vec<u64>>>, bool)> {
    let jitter = prop::collection::vec(0_u64..23, 2..90);
    let gap = prop::option::of((0_usize..90, 1_usize..40));
    (0_usize..10, jitter, 1_u64..40, 1_usize..=4, any::<bool>(), gap).prop_map(
        |(kind, jitter, size, keys, count, gap)| {
            let length = jitter.len() as u64;
            let unit = if count { 1 } else { M / 4 };
            let sample = |(n, jitter): (usize, &u64)| {
                if gap.is_some_and(|(from, for_)| (from..from + for_).contains(&n)) {
                    return None;
                }
                let main = shape(kind, n as u64, length, size, *jitter) * unit;
                let part = |key: usize| match key {
                    0 => main,
                    // One that falls as the first rises, and one that trembles.
                    1 => (length - n as u64) * size / 9 * unit,
                    2 => (40 + jitter % 3) * unit,
                    _ => 7 * unit,
                };
                Some((0..keys).map(part).collect())
            };
            (jitter.iter().enumerate().map(sample).collect(), count)
        },
    )
}

fn options(marks: &[(u64, &str)]) -> TrendOptions {
    let mark = |(at, text): &(u64, &str)| (BEGUN + (*at * SECOND) as i64, (*text).to_owned());
    TrendOptions {
        naming: Naming::Linux,
        min_samples: 8,
        warm_up: false,
        marks: marks.iter().map(mark).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_figure_of_a_sentence_is_one_of_the_data(
        (samples, count) in shapes(), marks in prop::collection::btree_set(1_u64..88, 0..4),
    ) {
        let metric = if count { Metric::Regions } else { Metric::RESIDENT };
        let series = series_of(metric, &samples);
        let texts = ["load", "scroll", "idle", "stop"];
        let marks: Vec<(u64, &str)> = marks.into_iter().zip(texts).collect();
        let at: Vec<(u64, &str)> = marks.iter().map(|(at, text)| (at * SECOND, *text)).collect();
        let Some(found) = Finding::of_series(&Source { marks: &at, ..source(&series, &at) }) else {
            prop_assert!(samples.iter().all(Option::is_none));
            return Ok(());
        };
        let reader = Reader::new(&samples, metric, &marks);
        let texts: Vec<&str> = marks.iter().map(|(_, text)| *text).collect();
        let below = found.course_words(&clock(), &texts).join(" · ");
        reader.headline(&found.headline("node", &clock()), &below);
        reader.below(&below);
        // A missed sample is never a figure, and always said.
        let missed = found.caveats.iter().any(|of| matches!(of, Caveat::Missed { .. }));
        prop_assert_eq!(missed, samples.iter().any(Option::is_none));
    }

    #[test]
    fn a_diff_of_two_moments_states_what_both_are((samples, count) in shapes()) {
        let metric = if count { Metric::Regions } else { Metric::RESIDENT };
        let known: Vec<&Vec<u64>> = samples.iter().flatten().collect();
        prop_assume!(known.len() > 1);
        let ends = [known[0].clone(), known[known.len() - 1].clone()];
        let [first, last] = ends.each_ref().map(|parts| parts.iter().sum());
        let change = |key: usize| i128::from(ends[1][key]) - i128::from(ends[0][key]);
        let parts = (0..ends[0].len()).map(|key| (NAMES[key].1.to_owned(), change(key)));
        let moments = Moments { first, last, highest: None, leader: None, elapsed_ns: SECOND };
        let found = Finding::of_moments(metric, moments, parts, Vec::new());
        let two: Vec<Option<Vec<u64>>> = ends.into_iter().map(Some).collect();
        let below = found.course_words(&clock(), &[]).join(" · ");
        let reader = Reader::new(&two, metric, &[]);
        reader.headline(&found.headline("node", &clock()), &below);
        reader.below(&below);
    }

    #[test]
    fn a_trend_states_only_what_was_seen((samples, count) in shapes()) {
        let metric = if count { Metric::Regions } else { Metric::RESIDENT };
        let series = series_of(metric, &samples);
        let Some(trend) = Trend::of(&series, &options(&[])) else { return Ok(()) };
        let reader = Reader::new(&samples, metric, &[]);
        let (first, last) = (reader.first(), reader.last());
        let headline = trend.headline(&clock());
        let signed = reader.unit.signed(reader.change());
        let (low, high) = (reader.values().min().unwrap(), reader.values().max().unwrap());
        if let Some((_, rest)) = headline.split_once(" is level at ") {
            let stated = format!("{} ({signed}) ", reader.unit.plain(last.1));
            prop_assert!(rest.starts_with(&stated), "{}", headline);
            prop_assert!(high - low <= (high / 40).max(64 << 10) || count && high - low <= high / 40);
        } else if let Some((_, rest)) = headline.split_once(" went to ") {
            let (value, rest) = rest.split_once(" at ").unwrap();
            let at = reader.at(Reader::second(rest.split(' ').next().unwrap()));
            prop_assert_eq!(value, reader.unit.plain(at));
            prop_assert!(at == low || at == high, "{}", headline);
            prop_assert!(rest.contains(&format!("came back ({signed})")), "{}", headline);
        } else if let Some((_, rest)) = headline.split_once(" moved ") {
            prop_assert!(rest.starts_with(&signed), "{} {}", headline, signed);
        } else if let Some((_, rest)) = headline.split_once(" is level since ") {
            let since = Reader::second(rest.split(' ').next().unwrap());
            reader.is_flat(since, last.0, last.1);
            prop_assert!(rest.contains(&format!("after {signed} since")), "{}", headline);
        } else if let Some((_, rest)) = headline.split_once(", not evenly, from ") {
            let stated = Reader::second(rest.split(' ').next().unwrap());
            prop_assert_eq!(stated, first.0);
        }
        // The direction that is stated is that of the line, and a slope of nothing rises nowhere.
        for (verb, sign) in [(" rises by ", '+'), (" falls by ", '-')] {
            if let Some((_, rest)) = headline.split_once(verb) {
                let digits = |c: char| ('1'..='9').contains(&c);
                prop_assert!(rest.split(' ').next().unwrap().contains(digits), "{}", headline);
                let (_, interval) = rest.split_once('(').unwrap();
                let (low, high) = interval.split_once(')').unwrap().0.split_once(" to ").unwrap();
                let same = |end: &str| end.starts_with(sign) || !end.contains(digits);
                prop_assert!(same(low) && same(high), "{}", headline);
                // What rises does not end below where it began.
                let ended = reader.change().signum() == if sign == '+' { 1 } else { -1 };
                prop_assert!(ended || headline.contains(" troughs ") || headline.contains(" and ended "), "{}", headline);
            }
        }
    }
}

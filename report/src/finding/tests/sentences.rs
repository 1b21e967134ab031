//! Sentences read as a reader does, each figure of them held against the data: the words are parsed,
//! and nothing of the engine is asked.

use proptest::prelude::*;
use vmrec_sampler::Naming;

use super::{BEGUN, M, NAMES, SECOND, clock, series_of, source};
use crate::finding::caveat::Caveat;
use crate::finding::{Finding, Moments, Source};
use crate::metric::{Metric, Unit};
use crate::text::units;
use crate::trend::{Trend, TrendOptions};

/// Parts of each sample, a second apart; `None` was missed.
type Samples = [Option<Vec<u64>>];

/// Holds a sentence against samples.
struct Reader<'a> {
    samples: &'a Samples,
    unit: Unit,
    /// Seconds and totals of the samples that are known.
    known: Vec<(u64, u64)>,
    /// Seconds and texts of marks.
    marks: &'a [(u64, &'a str)],
}

impl<'a> Reader<'a> {
    fn new(samples: &'a Samples, metric: Metric, marks: &'a [(u64, &'a str)]) -> Self {
        let total = |(at, sample): (usize, &Option<Vec<u64>>)| {
            Some((at as u64, sample.as_ref()?.iter().sum()))
        };
        let known = samples.iter().enumerate().filter_map(total).collect();
        Self { samples, unit: metric.unit(), known, marks }
    }

    fn first(&self) -> (u64, u64) {
        self.known[0]
    }

    fn last(&self) -> (u64, u64) {
        self.known[self.known.len() - 1]
    }

    fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.known.iter().map(|(_, value)| *value)
    }

    fn change(&self) -> i128 {
        i128::from(self.last().1) - i128::from(self.first().1)
    }

    fn amount(&self, change: i128) -> String {
        let size = self.unit.plain(u64::try_from(change.unsigned_abs()).unwrap());
        if self.unit == Unit::Count { format!("by {size}") } else { size }
    }

    /// Returns the second of `07:18:49`.
    fn second(text: &str) -> u64 {
        let clock = text.trim_matches(|c: char| !c.is_ascii_digit());
        let parts: Vec<u64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
        let [hours, minutes, seconds] = parts[..] else { panic!("no time: {text}") };
        let begun = BEGUN as u64 / SECOND % 86_400;
        hours * 3600 + minutes * 60 + seconds - begun
    }

    fn at(&self, second: u64) -> u64 {
        let found = self.known.iter().find(|(at, _)| *at == second);
        found.unwrap_or_else(|| panic!("nothing is known after {second} s")).1
    }

    /// Returns the values between two seconds, ends included.
    fn between(&self, from: u64, to: u64) -> Vec<u64> {
        let inside = self.known.iter().filter(|(at, _)| (from..=to).contains(at));
        inside.map(|(_, value)| *value).collect()
    }

    /// Checks that nothing moved by more than a twentieth of the change from a value.
    fn is_flat(&self, from: u64, to: u64, level: u64) {
        let most = u64::try_from(self.change().unsigned_abs()).unwrap() / 20;
        let flat = self.between(from, to).iter().all(|value| value.abs_diff(level) <= most);
        assert!(flat, "{from} s to {to} s is not flat at {level}: {:?}", self.known);
    }

    /// Checks `label +12.0M (40%), other -3` against the change of each part between two seconds.
    fn parts(&self, text: &str, from: u64, to: u64) {
        let value = |second: u64, key: usize| {
            i128::from(self.samples[second as usize].as_ref().unwrap()[key])
        };
        let change = |key: usize| value(to, key) - value(from, key);
        let count = self.samples[from as usize].as_ref().unwrap().len();
        let mut rest: i128 = (0..count).map(change).sum();
        let total = rest;
        let mut percents = 0;
        for part in text.split(", ") {
            let (part, percent) = match part.split_once(" (") {
                Some((part, percent)) => (part, Some(percent.trim_end_matches("%)"))),
                None => (part, None),
            };
            let (label, signed) = part.rsplit_once(' ').unwrap();
            if label == "other" {
                assert_eq!(signed, self.unit.signed(rest), "{text}");
                rest = 0;
                continue;
            }
            let key = NAMES.iter().position(|(_, name)| *name == label).unwrap();
            assert_eq!(signed, self.unit.signed(change(key)), "{text}");
            assert_eq!(change(key).signum(), total.signum(), "{text}");
            rest -= change(key);
            if let Some(percent) = percent {
                let percent: i128 = percent.parse().unwrap();
                percents += percent;
                // Of all that moved the same way, of which the change is the most part.
                let of_change = change(key) * 100 / total;
                assert!((percent - of_change).abs() <= 6, "{text}: {of_change}");
            }
        }
        assert!(percents <= 100, "{text}");
    }

    fn headline(&self, headline: &str, below: &str) {
        let (lead, parts) = match headline.split_once(": ") {
            Some((lead, parts)) => (lead, Some(parts)),
            None => (headline, None),
        };
        let subject =
            if self.unit == Unit::Count { "the number of regions of node" } else { "node" };
        if headline.starts_with("0 throughout") {
            assert!(self.values().all(|value| value == 0));
            return;
        }
        let said = lead.strip_prefix(subject).unwrap().trim_start();
        let (verb, rest) = said.split_once(' ').unwrap();
        let [first, last] = [self.first(), self.last()];
        let elapsed = || units::duration((last.0 - first.0) * SECOND);
        let (low, high) = (self.values().min().unwrap(), self.values().max().unwrap());
        match verb {
            "grew" | "fell" => {
                assert_eq!(self.change().signum(), if verb == "grew" { 1 } else { -1 });
                assert_eq!(rest, format!("{} in {}", self.amount(self.change()), elapsed()));
                self.parts(parts.unwrap_or_default(), first.0, last.0);
            }
            "stayed" => {
                let signed = self.unit.signed(self.change());
                assert_eq!(rest, format!("at {} ({signed})", self.unit.plain(last.1)));
                // A level is one to the eye: no value is a tenth away from it.
                let near = (high / 10).max(if self.unit == Unit::Bytes { 192 << 10 } else { 0 });
                assert!(high - low <= near, "{headline}: {low} to {high}");
            }
            "was" => assert_eq!(self.known.len(), 1),
            "peaked" | "dipped" => {
                let extreme = if verb == "peaked" { high } else { low };
                let words = rest.trim_start_matches("at ").trim_start_matches("to ");
                assert!(words.starts_with(&self.unit.plain(extreme)), "{headline}");
                assert!(headline.ends_with(&format!("ended at {}", self.unit.plain(last.1))));
                let (_, when) = rest.rsplit_once(" at ").unwrap().0.rsplit_once("at ").unwrap();
                let second = Self::second(when.trim_end_matches(", ended"));
                assert_eq!(self.at(second), extreme, "{headline}");
                if let Some((_, leader)) = rest.split_once(" (") {
                    let (label, value) =
                        leader.split_once(')').unwrap().0.rsplit_once(' ').unwrap();
                    let key = NAMES.iter().position(|(_, name)| *name == label).unwrap();
                    let sample = self.samples[second as usize].as_ref().unwrap();
                    assert_eq!(value, self.unit.plain(sample[key]), "{headline}");
                }
            }
            "swung" => {
                let swing =
                    format!("between {} and {}", self.unit.plain(low), self.unit.plain(high));
                assert!(rest.starts_with(&swing), "{headline}");
                let (_, troughs) = below.split_once("saw-tooth, ").unwrap();
                let (_, troughs) = troughs.split_once(": ").unwrap();
                let ends: Vec<(u64, u64)> = troughs
                    .split(" · ")
                    .next()
                    .unwrap()
                    .split(", ")
                    .map(|end| {
                        let (value, when) = end.split_once(" at ").unwrap();
                        let second = Self::second(when);
                        assert_eq!(value, self.unit.plain(self.at(second)), "{below}");
                        (second, self.at(second))
                    })
                    .collect();
                let [from, to] = ends[..] else { panic!("{below}") };
                let moved = i128::from(to.1) - i128::from(from.1);
                let verb = match () {
                    () if rest.contains("troughs stayed") => {
                        let signed = self.unit.signed(moved);
                        assert!(rest.ends_with(&format!("({signed})")), "{headline}");
                        return;
                    }
                    () if moved > 0 => "rose",
                    () => "fell",
                };
                assert!(rest.ends_with(&format!("{verb} {}", self.amount(moved))), "{headline}");
                parts.into_iter().for_each(|parts| self.parts(parts, from.0, to.0));
            }
            other => panic!("an unknown verb: {other}"),
        }
    }

    fn below(&self, below: &str) {
        let [first, last] = [self.first(), self.last()];
        for part in below.split(" · ").filter(|part| !part.is_empty()) {
            if part.contains(" → ") {
                let signed = self.unit.signed(self.change());
                let [from, to] = [first.1, last.1].map(|value| self.unit.plain(value));
                assert_eq!(part, format!("{from} → {to} ({signed})"));
            } else if let Some(rest) = part.strip_prefix("between ") {
                let (low, high) = (self.values().min().unwrap(), self.values().max().unwrap());
                let [low, high] = [low, high].map(|value| self.unit.plain(value));
                assert_eq!(rest, format!("{low} and {high}"));
            } else if let Some(rest) = part.strip_prefix("highest ") {
                let (value, when) = rest.split_once(" at ").unwrap();
                let high = self.values().max().unwrap();
                assert_eq!(self.at(Self::second(when)), high);
                assert_eq!(value, self.unit.plain(high));
            } else if let Some(rest) = part.strip_prefix("in one step, ") {
                self.steps(rest, 1);
            } else if let Some(rest) = part.strip_prefix("in ") {
                let (count, steps) = rest.split_once(" steps: ").unwrap();
                self.steps(steps, count.parse().unwrap());
            } else if let Some(rest) = part.strip_prefix("rose ") {
                self.between_marks(rest);
            } else if !part.starts_with("saw-tooth") {
                self.levels(part);
            }
        }
    }

    /// Checks `flat until …, unknown until …, then +6M/s, level from …`, or `steadily, …`.
    fn levels(&self, part: &str) {
        let [first, last] = [self.first(), self.last()];
        let (mut from, mut to) = (first, last);
        for words in part.split(", ") {
            if let Some(when) = words.strip_prefix("flat until ") {
                from = (Self::second(when), self.at(Self::second(when)));
                self.is_flat(first.0, from.0, first.1);
            } else if let Some(when) = words.strip_prefix("unknown until ") {
                let second = Self::second(when);
                assert_eq!(self.between(from.0 + 1, second - 1), [0; 0], "{part}");
            } else if let Some(when) = words.strip_prefix("level from ") {
                to = (Self::second(when), self.at(Self::second(when)));
                self.is_flat(to.0, last.0, last.1);
            } else if words != "steadily" {
                let rate = words.trim_start_matches("then ");
                assert!(rate.starts_with(['+', '-']), "{part}");
            }
        }
        // The rate is that of the time between the two levels, and never that of nothing.
        let rate = part.split(", ").map(|words| words.trim_start_matches("then "));
        let Some(rate) = rate.filter(|words| words.starts_with(['+', '-'])).last() else { return };
        let moved = i128::from(to.1) - i128::from(from.1);
        let span = i128::from(to.0 - from.0);
        if let Some((amount, time)) = rate.split_once(" in ") {
            assert_eq!(amount, self.unit.signed(moved), "{part}");
            assert_eq!(time, units::duration((to.0 - from.0) * SECOND), "{part}");
            return;
        }
        let (amount, unit) = rate.split_once('/').unwrap();
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => 86_400,
        };
        assert_eq!(amount, self.unit.signed(moved * seconds / span), "{part}");
        assert!(amount.contains(|c: char| ('1'..='9').contains(&c)), "a rate of nothing: {part}");
    }

    /// Checks `+50.0M at 07:18:52, +20.0M between 07:19:05 and 07:19:09`.
    fn steps(&self, text: &str, count: usize) {
        let steps: Vec<&str> = text.split(", ").collect();
        assert_eq!(steps.len(), count, "{text}");
        let mut sum = 0;
        for step in steps {
            let (amount, when) = step.split_once(' ').unwrap();
            let to = Self::second(when.rsplit(' ').next().unwrap());
            let after = self.at(to);
            // A step may take several samples: it begins at one of those before.
            let before = self.known.iter().filter(|(at, _)| *at < to);
            let begun = before.clone().any(|(at, value)| {
                let stated = when
                    .strip_prefix("between ")
                    .map(|when| Self::second(when.split(' ').next().unwrap()));
                let moved = i128::from(after) - i128::from(*value);
                stated.is_none_or(|stated| stated == *at) && amount == self.unit.signed(moved)
            });
            assert!(begun, "{step}: no sample before is so far away: {:?}", self.known);
            sum += i128::from(amount.starts_with('+')) * 2 - 1;
        }
        assert_eq!(sum.signum(), self.change().signum(), "{text}");
    }

    /// Checks `only from “load” to the end (+60.0M), …`.
    fn between_marks(&self, text: &str) {
        let named = |name: &str| {
            let text = name.trim_matches(['“', '”']);
            let marks: Vec<u64> =
                self.marks.iter().filter(|(_, mark)| *mark == text).map(|(at, _)| *at).collect();
            match name {
                "the start" => vec![self.first().0],
                "the end" => vec![self.last().0],
                _ => marks,
            }
        };
        // The last sample at or before a mark.
        let value = |at: u64| self.known.iter().rfind(|(second, _)| *second <= at).map(|of| of.1);
        let words = text.trim_start_matches("only ").trim_start_matches("mostly ");
        let mut sum = 0;
        for stretch in words.split("), ") {
            let Some((names, amount)) = stretch.trim_end_matches(')').rsplit_once(" (") else {
                return;
            };
            let (from, to) = names.strip_prefix("from ").unwrap().split_once(" to ").unwrap();
            let all = named(from)
                .into_iter()
                .flat_map(|from| named(to).into_iter().map(move |to| (from, to)));
            let changes: Vec<i128> = all
                .filter_map(|(from, to)| Some(i128::from(value(to)?) - i128::from(value(from)?)))
                .collect();
            let found = changes.iter().find(|change| self.unit.signed(**change) == amount);
            sum += *found.unwrap_or_else(|| panic!("{stretch}: {changes:?}"));
        }
        if text.starts_with("only ") {
            assert!((self.change() - sum).abs() * 25 <= self.change(), "{text}: {sum}");
        }
    }
}

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

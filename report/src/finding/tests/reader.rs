//! Reads sentences as a reader does, and holds each of their figures against the data.

use super::{BEGUN, NAMES, SECOND};
use crate::metric::{Metric, Unit};
use crate::text::units;

/// Parts of each sample, a second apart; `None` was missed.
pub(super) type Samples = [Option<Vec<u64>>];

/// Holds a sentence against samples.
pub(super) struct Reader<'a> {
    samples: &'a Samples,
    pub(super) unit: Unit,
    /// Seconds and totals of the samples that are known.
    known: Vec<(u64, u64)>,
    /// Seconds and texts of marks.
    marks: &'a [(u64, &'a str)],
}

impl<'a> Reader<'a> {
    pub(super) fn new(samples: &'a Samples, metric: Metric, marks: &'a [(u64, &'a str)]) -> Self {
        let total = |(at, sample): (usize, &Option<Vec<u64>>)| {
            Some((at as u64, sample.as_ref()?.iter().sum()))
        };
        let known = samples.iter().enumerate().filter_map(total).collect();
        Self { samples, unit: metric.unit(), known, marks }
    }

    pub(super) fn first(&self) -> (u64, u64) {
        self.known[0]
    }

    pub(super) fn last(&self) -> (u64, u64) {
        self.known[self.known.len() - 1]
    }

    pub(super) fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.known.iter().map(|(_, value)| *value)
    }

    pub(super) fn change(&self) -> i128 {
        i128::from(self.last().1) - i128::from(self.first().1)
    }

    pub(super) fn amount(&self, change: i128) -> String {
        let size = self.unit.plain(u64::try_from(change.unsigned_abs()).unwrap());
        if self.unit == Unit::Count { format!("by {size}") } else { size }
    }

    /// Returns the second of `07:18:49`.
    pub(super) fn second(text: &str) -> u64 {
        let clock = text.trim_matches(|c: char| !c.is_ascii_digit());
        let parts: Vec<u64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
        let [hours, minutes, seconds] = parts[..] else { panic!("no time: {text}") };
        let begun = BEGUN as u64 / SECOND % 86_400;
        hours * 3600 + minutes * 60 + seconds - begun
    }

    pub(super) fn at(&self, second: u64) -> u64 {
        let found = self.known.iter().find(|(at, _)| *at == second);
        found.unwrap_or_else(|| panic!("nothing is known after {second} s")).1
    }

    /// Returns the values between two seconds, ends included.
    pub(super) fn between(&self, from: u64, to: u64) -> Vec<u64> {
        let inside = self.known.iter().filter(|(at, _)| (from..=to).contains(at));
        inside.map(|(_, value)| *value).collect()
    }

    /// Checks that nothing moved by more than a twentieth of the change from a value.
    pub(super) fn is_flat(&self, from: u64, to: u64, level: u64) {
        let most = u64::try_from(self.change().unsigned_abs()).unwrap() / 20;
        let flat = self.between(from, to).iter().all(|value| value.abs_diff(level) <= most);
        assert!(flat, "{from} s to {to} s is not flat at {level}: {:?}", self.known);
    }

    /// Checks `label +12.0M (40%), other -3` against the change of each part between two seconds.
    pub(super) fn parts(&self, text: &str, from: u64, to: u64) {
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

    pub(super) fn headline(&self, headline: &str, below: &str) {
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

    pub(super) fn below(&self, below: &str) {
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
    pub(super) fn levels(&self, part: &str) {
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
    pub(super) fn steps(&self, text: &str, count: usize) {
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
    pub(super) fn between_marks(&self, text: &str) {
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

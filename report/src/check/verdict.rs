//! Decides whether runs keep to limits.

use std::collections::BTreeSet;

use vmrec_sampler::{Family, Naming, RegionType};

use crate::check::limit::{Bound, Figure, Limit, Subject, USUAL_MAX_MAP_COUNT};
use crate::check::run::{Measured, Run, Unmeasured};
use crate::metric::Metric;
use crate::series::tick::SeriesKey;
use crate::text::units;

/// The least that a figure may exceed its baseline by before it counts, in bytes: page caches and
/// allocators round by as much.
const NOISE_BYTES: f64 = (256 << 10) as f64;
/// The part of the baseline's total that a type needs for a limit of its own.
const MIN_SHARE: f64 = 0.01;

/// Recordings, a baseline to compare them with, and limits.
#[derive(Clone, Debug)]
pub struct Check {
    /// The recordings; of several, each figure is the least of any.
    pub runs: Vec<Run>,
    /// The recordings to compare with, if there are any.
    pub baseline: Vec<Run>,
    /// The limits.
    pub limits: Vec<Limit>,
    /// The number of samples that a slope needs.
    pub min_samples: usize,
    /// Whose words types are named in.
    pub naming: Naming,
}

/// The verdict on one limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitVerdict {
    /// The limit.
    pub limit: Limit,
    /// The name of what it is on, for display.
    pub label: String,
    /// Whether it is kept.
    pub outcome: Outcome,
    /// The figure of each run, in their order.
    pub measured: Vec<Option<f64>>,
    /// The figure that decides: the least.
    pub value: Option<f64>,
    /// The interval of a slope.
    pub interval: Option<(f64, f64)>,
    /// When the sample of the figure was taken, if it is of one.
    pub at_utc_ns: Option<i64>,
    /// The same figure of the baseline.
    pub baseline: Option<f64>,
    /// How high the figure may be.
    pub allowed: Option<f64>,
    /// Why there is no figure.
    pub why: Option<String>,
}

/// The outcome of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The figure is not above its bound.
    Kept,
    /// It is above.
    Exceeded,
    /// There are too few samples to say.
    TooFewSamples,
    /// The metric is not known.
    Unknown,
}

impl Outcome {
    /// Returns the word shown to users.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kept => "ok",
            Self::Exceeded => "FAIL",
            Self::TooFewSamples => "too few",
            Self::Unknown => "unknown",
        }
    }
}

impl Check {
    /// Returns a verdict on each limit, in their order.
    pub fn verdicts(&self) -> Vec<LimitVerdict> {
        let keys = self.keys();
        self.limits.iter().map(|limit| self.verdict(limit, &keys)).collect()
    }

    /// Finds the type or family with a key or label; otherwise returns the labels of the types there are.
    pub fn subject(&self, name: &str) -> Result<Subject, Vec<String>> {
        if let Some(known) = RegionType::known_as(name) {
            return Ok(Subject::Type(known.name().to_owned()));
        }
        if let Some(family) = Family::known_as(name) {
            return Ok(Subject::Family(family));
        }
        let keys = self.keys();
        if keys.iter().any(|key| *key.name == *name) {
            return Ok(Subject::Type(name.to_owned()));
        }
        let label = |key: &SeriesKey| self.naming.type_label(&key.name, key.family).to_owned();
        Err(keys.iter().map(label).collect())
    }

    /// Finds the objects with a name; otherwise returns the names of those there are.
    pub fn object(&self, name: &str) -> Result<Subject, Vec<String>> {
        let runs = || self.runs.iter().chain(&self.baseline);
        let of = Subject::Object(name.to_owned());
        if runs().any(|run| run.has_object(&of)) {
            return Ok(of);
        }
        let seen: BTreeSet<&str> =
            runs().flat_map(|run| run.objects.seen.iter().map(|name| &**name)).collect();
        Err(seen.into_iter().map(str::to_owned).collect())
    }

    /// Finds the stacks with a function of a name, if there are any.
    pub fn stack(&self, name: &str) -> Option<Subject> {
        let of = Subject::Stack(name.to_owned());
        self.runs.iter().chain(&self.baseline).any(|run| run.has_stack(&of)).then_some(of)
    }

    /// Returns the types of all runs, those of the baseline too.
    fn keys(&self) -> Vec<SeriesKey> {
        let mut keys: Vec<SeriesKey> =
            self.runs.iter().chain(&self.baseline).flat_map(Run::keys).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn verdict(&self, limit: &Limit, keys: &[SeriesKey]) -> LimitVerdict {
        let mut verdict = LimitVerdict {
            limit: limit.clone(),
            label: limit.of.label(keys, self.naming),
            outcome: Outcome::Kept,
            measured: Vec::new(),
            value: None,
            interval: None,
            at_utc_ns: None,
            baseline: None,
            allowed: None,
            why: None,
        };
        let (found, least) = self.least(&self.runs, limit);
        verdict.measured = found;
        match least {
            Ok(measured) => {
                verdict.value = Some(measured.value);
                (verdict.interval, verdict.at_utc_ns) = (measured.interval, measured.at_utc_ns);
            }
            Err(why) => self.leave_out(&mut verdict, why, ""),
        }
        match limit.bound {
            Bound::Absolute(bound) => verdict.allowed = Some(bound as f64),
            Bound::MaxMapCount => {
                let recorded = self.runs.iter().filter_map(|run| run.max_mappings).min();
                verdict.allowed = Some(recorded.unwrap_or(USUAL_MAX_MAP_COUNT) as f64);
            }
            Bound::AboveBaseline(percent) => match self.least(&self.baseline, limit).1 {
                Ok(measured) => {
                    verdict.baseline = Some(measured.value);
                    let above = (measured.value.abs() * percent / 100.0).max(noise(limit.metric));
                    verdict.allowed = Some(measured.value + above);
                }
                Err(why) => self.leave_out(&mut verdict, why, " in the baseline"),
            },
        }
        if verdict.outcome == Outcome::Kept
            && let (Some(value), Some(allowed)) = (verdict.value, verdict.allowed)
            && value > allowed
        {
            verdict.outcome = Outcome::Exceeded;
        }
        verdict
    }

    /// Returns the figure of each run, and the least: noise only adds, so the least says most.
    fn least(
        &self,
        runs: &[Run],
        limit: &Limit,
    ) -> (Vec<Option<f64>>, Result<Measured, Unmeasured>) {
        let measured: Vec<Result<Measured, Unmeasured>> = runs
            .iter()
            .map(|run| run.measure(limit.metric, &limit.of, limit.figure, self.min_samples))
            .collect();
        let values = measured.iter().map(|run| run.ok().map(|run| run.value)).collect();
        let known = measured.iter().filter_map(|run| run.ok());
        let least = known.min_by(|a, b| a.value.total_cmp(&b.value));
        let why = measured.iter().find_map(|run| run.err()).unwrap_or(Unmeasured::TooFew(0));
        (values, least.ok_or(why))
    }

    fn leave_out(&self, verdict: &mut LimitVerdict, why: Unmeasured, wherein: &str) {
        let needed = verdict.limit.figure.needed_samples(self.min_samples);
        let (outcome, why) = match why {
            Unmeasured::TooFew(samples) => (
                Outcome::TooFewSamples,
                format!(
                    "{samples} of {}{wherein}",
                    units::counted(needed as u64, "sample", "samples")
                ),
            ),
            Unmeasured::Unknown(samples) => (
                Outcome::Unknown,
                format!(
                    "unknown in {}{wherein}",
                    units::counted(samples as u64, "sample", "samples")
                ),
            ),
        };
        (verdict.outcome, verdict.why) = (outcome, Some(why));
    }

    /// Returns the limits that a tolerance stands for: the highest total, and that of each type that
    /// holds a hundredth of it in either, may be so many percent above the baseline.
    pub fn tolerance(&self, metric: Metric, percent: f64) -> Vec<Limit> {
        let limit = |of| Limit {
            metric,
            of,
            figure: Figure::Highest,
            bound: Bound::AboveBaseline(percent),
        };
        let highest = |runs: &[Run], of: &Subject| {
            let limit = limit(of.clone());
            self.least(runs, &limit).1.map_or(0.0, |measured| measured.value)
        };
        let total = highest(&self.baseline, &Subject::Total);
        let mut names: Vec<String> = self.keys().iter().map(|key| key.name.to_string()).collect();
        names.dedup();
        let types = names.into_iter().map(Subject::Type).filter(|of| {
            let either = highest(&self.runs, of).max(highest(&self.baseline, of));
            either >= total * MIN_SHARE && either > 0.0
        });
        std::iter::once(Subject::Total).chain(types).map(limit).collect()
    }
}

/// Returns by how much a figure may exceed the baseline's in any case.
const fn noise(metric: Metric) -> f64 {
    match metric {
        Metric::Regions => 4.0,
        _ => NOISE_BYTES,
    }
}

/// Returns whether all limits are kept; with `lenient` also if some could not be decided.
pub fn kept(verdicts: &[LimitVerdict], lenient: bool) -> bool {
    verdicts.iter().all(|verdict| match verdict.outcome {
        Outcome::Kept => true,
        Outcome::Exceeded => false,
        Outcome::TooFewSamples | Outcome::Unknown => lenient,
    })
}

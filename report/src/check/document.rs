//! Verdicts as a JSON document.

use serde::Serialize;

use crate::check::limit::{Bound, Figure};
use crate::check::verdict::{LimitVerdict, Outcome};

/// `check --json`.
#[derive(Serialize)]
pub struct CheckDocument<'a> {
    passed: bool,
    recordings: &'a [String],
    baseline: &'a [String],
    limits: Vec<LimitValue<'a>>,
}

/// One limit and the verdict on it.
#[derive(Serialize)]
struct LimitValue<'a> {
    verdict: &'static str,
    metric: &'static str,
    of: &'static str,
    name: Option<&'a str>,
    label: &'a str,
    figure: &'static str,
    per_ns: Option<u64>,
    measured: Option<Number>,
    measured_each: Vec<Option<Number>>,
    interval_low: Option<f64>,
    interval_high: Option<f64>,
    at_utc_ns: Option<i64>,
    allowed: Option<Number>,
    baseline: Option<Number>,
    above_baseline_percent: Option<f64>,
    why: Option<&'a str>,
}

/// A figure: bytes and regions are whole, slopes are not.
#[derive(Serialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Real(f64),
}

impl<'a> CheckDocument<'a> {
    /// Creates it from verdicts and the names of the recordings they are on.
    pub fn new(
        passed: bool,
        recordings: &'a [String],
        baseline: &'a [String],
        verdicts: &'a [LimitVerdict],
    ) -> Self {
        Self { passed, recordings, baseline, limits: verdicts.iter().map(LimitValue::of).collect() }
    }
}

impl<'a> LimitValue<'a> {
    fn of(verdict: &'a LimitVerdict) -> Self {
        let limit = &verdict.limit;
        let number = |value: f64| match limit.figure {
            Figure::Highest | Figure::Growth => Number::Whole(value.round() as i64),
            Figure::Slope { .. } => Number::Real(value),
        };
        Self {
            verdict: match verdict.outcome {
                Outcome::Kept => "kept",
                Outcome::Exceeded => "exceeded",
                Outcome::TooFewSamples => "too_few_samples",
                Outcome::Unknown => "unknown",
            },
            metric: limit.metric.column(),
            of: limit.of.kind(),
            name: limit.of.key(),
            label: &verdict.label,
            figure: limit.figure.name(),
            per_ns: match limit.figure {
                Figure::Slope { per_ns } => Some(per_ns),
                Figure::Highest | Figure::Growth => None,
            },
            measured: verdict.value.map(number),
            measured_each: verdict.measured.iter().map(|value| value.map(number)).collect(),
            interval_low: verdict.interval.map(|(low, _)| low),
            interval_high: verdict.interval.map(|(_, high)| high),
            at_utc_ns: verdict.at_utc_ns,
            allowed: verdict.allowed.map(number),
            baseline: verdict.baseline.map(number),
            above_baseline_percent: match limit.bound {
                Bound::AboveBaseline(percent) => Some(percent),
                Bound::Absolute(_) | Bound::MaxMapCount => None,
            },
            why: verdict.why.as_deref(),
        }
    }
}

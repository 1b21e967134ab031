//! A trend as a JSON document.

use serde::Serialize;

use crate::trend::Trend;
use crate::trend::course::TrendCourse;
use crate::trend::limit::{TimeLeft, TrendLimit};
use crate::trend::row::TrendRow;

/// `trend --json`.
#[derive(Serialize)]
pub struct TrendDocument<'a> {
    recording: &'a str,
    metric: &'static str,
    by: &'static str,
    from_utc_ns: i64,
    to_utc_ns: i64,
    samples: usize,
    warm_up: Option<WarmUpValue>,
    per_ns: u64,
    total: RowValue<'a>,
    parts: Vec<RowValue<'a>>,
    limits: Vec<LimitValue<'a>>,
}

/// The start that is left out.
#[derive(Serialize)]
struct WarmUpValue {
    ends_utc_ns: i64,
    lasts_ns: u64,
    rise: u64,
}

/// The total or one part.
#[derive(Serialize)]
struct RowValue<'a> {
    name: Option<&'a str>,
    family: Option<&'static str>,
    label: &'a str,
    first: Option<u64>,
    last: Option<u64>,
    highest: Option<u64>,
    change: Option<i128>,
    slope: Option<f64>,
    interval_low: Option<f64>,
    interval_high: Option<f64>,
    course: &'static str,
    since_utc_ns: Option<i64>,
    troughs: Option<usize>,
    steps: Option<usize>,
    samples_needed: Option<usize>,
}

/// A limit, and the time left to it after the last sample.
#[derive(Serialize)]
struct LimitValue<'a> {
    metric: &'static str,
    name: Option<&'a str>,
    limit: u64,
    recorded: Option<&'static str>,
    limit_before: Option<u64>,
    used: Option<u64>,
    reached: bool,
    left_ns: Option<u64>,
    soonest_ns: Option<u64>,
    latest_ns: Option<u64>,
}

impl<'a> TrendDocument<'a> {
    /// Creates it from a trend of a recording, and limits with the trends of their metrics.
    pub fn new(
        recording: &'a str,
        by: &'static str,
        trend: &'a Trend,
        limits: &'a [(TrendLimit, Trend)],
    ) -> Self {
        let at = |elapsed_ns| utc_ns(trend, elapsed_ns);
        Self {
            recording,
            metric: trend.metric.column(),
            by,
            from_utc_ns: at(trend.window_ns.0),
            to_utc_ns: at(trend.window_ns.1),
            samples: trend.samples,
            warm_up: trend.warm_up.map(|warm_up| WarmUpValue {
                ends_utc_ns: at(warm_up.ends_ns),
                lasts_ns: warm_up.ends_ns,
                rise: warm_up.rise,
            }),
            per_ns: trend.per().ns,
            total: RowValue::of(trend, &trend.total),
            parts: trend.rows.iter().map(|row| RowValue::of(trend, row)).collect(),
            limits: limits.iter().map(LimitValue::of).collect(),
        }
    }
}

/// Returns a time of a trend by the wall clock.
fn utc_ns(trend: &Trend, elapsed_ns: u64) -> i64 {
    trend.begin_utc_ns.saturating_add(i64::try_from(elapsed_ns).unwrap_or(i64::MAX))
}

impl<'a> RowValue<'a> {
    fn of(trend: &Trend, row: &'a TrendRow) -> Self {
        let slope = row.slope_per(trend.per().ns);
        let since = match row.course {
            TrendCourse::Slope { since_ns } | TrendCourse::Settled { since_ns } => Some(since_ns),
            TrendCourse::Steps { last_ns, .. } => Some(last_ns),
            TrendCourse::Excursion { at_ns, .. } => Some(at_ns),
            _ => None,
        };
        Self {
            name: row.key.as_ref().map(|key| &*key.name),
            family: row.key.as_ref().map(|key| key.family.name()),
            label: &row.label,
            first: row.first,
            last: row.last,
            highest: row.highest,
            change: row.change(),
            slope: slope.map(|[median, ..]| median),
            interval_low: slope.map(|[_, low, _]| low),
            interval_high: slope.map(|[.., high]| high),
            course: match row.course {
                TrendCourse::TooFew { .. } => "too_few_samples",
                TrendCourse::Unknown => "unknown",
                TrendCourse::Level => "level",
                TrendCourse::Excursion { .. } => "excursion",
                TrendCourse::Slope { .. } => "slope",
                TrendCourse::Uneven => "uneven",
                TrendCourse::SawTooth { .. } => "saw_tooth",
                TrendCourse::Steps { .. } => "steps",
                TrendCourse::Settled { .. } => "settled",
                TrendCourse::BetweenMarks { .. } => "between_marks",
            },
            since_utc_ns: since.map(|since| utc_ns(trend, since)),
            troughs: match row.course {
                TrendCourse::SawTooth { troughs, .. } => Some(troughs),
                _ => None,
            },
            steps: match row.course {
                TrendCourse::Steps { count, .. } => Some(count),
                _ => None,
            },
            samples_needed: match row.course {
                TrendCourse::TooFew { needed, .. } => Some(needed),
                _ => None,
            },
        }
    }
}

impl<'a> LimitValue<'a> {
    fn of((limit, trend): &'a (TrendLimit, Trend)) -> Self {
        let left = trend.time_left(limit.value);
        let (left_ns, soonest_ns, latest_ns) = match left {
            TimeLeft::In { ns, soonest_ns, latest_ns } => (Some(ns), Some(soonest_ns), latest_ns),
            _ => (None, None, None),
        };
        Self {
            metric: limit.metric.column(),
            name: limit.name.as_deref(),
            limit: limit.value,
            recorded: limit.recorded.map(|recorded| recorded.kind.key()),
            limit_before: limit.recorded.and_then(|recorded| recorded.before),
            used: trend.total.last,
            reached: matches!(left, TimeLeft::Reached { .. }),
            left_ns,
            soonest_ns,
            latest_ns,
        }
    }
}

//! The time left until a total that rises reaches a limit.

use crate::limits::RecordedLimit;
use crate::metric::Metric;
use crate::trend::Trend;
use crate::trend::course::TrendCourse;

/// A limit on the total of a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendLimit {
    /// The metric.
    pub metric: Metric,
    /// Bytes or regions.
    pub value: u64,
    /// The name of the limit, such as `vm.max_map_count`, if it has one.
    pub name: Option<String>,
    /// The limit as it was recorded, if it was: it bounds a figure of its own.
    pub recorded: Option<RecordedLimit>,
}

impl From<RecordedLimit> for TrendLimit {
    fn from(recorded: RecordedLimit) -> Self {
        let RecordedLimit { kind, value, .. } = recorded;
        let name = Some(kind.name().to_owned());
        Self { metric: kind.metric(), value, name, recorded: Some(recorded) }
    }
}

/// The time left to a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TimeLeft {
    /// The highest value that counts reached it.
    Reached {
        /// That value.
        highest: u64,
    },
    /// So long, if the total goes on as in the time that counts.
    In {
        /// By the slope.
        ns: u64,
        /// By the upper end of its interval: the soonest.
        soonest_ns: u64,
        /// By the lower end; `None` is never.
        latest_ns: Option<u64>,
    },
    /// The total does not rise, or by no slope.
    NoSlope,
}

impl Trend {
    /// Returns the time left to a limit on the total, after the last sample.
    pub fn time_left(&self, limit: u64) -> TimeLeft {
        if let Some(highest) = self.total.highest.filter(|highest| *highest >= limit) {
            return TimeLeft::Reached { highest };
        }
        let (Some(slope), Some(last)) = (self.total.slope, self.total.last) else {
            return TimeLeft::NoSlope;
        };
        // The total as far as it may stand above its last sample by its teeth.
        let current = match self.total.course {
            TrendCourse::SawTooth { last_trough: (at, trough), height, .. } => {
                let since = self.window_ns.1.saturating_sub(at) as f64;
                trough as f64 + slope.median * since + height as f64
            }
            TrendCourse::Uneven if self.total.ended_against_slope() => return TimeLeft::NoSlope,
            TrendCourse::Slope { .. } | TrendCourse::Uneven => last as f64,
            _ => return TimeLeft::NoSlope,
        };
        // An interval that holds 0 proves no rise.
        if slope.low <= 0.0 && slope.median <= 0.0 {
            return TimeLeft::NoSlope;
        }
        let left = (limit as f64 - current).max(0.0);
        let time = |slope: f64| (slope > 0.0).then(|| (left / slope).min(u64::MAX as f64) as u64);
        match (time(slope.median), time(slope.high)) {
            (Some(ns), Some(soonest_ns)) => {
                TimeLeft::In { ns, soonest_ns, latest_ns: time(slope.low) }
            }
            _ => TimeLeft::NoSlope,
        }
    }
}

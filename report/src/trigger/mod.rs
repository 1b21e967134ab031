//! Conditions on the samples of a process as they come: each fires when it becomes true, and again
//! only after it was false.
//!
//! Only what is known decides. A sum of which a part is unknown is at least its known part: that may
//! exceed a bound, and proves nothing below it.

#[cfg(test)]
mod tests;
mod window;

use vmrec_sampler::Snapshot;

use crate::metric::Metric;
use crate::series::filter::TypeFilter;
use crate::trigger::window::Window;

/// A condition on one metric of a process, or of some of its types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The metric.
    pub metric: Metric,
    /// The types that it is summed over; all without it.
    pub of: Option<TypeFilter>,
    /// The comparison.
    pub test: Test,
}

/// A comparison of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// It is above so many bytes or regions.
    Above(u64),
    /// It grows by more than so many bytes or regions in so many nanoseconds.
    Grows {
        /// Bytes or regions.
        amount: u64,
        /// Nanoseconds.
        per_ns: u64,
    },
}

/// The values with which a condition became true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fired {
    /// The metric: its known part.
    pub value: u64,
    /// Its slope, per the time that the condition names, if the condition is on growth.
    pub growth: Option<f64>,
}

/// The state of a condition at a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Judged {
    /// The metric is not known, or the sample is torn.
    Unknown,
    /// There are too few samples yet for a slope.
    TooEarly,
    /// It is false.
    False,
    /// It is true, as it was before.
    Holds,
    /// It is true now and was not before.
    Fires(Fired),
}

/// A sum over regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    /// The sum of those that are known.
    known: u64,
    /// Whether all are.
    whole: bool,
}

/// The state of a condition for one process from sample to sample.
#[derive(Clone, Debug)]
pub struct ConditionState {
    holds: bool,
    window: Option<Window>,
}

impl Condition {
    /// Returns the state before the first sample, of samples so many nanoseconds apart.
    pub fn start(&self, interval_ns: u64) -> ConditionState {
        let window = match self.test {
            Test::Above(_) => None,
            Test::Grows { per_ns, .. } => Some(Window::new(per_ns, interval_ns)),
        };
        ConditionState { holds: false, window }
    }

    /// Judges the next sample of a process.
    pub fn judge(&self, state: &mut ConditionState, snapshot: &Snapshot) -> Judged {
        self.next(state, snapshot.taken.monotonic_ns, self.read(snapshot))
    }

    /// Returns its words for values that made it true: `2.1G`, or `+61.2M/min, at 2.1G`.
    pub fn words(&self, fired: &Fired) -> String {
        let unit = self.metric.unit();
        let value = unit.plain(fired.value);
        match (self.test, fired.growth) {
            (Test::Grows { per_ns, .. }, Some(growth)) => {
                format!("{}/{}, at {value}", unit.rate(growth), unit_of_time(per_ns))
            }
            _ => value,
        }
    }

    fn next(&self, state: &mut ConditionState, at_ns: u64, reading: Option<Reading>) -> Judged {
        let Some(reading) = reading else { return Judged::Unknown };
        let (is_true, growth) = match (self.test, &mut state.window) {
            (Test::Above(bound), _) if reading.known > bound => (true, None),
            _ if !reading.whole => return Judged::Unknown,
            (Test::Grows { amount, per_ns }, Some(window)) => {
                window.add(at_ns, reading.known);
                let Some(slope) = window.slope() else { return Judged::TooEarly };
                let growth = slope.median * per_ns as f64;
                // A single step has a steep median for a moment, though half of its slopes are 0.
                (growth > amount as f64 && slope.low > 0.0, Some(growth))
            }
            _ => (false, None),
        };
        match (is_true, std::mem::replace(&mut state.holds, is_true)) {
            (false, _) => Judged::False,
            (true, true) => Judged::Holds,
            (true, false) => Judged::Fires(Fired { value: reading.known, growth }),
        }
    }

    /// Returns the metric in a sample; `None` if the sample does not count, or nothing is known.
    fn read(&self, snapshot: &Snapshot) -> Option<Reading> {
        if snapshot.consistency.torn().is_some() {
            return None;
        }
        if snapshot.consistency.totals_alone().is_some() {
            let known = match (&self.of, self.metric) {
                (None, Metric::RESIDENT) => snapshot.totals.resident_bytes,
                (None, Metric::Virtual) => snapshot.totals.virtual_bytes,
                _ => None,
            };
            return Some(Reading { known: known?, whole: true });
        }
        let mut reading = Reading { known: 0, whole: true };
        for region in &snapshot.regions {
            let counts = |of: &TypeFilter| of.has(&region.identity.label.region_type);
            if !self.of.as_ref().is_none_or(counts) {
                continue;
            }
            match self.metric.of(region) {
                Some(value) => reading.known = reading.known.saturating_add(value),
                None => reading.whole = false,
            }
        }
        Some(reading)
    }
}

/// Returns the unit of time that a growth is written per.
const fn unit_of_time(per_ns: u64) -> &'static str {
    const SECOND: u64 = 1_000_000_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    match per_ns {
        ..MINUTE => "s",
        MINUTE..HOUR => "min",
        HOUR => "h",
        _ => "d",
    }
}

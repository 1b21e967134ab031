//! How many page faults are recorded: one in a period that follows their rate.

use std::time::Duration;

/// The periods: primes, so that they do not beat with the rhythm of a program. A smaller one would
/// lose more in a burst than it gains.
const PERIODS: [u64; 4] = [7, 61, 251, 1021];
/// The period to begin with.
const FIRST: usize = 1;
/// How long few faults lower the period.
const QUIET: Duration = Duration::from_secs(5);
/// Few are such a part of the budget.
const FEW: u64 = 20;

/// The period, and how it follows the rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    fixed: Option<u64>,
    /// The records that are permitted in a second.
    budget: u64,
    step: usize,
    quiet: Duration,
}

impl Pace {
    pub(crate) const fn new(fixed: Option<u64>, budget: u64) -> Self {
        Self { fixed, budget, step: FIRST, quiet: Duration::ZERO }
    }

    /// Returns the current period.
    pub(crate) fn period(&self) -> u64 {
        self.fixed.unwrap_or(PERIODS[self.step])
    }

    /// Adapts the period to the records of the time that passed; returns whether it changed.
    pub(crate) fn passed(&mut self, time: Duration, records: u64, lost: u64) -> bool {
        if self.fixed.is_some() {
            return false;
        }
        let limit = |part: u64| (self.budget as f64 * time.as_secs_f64()) as u64 / part;
        let step = self.step;
        if lost > 0 || records > limit(1) {
            self.quiet = Duration::ZERO;
            self.step = (step + 1).min(PERIODS.len() - 1);
        } else if records <= limit(FEW) {
            self.quiet += time;
            if self.quiet >= QUIET {
                self.quiet = Duration::ZERO;
                self.step = step.saturating_sub(1);
            }
        } else {
            self.quiet = Duration::ZERO;
        }
        self.step != step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_faults_lengthen_the_period_at_once_and_few_shorten_it_after_a_while() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(None, 2000);
        assert_eq!(pace.period(), 61);
        assert!(pace.passed(second, 2001, 0) && pace.period() == 251);
        assert!(pace.passed(second, 0, 1) && pace.period() == 1021);
        assert!(!pace.passed(second, 90_000, 9) && pace.period() == 1021);
        assert!(!pace.passed(second, 101, 0));
        let changes = (0..15).filter(|_| pace.passed(second, 100, 0)).count();
        assert_eq!((changes, pace.period()), (3, 7));
    }

    #[test]
    fn a_fixed_period_stays() {
        let mut pace = Pace::new(Some(1), 2000);
        assert!(!pace.passed(Duration::from_secs(1), 1 << 20, 5) && pace.period() == 1);
    }
}

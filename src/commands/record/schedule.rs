//! When the next sample is due: at whole multiples of the interval since the
//! beginning, so that a late tick does not push those after it.

use std::time::Duration;

/// The ticks of a recording.
pub(crate) struct Schedule {
    interval: Duration,
    ticks_passed: u64,
}

/// The next tick.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DueTick {
    /// When it is due, since the beginning.
    pub(crate) due: Duration,
    /// How many ticks before it went by without a sample.
    pub(crate) missed: u64,
}

impl Schedule {
    /// Creates a schedule whose first tick is at the beginning.
    pub(crate) const fn new(interval: Duration) -> Self {
        Self { interval, ticks_passed: 0 }
    }

    /// Returns the first tick that is not over yet; those passed meanwhile are missed.
    pub(crate) fn next(&mut self, elapsed: Duration) -> DueTick {
        let planned = self.ticks_passed + 1;
        let begun =
            u64::try_from(elapsed.as_nanos() / self.interval.as_nanos().max(1)).unwrap_or(u64::MAX);
        // A tick that is due right now is late by less than an interval: take it at once.
        let tick = planned.max(begun);
        self.ticks_passed = tick;
        let due = self.interval.saturating_mul(u32::try_from(tick).unwrap_or(u32::MAX));
        DueTick { due, missed: tick - planned }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn late_samples_do_not_push_later_ones() {
        let mut schedule = Schedule::new(2 * S);
        assert_eq!(schedule.next(S / 10), DueTick { due: 2 * S, missed: 0 });
        assert_eq!(schedule.next(2 * S + S / 2), DueTick { due: 4 * S, missed: 0 });
    }

    #[test]
    fn a_tick_that_is_due_is_taken_late_and_those_before_it_are_missed() {
        let mut schedule = Schedule::new(2 * S);
        assert_eq!(schedule.next(9 * S), DueTick { due: 8 * S, missed: 3 });
        assert_eq!(schedule.next(9 * S + S / 2), DueTick { due: 10 * S, missed: 0 });
    }

    #[test]
    fn every_tick_is_either_taken_or_missed() {
        let mut schedule = Schedule::new(S);
        let mut counted = 0;
        for elapsed in [0, 1, 1, 7, 7, 8, 30] {
            let tick = schedule.next(S * elapsed);
            counted += 1 + tick.missed;
            assert_eq!(tick.due, S * u32::try_from(counted).unwrap());
        }
    }
}

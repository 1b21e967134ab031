//! When the next sample is due: at whole multiples of the interval since the
//! beginning, so that a late tick does not push those after it; more often during a burst.

use std::time::Duration;

use vmrec_sampler::Timestamp;

use crate::commands::record::triggers::args::Burst;

/// The ticks of a recording.
pub(crate) struct Schedule {
    interval: Duration,
    ticks_passed: u64,
    /// The burst that goes on, and how many of its ticks have passed.
    burst: Option<(Stretch, u64)>,
    /// Until when no other burst begins, since the beginning.
    rests_until: Duration,
}

/// A burst in time, since the beginning.
#[derive(Clone, Copy)]
struct Stretch {
    every: Duration,
    from: Duration,
    until: Duration,
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
        Self { interval, ticks_passed: 0, burst: None, rests_until: Duration::ZERO }
    }

    /// Begins a burst, unless one goes on, or ended less than its own time ago: half of the time at
    /// most is dense, whatever asks for it.
    pub(crate) fn burst(&mut self, elapsed: Duration, burst: Burst) {
        if elapsed >= self.rests_until {
            let until = elapsed.saturating_add(burst.lasts);
            self.burst = Some((Stretch { every: burst.every, from: elapsed, until }, 0));
            self.rests_until = until.saturating_add(burst.lasts);
        }
    }

    /// Returns the first tick that is not over yet; those passed meanwhile are missed.
    pub(crate) fn next(&mut self, elapsed: Duration) -> DueTick {
        if let Some((stretch, passed)) = self.burst {
            let tick = (passed + 1).max(ticks(elapsed.saturating_sub(stretch.from), stretch.every));
            let due = stretch.from.saturating_add(times(stretch.every, tick));
            if due <= stretch.until {
                self.burst = Some((stretch, tick));
                // Its ticks are as many as there is time for: none is missed.
                return DueTick { due, missed: 0 };
            }
            self.burst = None;
            self.ticks_passed = self.ticks_passed.max(ticks(stretch.until, self.interval));
        }
        let planned = self.ticks_passed + 1;
        let begun = ticks(elapsed, self.interval);
        // A tick that is due right now is late by less than an interval: take it at once.
        let tick = planned.max(begun);
        self.ticks_passed = tick;
        DueTick { due: times(self.interval, tick), missed: tick - planned }
    }
}

/// Returns how many whole intervals a time has.
fn ticks(elapsed: Duration, interval: Duration) -> u64 {
    u64::try_from(elapsed.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u64::MAX)
}

fn times(interval: Duration, ticks: u64) -> Duration {
    interval.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// Returns when the first of so many ticks was due that went by until `now`.
pub(crate) fn due_before(now: Timestamp, ticks: u64, interval: Duration) -> Timestamp {
    let ago = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).saturating_mul(ticks);
    Timestamp {
        utc_ns: now.utc_ns.saturating_sub_unsigned(ago),
        monotonic_ns: now.monotonic_ns.saturating_sub(ago),
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
    fn a_burst_is_dense_and_then_the_old_ticks_go_on() {
        let mut schedule = Schedule::new(2 * S);
        assert_eq!(schedule.next(S / 10), DueTick { due: 2 * S, missed: 0 });
        let (burst, from) = (Burst { every: S / 4, lasts: S }, 2 * S + S / 10);
        schedule.burst(from, burst);
        let due = |quarters: u32| DueTick { due: from + S / 4 * quarters, missed: 0 };
        assert_eq!(schedule.next(from), due(1));
        // One that comes late passes ticks of the burst, which are not missed.
        assert_eq!(schedule.next(from + S * 3 / 4 + S / 100), due(3));
        schedule.burst(from + S * 3 / 4, burst);
        assert_eq!(schedule.next(from + S * 4 / 5), due(4), "it is no longer for another");
        assert_eq!(schedule.next(from + S), DueTick { due: 4 * S, missed: 0 });
        schedule.burst(4 * S, burst);
        assert_eq!(schedule.next(4 * S), DueTick { due: 6 * S, missed: 0 }, "it rests first");
        schedule.burst(6 * S, burst);
        assert_eq!(schedule.next(6 * S).due, 6 * S + S / 4);
        // Asleep for long in a burst: the ticks after its end are missed.
        assert_eq!(schedule.next(20 * S), DueTick { due: 20 * S, missed: 6 });
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

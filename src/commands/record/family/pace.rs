//! How often new processes are looked for between two ticks, within a small part of one CPU.

use std::time::{Duration, Instant};

use vmrec_sampler::ProcessList;

/// The time between two checks for new processes. One that lives less may not be seen.
const CHECK_EVERY: Duration = Duration::from_millis(20);

/// The part of the time that listing all processes may take: one in this many.
const LISTING_PART: u32 = 200;

/// The part of the time that first looks between ticks may take: one in this many, …
const LOOKING_PART: u32 = 50;
/// … and this much at once.
const LOOKING_BURST: Duration = Duration::from_millis(100);

/// The pace of the work between ticks.
pub(crate) struct Pace {
    begun: Instant,
    every: Option<Duration>,
    next_list: Instant,
    looked: Duration,
}

impl Pace {
    /// Creates the pace of a session with this interval.
    pub(crate) fn new(interval: Duration) -> Self {
        let now = Instant::now();
        // Ticks that follow each other quickly find new processes themselves.
        let every = (ProcessList::IS_CHEAP && interval >= 4 * CHECK_EVERY).then_some(CHECK_EVERY);
        Self { begun: now, every, next_list: now, looked: Duration::ZERO }
    }

    /// Returns when to look for new processes next; `None` if only at ticks.
    pub(crate) fn next_check(&self, now: Instant) -> Option<Instant> {
        Some(now + self.every?)
    }

    /// Returns whether all processes may be listed again.
    pub(crate) fn may_list(&self, now: Instant) -> bool {
        now >= self.next_list
    }

    /// Records how long listing all processes took.
    pub(crate) fn listed(&mut self, took: Duration) {
        self.next_list = Instant::now() + took.saturating_mul(LISTING_PART);
    }

    /// Returns whether a process may have its first look before the next tick.
    pub(crate) fn may_look(&self, now: Instant) -> bool {
        let allowed = now.saturating_duration_since(self.begun) / LOOKING_PART + LOOKING_BURST;
        self.looked < allowed
    }

    /// Records how long a first look took.
    pub(crate) fn looked(&mut self, took: Duration) {
        self.looked += took;
    }

    /// Returns when a process must have been found to be looked at now: one that was just forked
    /// still runs the program of its parent.
    pub(crate) fn settled(&self, now: Instant) -> Instant {
        now.checked_sub(self.every.unwrap_or_default()).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_between_ticks_has_a_budget() {
        let mut pace = Pace::new(Duration::from_secs(2));
        let now = pace.begun;
        assert!(pace.may_look(now));
        pace.looked(Duration::from_millis(150));
        assert!(!pace.may_look(now));
        assert!(pace.may_look(now + Duration::from_secs(5)));
        pace.listed(Duration::from_millis(1));
        assert!(!pace.may_list(now) && pace.may_list(Instant::now() + Duration::from_millis(200)));
    }

    #[test]
    fn quick_ticks_need_no_checks_between_them() {
        let now = Instant::now();
        assert_eq!(Pace::new(Duration::from_millis(50)).next_check(now), None);
        let slow = Pace::new(Duration::from_secs(2)).next_check(now);
        assert_eq!(slow.is_some(), ProcessList::IS_CHEAP);
    }
}

//! Decides whether a sample reads all sizes of all mappings, or fewer so that the process does not
//! wait too long, and the recorder does not take too much time.
//!
//! A full walk of smaps holds the lock of the process's mappings inside each of them, for as long
//! as its pages take: that time is the stall. It is estimated from the number of mappings and pages,
//! as the time of all is, by prices that do not follow the machine: the record of a process shall
//! not depend on how busy its machine was.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The prices of a full walk (Linux 6.18, x86-64).
const NS_PER_MAPPING: f64 = 1250.0;
const NS_PER_PAGE: f64 = 37.0;
const NS_PER_HUGE_PAGE: f64 = 100.0;

/// The part of a walk over many mappings that a process which maps all the time waits at once.
const WALK_PART: f64 = 8.0;

/// A full walk that takes less is never put off.
const CHEAP_WALK_NS: f64 = 2e6;

/// How long full walks are put off at most.
const MAX_WAIT_NS: f64 = 60e9;

/// Limits of the cost of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// How long a sample may keep the process from changing its mappings, as far as that can be
    /// estimated.
    pub max_stall: Duration,
    /// The part of one processor that full walks may take, on average: 0.01 is one hundredth. In any
    /// case there is one a minute, and those of less than two milliseconds are not counted. The
    /// processes of one [`Sharers`] share it.
    pub max_overhead: f64,
}

/// The processes of one recorder that share [`Limits::max_overhead`]: those that run, and whose full
/// walks count.
#[derive(Clone, Debug, Default)]
pub struct Sharers(Arc<AtomicUsize>);

/// Whether one process is among the sharers.
#[derive(Debug)]
pub(crate) struct Share {
    sharers: Sharers,
    takes_part: bool,
}

impl Share {
    /// Creates that of a process that is not among them yet.
    pub(crate) const fn new(sharers: Sharers) -> Self {
        Self { sharers, takes_part: false }
    }

    /// Makes the process one of them, or not, and returns how many there are.
    pub(crate) fn set(&mut self, takes_part: bool) -> usize {
        let Sharers(count) = &self.sharers;
        match (self.takes_part, takes_part) {
            (false, true) => count.fetch_add(1, Ordering::Relaxed),
            (true, false) => count.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
        self.takes_part = takes_part;
        count.load(Ordering::Relaxed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(false);
    }
}

/// How much of a process a sample reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All sizes of all mappings.
    Full,
    /// The list of mappings and the resident pages; other sizes are carried over.
    Cheap,
}

/// Pages in memory: small ones, and huge ones apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pages {
    pub(crate) small: u64,
    pub(crate) huge: u64,
}

impl Pages {
    fn walk_ns(self) -> f64 {
        self.small as f64 * NS_PER_PAGE + self.huge as f64 * NS_PER_HUGE_PAGE
    }
}

/// The mappings and pages that a full walk would read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outlook {
    pub(crate) mappings: u64,
    pub(crate) pages: Pages,
    /// Those of the mapping that takes the longest, or no fewer.
    pub(crate) largest: Pages,
}

impl Outlook {
    /// Adds a mapping.
    pub(crate) fn add(&mut self, pages: Pages) {
        self.mappings += 1;
        self.pages.small = self.pages.small.saturating_add(pages.small);
        self.pages.huge = self.pages.huge.saturating_add(pages.huge);
        if pages.walk_ns() > self.largest.walk_ns() {
            self.largest = pages;
        }
    }

    /// Returns that of a process that has `more` small pages by now, anywhere.
    pub(crate) const fn grown(mut self, more: u64) -> Self {
        self.pages.small = self.pages.small.saturating_add(more);
        self.largest.small = self.largest.small.saturating_add(more);
        self
    }

    /// Returns the processor time of a full walk.
    fn walk_ns(&self) -> f64 {
        self.pages.walk_ns() + self.mappings as f64 * NS_PER_MAPPING
    }

    /// Returns whether there are full walks, and they count against the processor time that all
    /// processes of a recorder may take.
    pub(crate) fn takes_part(&self, limits: &Limits) -> bool {
        self.walk_ns() >= CHEAP_WALK_NS && choose(self, limits, 1, None) == Depth::Full
    }
}

/// Returns how much the next sample reads, so long after the last full walk, if there was one, of a
/// process that shares the processor time with so many, itself among them.
pub(crate) fn choose(
    outlook: &Outlook,
    limits: &Limits,
    sharers: usize,
    since_ns: Option<u64>,
) -> Depth {
    if u128::from(stall_ns(outlook)) > limits.max_stall.as_nanos() {
        return Depth::Cheap;
    }
    let walk_ns = outlook.walk_ns();
    let part = limits.max_overhead.max(0.0) / sharers.max(1) as f64;
    let wait_ns = match walk_ns < CHEAP_WALK_NS {
        true => 0.0,
        // A limit of nothing makes it infinite.
        false => (walk_ns / part).min(MAX_WAIT_NS),
    };
    if since_ns.is_none_or(|since| since as f64 >= wait_ns) { Depth::Full } else { Depth::Cheap }
}

/// Returns the longest time that a full walk is expected to keep the process waiting.
pub(crate) fn stall_ns(outlook: &Outlook) -> u64 {
    let stall = outlook.largest.walk_ns().max(outlook.walk_ns() / WALK_PART);
    // A float beyond the range becomes its end.
    stall.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits =
        Limits { max_stall: Duration::from_millis(5), max_overhead: f64::INFINITY };
    const SECOND: u64 = 1_000_000_000;

    fn outlook(mappings: u64, small: u64, huge: u64) -> Outlook {
        let pages = Pages { small, huge };
        Outlook { mappings, pages, largest: pages }
    }

    #[test]
    fn a_small_process_is_read_in_full_and_a_huge_one_is_not() {
        let depth = |outlook: Outlook| choose(&outlook, &LIMITS, 1, None);
        assert_eq!(depth(outlook(30, 1000, 0)), Depth::Full);
        assert_eq!(depth(outlook(30, 2 << 20, 0)), Depth::Cheap);
        assert_eq!(depth(outlook(30, 0, 4 << 10)), Depth::Full, "8 GiB of huge pages");
        assert_eq!(depth(outlook(60_000, 60_000, 0)), Depth::Cheap);
        let patient = Limits { max_stall: Duration::MAX, ..LIMITS };
        assert_eq!(choose(&outlook(30, 1 << 40, 0), &patient, 1, None), Depth::Full);
        assert_eq!(depth(outlook(30, 1000, 0).grown(2 << 20)), Depth::Cheap);
    }

    #[test]
    fn full_walks_are_put_off_until_they_take_no_more_than_their_part() {
        let limits = Limits { max_overhead: 0.01, ..LIMITS };
        let depth = |outlook: Outlook, since| choose(&outlook, &limits, 1, Some(since));
        // 200 mappings, 400 MB: some 4 ms.
        let server = outlook(200, 100_000, 0);
        assert_eq!(depth(server, SECOND / 3), Depth::Cheap);
        assert_eq!(depth(server, SECOND / 2), Depth::Full);
        assert_eq!(choose(&server, &limits, 1, None), Depth::Full, "the first");
        assert_eq!(depth(outlook(200, 40_000, 0), 0), Depth::Full, "it takes less than 2 ms");
        let never = Limits { max_overhead: 0.0, ..LIMITS };
        assert_eq!(choose(&server, &never, 1, Some(59 * SECOND)), Depth::Cheap);
        assert_eq!(choose(&server, &never, 1, Some(60 * SECOND)), Depth::Full);
    }

    #[test]
    fn processes_of_one_recorder_share_the_time() {
        let limits = Limits { max_overhead: 0.01, ..LIMITS };
        let (server, small) = (outlook(200, 100_000, 0), outlook(200, 40_000, 0));
        assert_eq!(choose(&server, &limits, 10, Some(SECOND)), Depth::Cheap);
        assert_eq!(choose(&server, &limits, 10, Some(5 * SECOND)), Depth::Full);
        assert_eq!(choose(&server, &limits, 1000, Some(60 * SECOND)), Depth::Full);
        assert_eq!(choose(&small, &limits, 10, Some(0)), Depth::Full);
        let huge = outlook(30, 2 << 20, 0);
        let takes_part = [&server, &small, &huge].map(|outlook| outlook.takes_part(&limits));
        assert_eq!(takes_part, [true, false, false], "one too small, one that is never walked");

        let sharers = Sharers::default();
        let mut shares = [(); 3].map(|()| Share::new(sharers.clone()));
        assert_eq!(shares.each_mut().map(|share| share.set(true)), [1, 2, 3]);
        assert_eq!(shares.each_mut().map(|share| share.set(true)), [3; 3], "each counts once");
        assert_eq!(shares[0].set(false), 2);
        drop(shares);
        assert_eq!(Share::new(sharers).set(true), 1);
    }

    #[test]
    fn mappings_add_up_and_the_one_of_the_longest_walk_is_the_largest() {
        let mut all = Outlook::default();
        let [small, huge] = [Pages { small: 300, huge: 0 }, Pages { small: 5, huge: 50 }];
        [small, huge, small].into_iter().for_each(|pages| all.add(pages));
        assert_eq!((all.mappings, all.pages), (3, Pages { small: 605, huge: 50 }));
        assert_eq!(all.largest, small);
    }

    proptest! {
        #[test]
        fn no_walk_is_chosen_that_would_stall_beyond_the_maximum(
            mappings in prop::collection::vec((0_u64..1 << 30, 0_u64..1 << 20), 0..50),
            more in 0_u64..1 << 30,
            max_stall_ns in 0_u64..1 << 34,
            max_overhead in 0.0..0.5,
            since_ns in prop::option::of(0_u64..100 * SECOND),
            sharers in 1_usize..300,
        ) {
            let max_stall = Duration::from_nanos(max_stall_ns);
            let limits = Limits { max_stall, max_overhead };
            let mut all = Outlook::default();
            for (small, huge) in &mappings {
                all.add(Pages { small: *small, huge: *huge });
            }
            let full = choose(&all, &limits, sharers, since_ns) == Depth::Full;
            let first = choose(&all, &limits, sharers, None) == Depth::Full;
            prop_assert_eq!(first, stall_ns(&all) <= max_stall_ns);
            prop_assert!(first || !full);
            let late = since_ns.is_none_or(|since| since >= 60 * SECOND);
            prop_assert!(!late || full == first);
            if let Some(since) = since_ns.filter(|_| full && !late) {
                let part = max_overhead / sharers as f64;
                let within = all.walk_ns() <= since as f64 * part * 1.000_001;
                prop_assert!(within || all.walk_ns() < CHEAP_WALK_NS);
            }
            for (small, huge) in mappings {
                let alone = Pages { small, huge }.walk_ns();
                prop_assert!(!full || alone <= max_stall_ns as f64);
            }
            // Growth never makes a walk cheaper.
            prop_assert!(stall_ns(&all.grown(more)) >= stall_ns(&all));
        }
    }
}

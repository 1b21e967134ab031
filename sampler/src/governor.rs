//! Decides whether a sample reads all sizes of all mappings, or fewer so that the process does not
//! wait too long.
//!
//! A full walk of smaps holds the lock of the process's mappings inside each of them, for as long
//! as its pages take: that time is the stall. It is estimated from the number of mappings and pages,
//! by prices that do not follow the machine: the record of a process shall not depend on how
//! busy its machine was.

/// The prices of a full walk (Linux 6.18, x86-64).
const NS_PER_MAPPING: f64 = 1250.0;
const NS_PER_PAGE: f64 = 37.0;
const NS_PER_HUGE_PAGE: f64 = 100.0;

/// The part of a walk over many mappings that a process which maps all the time waits at once.
const WALK_PART: f64 = 8.0;

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
}

/// Returns how much the next sample reads.
pub(crate) fn choose(outlook: &Outlook, max_stall_ns: u64) -> Depth {
    if stall_ns(outlook) <= max_stall_ns { Depth::Full } else { Depth::Cheap }
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

    const MAX_NS: u64 = 5_000_000;

    fn outlook(mappings: u64, small: u64, huge: u64) -> Outlook {
        let pages = Pages { small, huge };
        Outlook { mappings, pages, largest: pages }
    }

    #[test]
    fn a_small_process_is_read_in_full_and_a_huge_one_is_not() {
        let depth = |outlook: Outlook| choose(&outlook, MAX_NS);
        assert_eq!(depth(outlook(30, 1000, 0)), Depth::Full);
        assert_eq!(depth(outlook(30, 2 << 20, 0)), Depth::Cheap);
        assert_eq!(depth(outlook(30, 0, 4 << 10)), Depth::Full, "8 GiB of huge pages");
        assert_eq!(depth(outlook(60_000, 60_000, 0)), Depth::Cheap);
        assert_eq!(choose(&outlook(30, 1 << 40, 0), u64::MAX), Depth::Full);
        assert_eq!(depth(outlook(30, 1000, 0).grown(2 << 20)), Depth::Cheap);
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
        ) {
            let mut all = Outlook::default();
            for (small, huge) in &mappings {
                all.add(Pages { small: *small, huge: *huge });
            }
            let full = choose(&all, max_stall_ns) == Depth::Full;
            prop_assert_eq!(full, stall_ns(&all) <= max_stall_ns);
            for (small, huge) in mappings {
                let alone = Pages { small, huge }.walk_ns();
                prop_assert!(!full || alone <= max_stall_ns as f64);
            }
            // Growth never makes a walk cheaper.
            prop_assert!(stall_ns(&all.grown(more)) >= stall_ns(&all));
        }
    }
}

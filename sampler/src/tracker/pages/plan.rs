//! Decides how many entries of pages a sample reads, and which pieces come first.

/// The entries read in a second, on average: they cost some 5 ms.
const PAGES_PER_S: u64 = 256 << 10;

/// The entries that may be saved up, and those of a first sample: 16 GiB of small pages.
const MAX_PAGES: u64 = 4 << 20;

/// How long it takes to read all pieces again of which only the process's own pages are known, …
const SETTLED_NS: u64 = 60_000_000_000;
/// … and those of which others have pages too.
const SHARED_NS: u64 = 10_000_000_000;

/// The entries that may be read now.
#[derive(Debug)]
pub(crate) struct Budget {
    pages: u64,
    at_ns: Option<u64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { pages: MAX_PAGES, at_ns: None }
    }
}

impl Budget {
    /// Adds those of the time since the last call; returns that.
    pub(crate) fn refill(&mut self, now_ns: u64) -> u64 {
        let elapsed_ns = now_ns.saturating_sub(self.at_ns.unwrap_or(now_ns));
        self.at_ns = Some(now_ns);
        let more = u128::from(elapsed_ns) * u128::from(PAGES_PER_S) / 1_000_000_000;
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        self.pages = self.pages.saturating_add(more).min(MAX_PAGES);
        elapsed_ns
    }

    /// Takes so many, if they are there.
    pub(crate) fn take(&mut self, pages: u64) -> bool {
        let left = self.pages.checked_sub(pages);
        self.pages = left.unwrap_or(self.pages);
        left.is_some()
    }
}

/// A piece that was read before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Old {
    pub(crate) number: u64,
    pub(crate) pages: u64,
    pub(crate) read_ns: u64,
    /// Whether all its pages are the process's own.
    pub(crate) is_settled: bool,
}

/// Which pieces have their turn to be read again though nothing about them changed.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The pages of settled pieces and of others that should have been read by now, times the period in
    /// which all are; negative if more were.
    owed: [i128; 2],
}

impl Turns {
    /// Returns the numbers of those whose turn it is, ascending: the oldest, so many that all have
    /// theirs in time.
    pub(crate) fn due(&mut self, pieces: &[Old], elapsed_ns: u64) -> Vec<u64> {
        let mut due = Vec::new();
        let kinds = [(true, SETTLED_NS), (false, SHARED_NS)];
        for (owed, (is_settled, period_ns)) in self.owed.iter_mut().zip(kinds) {
            let of_kind = pieces.iter().filter(|piece| piece.is_settled == is_settled);
            let mut all: Vec<&Old> = of_kind.collect();
            // After a large one others wait long: it is the last of those that were read together.
            all.sort_unstable_by_key(|piece| (piece.read_ns, piece.pages, piece.number));
            let pages: i128 = all.iter().map(|piece| i128::from(piece.pages)).sum();
            let more = pages * i128::from(elapsed_ns.min(period_ns));
            *owed = (*owed + more).min(pages * i128::from(period_ns));
            for piece in all {
                if *owed <= 0 {
                    break;
                }
                *owed -= i128::from(piece.pages) * i128::from(period_ns);
                due.push(piece.number);
            }
        }
        due.sort_unstable();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(of: &[(u64, u64, bool)]) -> Vec<Old> {
        let old = |(number, (pages, read_ns, is_settled)): (u64, &(u64, u64, bool))| Old {
            number,
            pages: *pages,
            read_ns: *read_ns,
            is_settled: *is_settled,
        };
        (0..).zip(of).map(old).collect()
    }

    #[test]
    fn a_budget_fills_up_to_its_maximum_and_gives_no_more() {
        let mut budget = Budget::default();
        assert!(budget.take(MAX_PAGES) && !budget.take(1));
        assert_eq!(budget.refill(5), 0, "the first time");
        assert!(!budget.take(1));
        assert_eq!(budget.refill(1_000_000_005), 1_000_000_000);
        assert!(budget.take(PAGES_PER_S) && !budget.take(1));
        budget.refill(u64::MAX);
        assert!(!budget.take(MAX_PAGES + 1) && budget.take(MAX_PAGES));
    }

    proptest! {
        #[test]
        fn every_piece_has_its_turn_in_time_and_not_much_more_often(
            of in prop::collection::vec((1_u64..16384, Just(0), any::<bool>()), 1..40),
            every_ns in 10_000_000_u64..70_000_000_000,
        ) {
            let mut pieces = pieces(&of);
            let (mut now_ns, mut turns, mut read) = (0, Turns::default(), [0_u64; 2]);
            while now_ns < 3 * SETTLED_NS {
                now_ns += every_ns;
                for number in turns.due(&pieces, every_ns) {
                    let piece = &mut pieces[usize::try_from(number).unwrap()];
                    piece.read_ns = now_ns;
                    read[usize::from(piece.is_settled)] += piece.pages;
                }
                for piece in &pieces {
                    let period_ns = if piece.is_settled { SETTLED_NS } else { SHARED_NS };
                    prop_assert!(now_ns - piece.read_ns <= period_ns + 2 * every_ns, "{piece:?}");
                }
            }
            for (is_settled, period_ns) in [(true, SETTLED_NS), (false, SHARED_NS)] {
                let all = pieces.iter().filter(|piece| piece.is_settled == is_settled);
                let all: u64 = all.map(|piece| piece.pages).sum();
                let rounds = now_ns.div_ceil(period_ns);
                prop_assert!(read[usize::from(is_settled)] <= all * rounds + 16384);
            }
        }

        #[test]
        fn none_that_is_left_is_older_than_one_that_is_due(
            of in prop::collection::vec((1_u64..16384, 0_u64..1 << 40, any::<bool>()), 0..40),
            elapsed_ns: u64,
        ) {
            let pieces = pieces(&of);
            let due = Turns::default().due(&pieces, elapsed_ns);
            prop_assert!(due.is_sorted());
            for is_settled in [true, false] {
                let of = |is_due: bool| {
                    let due = &due;
                    pieces.iter().filter(move |piece| {
                        piece.is_settled == is_settled && due.contains(&piece.number) == is_due
                    })
                };
                let youngest = of(true).map(|piece| piece.read_ns).max();
                let oldest = of(false).map(|piece| piece.read_ns).min();
                prop_assert!(oldest.is_none() || youngest <= oldest);
            }
        }
    }
}

//! The sizes of a process that are added up over processes.
//!
//! A page that several processes share is in the resident size of each. Two sums count no page
//! twice: PSS, which divides it among them, and private + swapped, which leaves it out.

use std::iter::Sum;

use vmrec_sampler::Snapshot;

use crate::amounts::Amounts;
use crate::metric::Metric;

/// The sizes of a process, or sums over several. Unknown is `None`; a sum with an unknown size is
/// unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessSizes {
    /// Private + swapped.
    pub own_bytes: Option<u64>,
    /// Proportional share.
    pub pss_bytes: Option<u64>,
    /// Resident, shared pages included.
    pub resident_bytes: Option<u64>,
}

impl ProcessSizes {
    /// The sizes of no process.
    pub const ZERO: Self = Self { own_bytes: Some(0), pss_bytes: Some(0), resident_bytes: Some(0) };

    /// Returns those of a snapshot: sums over its regions.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self::of_amounts(&Amounts::of(snapshot))
    }

    /// Returns those of regions added up.
    pub(crate) fn of_amounts(amounts: &Amounts) -> Self {
        Self {
            own_bytes: amounts.get(Metric::Own),
            pss_bytes: amounts.get(Metric::PSS),
            resident_bytes: amounts.get(Metric::RESIDENT),
        }
    }

    /// Returns the sums of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        Self {
            own_bytes: sum(self.own_bytes, other.own_bytes),
            pss_bytes: sum(self.pss_bytes, other.pss_bytes),
            resident_bytes: sum(self.resident_bytes, other.resident_bytes),
        }
    }
}

impl Sum for ProcessSizes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::ZERO, Self::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_size_makes_the_sum_unknown() {
        let known =
            ProcessSizes { own_bytes: Some(1), pss_bytes: Some(2), resident_bytes: Some(3) };
        let sum: ProcessSizes = [known, known].into_iter().sum();
        assert_eq!(sum.pss_bytes, Some(4));
        let unknown = ProcessSizes { pss_bytes: None, ..known };
        let sum: ProcessSizes = [known, unknown, known].into_iter().sum();
        assert_eq!((sum.own_bytes, sum.pss_bytes, sum.resident_bytes), (Some(3), None, Some(9)));
        assert_eq!([].into_iter().sum::<ProcessSizes>(), ProcessSizes::ZERO);
    }
}

//! Runs of equal values: most values stay the same over a whole chunk.

/// A value and the number of consecutive samples that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The value; `None` where it is unknown.
    pub value: Option<u64>,
    /// How many samples have it.
    pub times: usize,
}

/// The values of consecutive samples, as runs; neighbouring runs may have the same value.
#[derive(Clone, Debug, Default)]
pub struct Runs(Vec<Run>);

impl Runs {
    /// Appends a value `times` times.
    pub fn push(&mut self, value: Option<u64>, times: usize) {
        match self.0.last_mut() {
            Some(last) if last.value == value => last.times += times,
            _ => self.0.push(Run { value, times }),
        }
    }

    /// Appends a value that differs from the one before, if there is one.
    pub(crate) fn begin(&mut self, value: Option<u64>) {
        self.0.push(Run { value, times: 1 });
    }

    /// Appends the last value so many times more, 0 if there is none.
    pub(crate) fn repeat(&mut self, times: usize) {
        match self.0.last_mut() {
            Some(last) => last.times += times,
            None => self.0.push(Run { value: Some(0), times }),
        }
    }

    /// Returns how many runs there are, which is what they take of memory.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the runs in order.
    pub fn iter(&self) -> impl Iterator<Item = Run> + '_ {
        self.0.iter().copied()
    }

    /// Returns the values in order.
    pub fn values(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        self.iter().flat_map(|Run { value, times }| std::iter::repeat_n(value, times))
    }

    /// Removes all values and keeps the allocation.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the sums of the values of both, unknown where either is.
    pub fn sum(&self, other: &Self) -> Self {
        self.with(other, |one, other| Some(one?.saturating_add(other?)))
    }

    /// Returns each value plus that of `other`, which counts as 0 where it is unknown.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        self.with(other, |one, other| Some(one?.wrapping_add(other.unwrap_or(0))))
    }

    /// Returns the values that `of` makes of each one and that of `other`, unknown after its end.
    fn with(&self, other: &Self, of: impl Fn(Option<u64>, Option<u64>) -> Option<u64>) -> Self {
        let mut sums = Vec::with_capacity(self.0.len().max(other.0.len()));
        let mut others = other.iter();
        let mut current = Run { value: None, times: 0 };
        for Run { value, times } in self.iter() {
            let mut left = times;
            while left > 0 {
                if current.times == 0 {
                    current = others.next().unwrap_or(Run { value: None, times: left });
                }
                let times = left.min(current.times);
                sums.push(Run { value: of(value, current.value), times });
                left -= times;
                current.times -= times;
            }
        }
        Self(sums)
    }
}

impl PartialEq for Runs {
    fn eq(&self, other: &Self) -> bool {
        self.values().eq(other.values())
    }
}

impl Eq for Runs {}

impl FromIterator<Option<u64>> for Runs {
    fn from_iter<I: IntoIterator<Item = Option<u64>>>(values: I) -> Self {
        let mut runs = Self::default();
        values.into_iter().for_each(|value| runs.push(value, 1));
        runs
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_of_runs_are_those_of_their_values(
            pairs in proptest::collection::vec((proptest::option::of(0_u64..3), proptest::option::of(0_u64..3)), 0..40)
        ) {
            let (a, b): (Runs, Runs) =
                (pairs.iter().map(|(a, _)| *a).collect(), pairs.iter().map(|(_, b)| *b).collect());
            let sums: Vec<_> =
                pairs.iter().map(|(a, b)| a.map(|a| a + b.unwrap_or(0))).collect();
            prop_assert_eq!(a.plus(&b).values().collect::<Vec<_>>(), sums);
            let known: Vec<_> = pairs.iter().map(|(a, b)| Some((*a)? + (*b)?)).collect();
            prop_assert_eq!(a.sum(&b).values().collect::<Vec<_>>(), known);
        }
    }
}

//! A column of values of which some may be unknown, 8 bytes each.

/// Values in the order of samples; unknown ones are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column(Vec<u64>);

/// Stands for unknown: no sum of bytes reaches it, and `Option<u64>` would take twice the room.
const UNKNOWN: u64 = u64::MAX;

impl Column {
    /// Adds a value at the end.
    pub fn push(&mut self, value: Option<u64>) {
        self.0.push(stored(value));
    }

    /// Returns the value at `index`; `None` where it is unknown or there is none.
    pub fn get(&self, index: usize) -> Option<u64> {
        self.0.get(index).copied().filter(|value| *value != UNKNOWN)
    }

    /// Returns how many values there are, unknown ones included.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Option<u64>> + ExactSizeIterator + '_ {
        self.0.iter().map(|value| Some(*value).filter(|value| *value != UNKNOWN))
    }

    /// Returns the first value known.
    pub fn first_known(&self) -> Option<u64> {
        self.iter().flatten().next()
    }

    /// Returns the last value known.
    pub fn last_known(&self) -> Option<u64> {
        self.iter().rev().flatten().next()
    }

    /// Returns the largest value known.
    pub fn max(&self) -> Option<u64> {
        let known = |value: &u64| if *value == UNKNOWN { 0 } else { *value };
        match self.0.iter().map(known).max() {
            Some(0) => self.first_known().map(|_| 0),
            most => most,
        }
    }

    /// Adds another column value by value; unknown is what was unknown in either.
    pub fn add(&mut self, other: &Self) {
        for (sum, value) in self.0.iter_mut().zip(&other.0) {
            *sum = sum_of(*sum, *value);
        }
    }

    /// Adds each of `values` to the value at the index of the same place in `at`.
    pub(super) fn add_at(&mut self, at: &[usize], values: &[Option<u64>]) {
        let add = |sum: &mut u64, value: &Option<u64>| *sum = sum_of(*sum, stored(*value));
        let without_hole = match at {
            [first, .., last] if last - first + 1 == at.len() => self.0.get_mut(*first..=*last),
            _ => None,
        };
        if let Some(sums) = without_hole {
            sums.iter_mut().zip(values).for_each(|(sum, value)| add(sum, value));
            return;
        }
        for (at, value) in at.iter().zip(values) {
            if let Some(sum) = self.0.get_mut(*at) {
                add(sum, value);
            }
        }
    }
}

fn stored(value: Option<u64>) -> u64 {
    value.map_or(UNKNOWN, |bytes| bytes.min(UNKNOWN - 1))
}

const fn sum_of(a: u64, b: u64) -> u64 {
    if a == UNKNOWN || b == UNKNOWN {
        return UNKNOWN;
    }
    match a.saturating_add(b) {
        UNKNOWN => UNKNOWN - 1,
        sum => sum,
    }
}

impl Extend<Option<u64>> for Column {
    fn extend<I: IntoIterator<Item = Option<u64>>>(&mut self, values: I) {
        self.0.extend(values.into_iter().map(stored));
    }
}

impl FromIterator<Option<u64>> for Column {
    fn from_iter<I: IntoIterator<Item = Option<u64>>>(values: I) -> Self {
        let mut column = Self::default();
        column.extend(values);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_stay_unknown() {
        let column: Column = [None, Some(0), Some(u64::MAX), None].into_iter().collect();
        assert_eq!(column.iter().collect::<Vec<_>>(), [None, Some(0), Some(u64::MAX - 1), None]);
        assert_eq!((column.first_known(), column.last_known()), (Some(0), Some(u64::MAX - 1)));
        let ones: Column = [Some(1); 4].into_iter().collect();
        let mut sum = column.clone();
        sum.add(&ones);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [None, Some(1), Some(u64::MAX - 1), None]);
        sum.add_at(&[1, 2], &[Some(u64::MAX), None]);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [None, Some(u64::MAX - 1), None, None]);
    }
}

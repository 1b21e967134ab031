//! A column of values of which some may be unknown, 4 bytes each where kernels report them in units of 1024.

use std::ops::Range;

/// Values in the order of samples; unknown ones are `None`.
#[derive(Clone, Debug, Default)]
pub struct SeriesColumn {
    /// In units of 1024 bytes, as kernels report sizes: a recording of weeks takes half the room.
    units: Vec<u32>,
    /// As they are, in place of `units`, if any of them does not fit there.
    whole: Option<Vec<u64>>,
}

/// Stands for unknown: no sum of bytes reaches it, and `Option<u64>` would take twice the room.
const UNKNOWN: u64 = u64::MAX;
/// The same among units.
const UNKNOWN_UNITS: u32 = u32::MAX;
const UNIT_BITS: u32 = 10;

impl SeriesColumn {
    /// Creates a column with room for some values.
    pub(crate) fn with_capacity(values: usize) -> Self {
        Self { units: Vec::with_capacity(values), whole: None }
    }

    /// Adds a value at the end.
    pub fn push(&mut self, value: Option<u64>) {
        self.push_times(value, 1);
    }

    /// Adds a value at the end that many times.
    pub(crate) fn push_times(&mut self, value: Option<u64>, times: usize) {
        let value = stored(value);
        match (&self.whole, in_units(value)) {
            (None, Some(value)) => self.units.resize(self.units.len() + times, value),
            _ => {
                let values = self.whole();
                values.resize(values.len() + times, value);
            }
        }
    }

    /// Returns the value at `index`; `None` where it is unknown or there is none.
    pub fn get(&self, index: usize) -> Option<u64> {
        match &self.whole {
            None => self.units.get(index).copied().map(from_units),
            Some(values) => values.get(index).copied(),
        }
        .filter(|value| *value != UNKNOWN)
    }

    /// Makes the value at `index` unknown.
    pub(crate) fn forget(&mut self, index: usize) {
        match &mut self.whole {
            None => self.units.get_mut(index).into_iter().for_each(|value| *value = UNKNOWN_UNITS),
            Some(values) => values.get_mut(index).into_iter().for_each(|value| *value = UNKNOWN),
        }
    }

    /// Returns how many values there are, unknown ones included.
    pub fn len(&self) -> usize {
        self.whole.as_ref().map_or(self.units.len(), Vec::len)
    }

    /// Returns whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Option<u64>> + ExactSizeIterator + '_ {
        (0..self.len()).map(|index| self.get(index))
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
        let max = match &self.whole {
            None => {
                let known = |value: &u32| if *value == UNKNOWN_UNITS { 0 } else { *value };
                from_units(self.units.iter().map(known).fold(0, u32::max))
            }
            Some(values) => {
                let known = |value: &u64| if *value == UNKNOWN { 0 } else { *value };
                values.iter().map(known).fold(0, u64::max)
            }
        };
        match max {
            0 => self.first_known().map(|_| 0),
            max => Some(max),
        }
    }

    /// Returns the lowest and the highest value known from `begin` on.
    pub(crate) fn extent(&self, begin: usize) -> Option<(u64, u64)> {
        match &self.whole {
            None => {
                let (low, high) = extent_of(self.units.get(begin..)?, UNKNOWN_UNITS)?;
                Some((from_units(low), from_units(high)))
            }
            Some(values) => extent_of(values.get(begin..)?, UNKNOWN),
        }
    }

    /// Adds another column value by value; unknown is what was unknown in either.
    pub fn add(&mut self, other: &Self) {
        if self.whole.is_none() && other.whole.is_none() {
            let both = self.units.iter().zip(&other.units);
            if both.fold(true, |fit, (sum, unit)| fit & fits(*sum, *unit)) {
                let both = self.units.iter_mut().zip(&other.units);
                both.for_each(|(sum, unit)| *sum = sum_of_units(*sum, *unit));
                return;
            }
        }
        for (sum, value) in self.whole().iter_mut().zip(other.iter()) {
            *sum = sum_of(*sum, stored(value));
        }
    }

    /// Adds `value` to the one at `index`.
    #[inline]
    pub(crate) fn add_one(&mut self, index: usize, value: Option<u64>) {
        if let (None, Some(sum), Some(value)) =
            (&self.whole, self.units.get_mut(index), in_units(stored(value)))
            && fits(*sum, value)
        {
            *sum = sum_of_units(*sum, value);
        } else {
            self.add_at(index..index + 1, value);
        }
    }

    /// Adds `value` to each of the values in `range`.
    pub(crate) fn add_at(&mut self, range: Range<usize>, value: Option<u64>) {
        let value = stored(value);
        if let (None, Some(value)) = (&self.whole, in_units(value)) {
            let Some(sums) = self.units.get_mut(range.clone()) else { return };
            if sums.iter().fold(true, |fit, sum| fit & fits(*sum, value)) {
                sums.iter_mut().for_each(|sum| *sum = sum_of_units(*sum, value));
                return;
            }
        }
        for sum in self.whole().get_mut(range).into_iter().flatten() {
            *sum = sum_of(*sum, value);
        }
    }

    /// Returns the values as they are, kept so from now on.
    fn whole(&mut self) -> &mut Vec<u64> {
        let units = std::mem::take(&mut self.units);
        self.whole.get_or_insert_with(|| {
            let mut values = Vec::with_capacity(units.capacity());
            values.extend(units.into_iter().map(from_units));
            values
        })
    }
}

/// Returns the lowest and the highest of values among which the largest possible one is unknown.
fn extent_of<T: Copy + Ord + Default>(values: &[T], unknown: T) -> Option<(T, T)> {
    // Folded by hand, without an order between them, loops are of few instructions.
    let known = |value: &T| if *value == unknown { T::default() } else { *value };
    let (low, high) = values.iter().fold((unknown, T::default()), |(low, high), value| {
        (low.min(*value), high.max(known(value)))
    });
    (low != unknown).then_some((low, high))
}

fn stored(value: Option<u64>) -> u64 {
    value.map_or(UNKNOWN, |bytes| bytes.min(UNKNOWN - 1))
}

/// Returns what [`stored`] returned in units, if it fits.
fn in_units(value: u64) -> Option<u32> {
    let units = u32::try_from(value >> UNIT_BITS).ok().filter(|units| *units != UNKNOWN_UNITS);
    match value {
        UNKNOWN => Some(UNKNOWN_UNITS),
        _ => units.filter(|_| value.trailing_zeros() >= UNIT_BITS),
    }
}

const fn from_units(units: u32) -> u64 {
    if units == UNKNOWN_UNITS { UNKNOWN } else { (units as u64) << UNIT_BITS }
}

/// Returns whether the sum of two values in units is one too. Free of branches, as it runs over whole columns.
const fn fits(a: u32, b: u32) -> bool {
    let sum = a.wrapping_add(b);
    (a == UNKNOWN_UNITS) | (b == UNKNOWN_UNITS) | ((sum >= a) & (sum != UNKNOWN_UNITS))
}

/// Returns the sum of two values in units, which [`fits`].
const fn sum_of_units(a: u32, b: u32) -> u32 {
    if (a == UNKNOWN_UNITS) | (b == UNKNOWN_UNITS) { UNKNOWN_UNITS } else { a.wrapping_add(b) }
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

impl PartialEq for SeriesColumn {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SeriesColumn {}

impl Extend<Option<u64>> for SeriesColumn {
    fn extend<I: IntoIterator<Item = Option<u64>>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl FromIterator<Option<u64>> for SeriesColumn {
    fn from_iter<I: IntoIterator<Item = Option<u64>>>(values: I) -> Self {
        let values = values.into_iter();
        let mut column = Self::with_capacity(values.size_hint().0);
        column.extend(values);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_stay_unknown() {
        let column: SeriesColumn = [None, Some(0), Some(u64::MAX), None].into_iter().collect();
        assert_eq!(column.iter().collect::<Vec<_>>(), [None, Some(0), Some(u64::MAX - 1), None]);
        assert_eq!((column.first_known(), column.last_known()), (Some(0), Some(u64::MAX - 1)));
        assert_eq!(column.extent(0), Some((0, u64::MAX - 1)));
        assert_eq!((column.extent(3), column.extent(9)), (None, None));
        let ones: SeriesColumn = [Some(1); 4].into_iter().collect();
        let mut sum = column.clone();
        sum.add(&ones);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [None, Some(1), Some(u64::MAX - 1), None]);
        sum.add_at(1..2, Some(u64::MAX));
        sum.add_at(2..3, None);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [None, Some(u64::MAX - 1), None, None]);
    }

    #[test]
    fn values_that_do_not_fit_in_units_are_kept_whole() {
        let max = u64::from(u32::MAX - 1) << 10;
        for (first, second) in [(max, 0), (max, 1024), (max, max), (4096, 1), (7, 1024)] {
            let mut sum: SeriesColumn = [Some(first), None, Some(0)].into_iter().collect();
            sum.add(&[Some(second), Some(second), Some(second)].into_iter().collect());
            assert_eq!(sum.iter().collect::<Vec<_>>(), [Some(first + second), None, Some(second)]);
            assert_eq!(sum.max(), Some(first + second));
            assert_eq!(sum.extent(0), Some((second.min(first + second), first + second)));
            let mut at: SeriesColumn = [Some(first), None, Some(0)].into_iter().collect();
            at.add_at(0..3, Some(second));
            assert_eq!(at, sum);
        }
    }
}

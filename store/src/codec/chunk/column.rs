//! Columns of numbers that rarely change: differences, and runs of equal
//! values.
//!
//! ```text
//! column = unit (1, 1000 or 1024), tokens until all values are given
//! token  = 0, more     the value before, more + 1 times
//!          1           unknown
//!          2, number   this number, as it is
//!          folded + 2  the value before it, changed by this (zigzag, in units, not zero)
//! ```
//!
//! The value before the first one is 0. Differences skip unknown values: they
//! are taken from the last known one.

use crate::codec::chunk::runs::Runs;
use crate::codec::varint::{Cursor, Malformed, put};

/// Differences are stored in the first of these units that divides all of them: the kernel reports
/// sizes in its own units, and some clocks count microseconds.
const UNITS: [i64; 3] = [1024, 1000, 1];
/// The largest folded difference that is stored as a difference.
const MAX_FOLDED: u64 = u64::MAX - 2;

/// A column under construction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Column {
    tokens: Vec<Token>,
    last: u64,
    unknown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// The value before, this many times.
    Same(u64),
    Unknown,
    Changed(i64),
    Number(u64),
}

/// A step of a column that is read.
enum Step {
    /// The value before so many times more, 0 if there is none.
    Same(usize),
    Unknown,
    Known(u64),
}

impl Column {
    /// Adds a value at the end.
    pub(crate) fn push(&mut self, value: Option<u64>) {
        let token = match value {
            None if self.unknown => Token::Same(1),
            None => Token::Unknown,
            Some(value) if value == self.last && !self.unknown => Token::Same(1),
            Some(value) => match value.wrapping_sub(self.last).cast_signed() {
                0 => Token::Number(value),
                change if fold(change) <= MAX_FOLDED => Token::Changed(change),
                _ => Token::Number(value),
            },
        };
        self.unknown = value.is_none();
        self.last = value.unwrap_or(self.last);
        match (self.tokens.last_mut(), token) {
            (Some(Token::Same(times)), Token::Same(more)) => *times += more,
            _ => self.tokens.push(token),
        }
    }

    /// Repeats the last value this many times, 0 if there is none.
    pub(crate) fn push_same(&mut self, times: u64) {
        match self.tokens.last_mut() {
            _ if times == 0 => {}
            Some(Token::Same(before)) => *before += times,
            _ => self.tokens.push(Token::Same(times)),
        }
    }

    /// Returns whether all its values are equal.
    pub(crate) fn is_constant(&self) -> bool {
        matches!(self.tokens[..], [] | [_] | [_, Token::Same(_)])
    }

    /// Returns its values.
    pub(crate) fn values(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        let mut last = Some(0);
        let mut known = 0_u64;
        self.tokens.iter().flat_map(move |token| {
            let times = match *token {
                Token::Same(times) => times,
                Token::Unknown => {
                    last = None;
                    1
                }
                Token::Number(value) => {
                    known = value;
                    last = Some(known);
                    1
                }
                Token::Changed(change) => {
                    known = known.wrapping_add(change.cast_unsigned());
                    last = Some(known);
                    1
                }
            };
            std::iter::repeat_n(last, usize::try_from(times).unwrap_or(usize::MAX))
        })
    }

    /// Appends its bytes.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let divides = |unit: &i64| {
            self.tokens.iter().all(|token| match token {
                Token::Changed(change) => change % unit == 0,
                _ => true,
            })
        };
        let unit = UNITS.into_iter().find(divides).unwrap_or(1);
        put(out, unit.cast_unsigned());
        for token in &self.tokens {
            match *token {
                Token::Same(times) => {
                    put(out, 0);
                    put(out, times - 1);
                }
                Token::Unknown => put(out, 1),
                Token::Number(value) => {
                    put(out, 2);
                    put(out, value);
                }
                Token::Changed(change) => put(out, fold(change / unit) + 2),
            }
        }
    }

    /// Calls `each` with every value of a column of `count`, in order, and how many times it follows.
    pub(crate) fn read(
        cursor: &mut Cursor<'_>,
        count: usize,
        mut each: impl FnMut(Option<u64>, usize),
    ) -> Result<(), Malformed> {
        let mut last = Some(0);
        Self::steps(cursor, count, |step| {
            let (value, times) = match step {
                Step::Same(times) => (last, times),
                Step::Unknown => (None, 1),
                Step::Known(value) => (Some(value), 1),
            };
            last = value;
            each(value, times);
        })
    }

    /// Calls `each` with every step of a column of `count` values, in order.
    fn steps(
        cursor: &mut Cursor<'_>,
        count: usize,
        mut each: impl FnMut(Step),
    ) -> Result<(), Malformed> {
        let stored = cursor.take()?.cast_signed();
        let unit = UNITS.into_iter().find(|unit| *unit == stored);
        let unit = unit.ok_or(Malformed("an unknown unit"))?;
        // A local cursor can be kept in registers.
        let mut bytes = Cursor(cursor.0);
        let (mut left, mut last) = (count, 0_u64);
        while left > 0 {
            match bytes.take()? {
                0 => {
                    let more = usize::try_from(bytes.take()?).unwrap_or(usize::MAX);
                    if more >= left {
                        return Err(Malformed("a column longer than its chunk"));
                    }
                    each(Step::Same(more + 1));
                    left -= more;
                }
                1 => each(Step::Unknown),
                token => {
                    last = match token {
                        2 => bytes.take()?,
                        folded => {
                            let change = unfold(folded - 2).wrapping_mul(unit);
                            last.wrapping_add(change.cast_unsigned())
                        }
                    };
                    each(Step::Known(last));
                }
            }
            left -= 1;
        }
        cursor.0 = bytes.0;
        Ok(())
    }

    /// Returns the values of a column of `count`; `scratch` is room to read them in.
    pub(crate) fn take(
        cursor: &mut Cursor<'_>,
        count: usize,
        scratch: &mut Runs,
    ) -> Result<Runs, Malformed> {
        scratch.clear();
        Self::steps(cursor, count, |step| match step {
            Step::Same(times) => scratch.repeat(times),
            Step::Unknown => scratch.begin(None),
            Step::Known(value) => scratch.begin(Some(value)),
        })?;
        Ok(scratch.clone())
    }

    /// Returns the values of a column of `count`, all of which must be known.
    pub(crate) fn take_known(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<u64>, Malformed> {
        let mut values = Vec::with_capacity(count);
        Self::read(cursor, count, |value, times| {
            if let Some(value) = value {
                values.resize(values.len() + times, value);
            }
        })?;
        if values.len() == count { Ok(values) } else { Err(Malformed("an unknown value")) }
    }
}

const fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unfold(folded: u64) -> i64 {
    (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed()
}

impl FromIterator<Option<u64>> for Column {
    fn from_iter<I: IntoIterator<Item = Option<u64>>>(values: I) -> Self {
        let mut column = Self::default();
        values.into_iter().for_each(|value| column.push(value));
        column
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(column: &Column) -> Vec<u8> {
        let mut out = Vec::new();
        column.put(&mut out);
        out
    }

    fn take(cursor: &mut Cursor<'_>, count: usize) -> Result<Runs, Malformed> {
        Column::take(cursor, count, &mut Runs::default())
    }

    #[test]
    fn constant_values_take_no_room() {
        let column: Column = std::iter::repeat_n(Some(4096), 300).collect();
        assert_eq!(bytes(&column).len(), 6);
        let column: Column = std::iter::repeat_n(None, 300).collect();
        assert_eq!(bytes(&column).len(), 6);
    }

    #[test]
    fn a_run_longer_than_the_column_is_refused() {
        assert!(take(&mut Cursor(&[1, 0, 5]), 5).is_err());
        assert_eq!(take(&mut Cursor(&[1, 0, 4]), 5), Ok([Some(0); 5].into_iter().collect()));
    }

    proptest! {
        #[test]
        fn any_values_come_back(
            values in proptest::collection::vec(
                prop_oneof![
                    any::<Option<u64>>(),
                    Just(None),
                    Just(Some(0)),
                    (0_u64..8).prop_map(|pages| Some(pages << 12)),
                ],
                0..40,
            )
        ) {
            let column: Column = values.iter().copied().collect();
            prop_assert_eq!(column.values().collect::<Vec<_>>(), values.clone());
            let data = bytes(&column);
            let mut cursor = Cursor(&data);
            prop_assert_eq!(take(&mut cursor, values.len()), Ok(values.into_iter().collect()));
            prop_assert!(cursor.is_empty());
        }

        #[test]
        fn any_bytes_are_refused_or_values_that_come_back(
            data in prop_oneof![
                proptest::collection::vec(0_u8.., 0..64),
                proptest::collection::vec(0_u8..4, 0..64).prop_map(|data| [vec![1], data].concat()),
            ],
            count in 0_usize..400,
        ) {
            if let Ok(runs) = take(&mut Cursor(&data), count) {
                let values: Vec<_> = runs.values().collect();
                prop_assert_eq!(values.len(), count);
                let again = bytes(&values.iter().copied().collect());
                prop_assert_eq!(take(&mut Cursor(&again), count), Ok(values.into_iter().collect()));
            }
        }
    }
}

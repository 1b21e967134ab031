//! Columns of numbers as a page holds them: each less the one before it, in the largest unit that
//! fits all, so that they compress.

/// The units that values may be in; the last fits all.
const UNITS: [u64; 3] = [4096, 1024, 1];

/// Returns the largest unit that all of these values are multiples of.
pub(crate) fn unit(values: impl Iterator<Item = u64>) -> u64 {
    // Units are powers of two: all are multiples of one if no bit below it is set in any.
    let bits = values.fold(0, |bits, value| bits | value);
    UNITS.into_iter().find(|unit| bits.is_multiple_of(*unit)).unwrap_or(1)
}

/// Returns each known value less the known one before it, in units; unknown ones stay so.
pub(crate) fn deltas(values: impl Iterator<Item = Option<u64>>, unit: u64) -> Vec<Option<i128>> {
    let mut before = 0;
    values.map(|value| Some(step(&mut before, value?, unit))).collect()
}

/// Returns a value less the one before it, in units, and keeps it as that.
pub(crate) fn step(before: &mut i128, value: u64, unit: u64) -> i128 {
    let value = i128::from(value / unit.max(1));
    let step = value - *before;
    *before = value;
    step
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_the_sums_of_their_steps(
            values in proptest::collection::vec(proptest::option::of(any::<u64>()), 0..40), bits in 0_u32..14,
        ) {
            let values: Vec<Option<u64>> =
                values.into_iter().map(|value| Some(value? >> bits << bits)).collect();
            let unit = unit(values.iter().copied().flatten());
            let mut sum = 0;
            let back: Vec<Option<i128>> = deltas(values.iter().copied(), unit)
                .into_iter()
                .map(|delta| { sum += delta?; Some(sum * i128::from(unit)) })
                .collect();
            let expected: Vec<Option<i128>> =
                values.iter().map(|value| value.map(i128::from)).collect();
            prop_assert_eq!(back, expected);
        }
    }
}

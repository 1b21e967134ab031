//! Sorts of a few rows, which share their code: the standard library's has some 8 KB for each type of
//! value and order, and the program has dozens of them that run once.

use std::cmp::Ordering;

/// Sorts values; equal ones stay in the order they have.
pub fn sort_by<T>(values: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    sort_indexes(&mut order, &mut |a, b| compare(&values[a], &values[b]));
    // Where the value at each place is to go, so that each swap puts one there.
    let mut places = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, index)| places[*index] = place);
    for at in 0..places.len() {
        while places[at] != at {
            let place = places[at];
            values.swap(at, place);
            places.swap(at, place);
        }
    }
}

/// Sorts values by a key of each; those with equal ones stay in the order they have.
pub fn sort_by_key<T, K: Ord>(values: &mut [T], mut key: impl FnMut(&T) -> K) {
    sort_by(values, |one, other| key(one).cmp(&key(other)));
}

#[inline(never)]
fn sort_indexes(order: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    order.sort_by(|a, b| compare(*a, *b));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(
            mut values in proptest::collection::vec((0_u8..5, any::<u8>()), 0..60),
        ) {
            let mut expected = values.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by_key(&mut values, |(key, _)| *key);
            prop_assert_eq!(&values, &expected);
            expected.sort_by(|one, other| other.cmp(one));
            sort_by(&mut values, |one, other| other.cmp(one));
            prop_assert_eq!(values, expected);
        }
    }
}

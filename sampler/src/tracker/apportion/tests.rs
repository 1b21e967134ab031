//! Tests of apportioning: invariants and simple cases.

use Quantity as Q;
use proptest::prelude::*;

use super::*;

const PAGE: u64 = PAGE_BYTES;

fn ranges(pages: &[u64]) -> Vec<AddressRange> {
    let mut at = 0x10_0000;
    pages
        .iter()
        .map(|pages| {
            let range = AddressRange::new(at, at + pages * PAGE);
            at = range.end;
            range
        })
        .collect()
}

fn of(quantities: &[(Quantity, u64)]) -> Quantities {
    let mut all = Quantities::UNKNOWN;
    for (quantity, bytes) in quantities {
        all.set(*quantity, *bytes);
    }
    all
}

fn pages(shares: &Shares, quantity: Quantity) -> Vec<u64> {
    shares.parts.iter().map(|part| part.get(quantity).unwrap() / PAGE).collect()
}

#[test]
fn pages_present_decide() {
    let whole =
        of(&[(Q::Resident, 5 * PAGE), (Q::Private, 4 * PAGE), (Q::Swapped, 2 * PAGE), (Q::Pss, 1)]);
    let three = ranges(&[4, 2, 2]);
    let shares = apportion(&whole, &three, Some(&[PAGE, 2 * PAGE, 2 * PAGE]));
    assert_eq!(shares.provenance, Provenance::Apportioned);
    assert_eq!(pages(&shares, Q::Resident), [1, 2, 2]);
    assert_eq!(pages(&shares, Q::Private), [1, 2, 1].map(|n| n).as_slice());
    assert_eq!(pages(&shares, Q::Swapped), [2, 0, 0]);
    assert_eq!(shares.parts.iter().map(|part| part.get(Q::Pss).unwrap()).sum::<u64>(), 1);
    assert_eq!(shares.parts[0].get(Q::Huge), None);
}

#[test]
fn without_a_count_sizes_decide_and_the_provenance_shows_it() {
    let whole = of(&[(Q::Resident, 4 * PAGE)]);
    let two = ranges(&[6, 2]);
    for present in [None, Some(&[0, 0][..]), Some(&[1][..])] {
        let shares = apportion(&whole, &two, present);
        assert_eq!(shares.provenance, Provenance::Estimated);
        assert_eq!(pages(&shares, Q::Resident), [3, 1]);
    }
}

#[test]
fn nothing_and_everything_need_no_count() {
    let two = ranges(&[6, 2]);
    for (resident, expected) in [(0, [0, 0]), (8 * PAGE, [6, 2])] {
        let whole = of(&[(Q::Resident, resident), (Q::Swapped, 0)]);
        assert!(!needs_presence(&whole, &two));
        let shares = apportion(&whole, &two, None);
        assert_eq!(shares.provenance, Provenance::Apportioned);
        assert_eq!(pages(&shares, Q::Resident), expected);
    }
    assert!(needs_presence(&of(&[(Q::Resident, PAGE)]), &two));
    // Unknown which pages are the swapped ones.
    let swapped = of(&[(Q::Resident, 0), (Q::Swapped, 4 * PAGE)]);
    assert_eq!(apportion(&swapped, &two, None).provenance, Provenance::Estimated);
    let unknown = apportion(&Quantities::UNKNOWN, &two, None);
    assert_eq!(unknown.parts, [Quantities::UNKNOWN; 2]);
}

#[test]
fn a_count_of_another_moment_does_not_overfill_a_piece() {
    let whole = of(&[(Q::Resident, 7 * PAGE)]);
    let shares = apportion(&whole, &ranges(&[2, 6]), Some(&[2 * PAGE, PAGE]));
    assert_eq!(pages(&shares, Q::Resident), [2, 5]);
}

#[test]
fn remainders_go_to_the_largest() {
    assert_eq!(by_largest_remainder(10, &[1, 1, 1]), [4, 3, 3]);
    assert_eq!(by_largest_remainder(10, &[5, 3, 1]), [6, 3, 1]);
    assert_eq!(by_largest_remainder(3, &[0, 0]), [2, 1]);
    assert_eq!(by_largest_remainder(u64::MAX, &[u64::MAX, u64::MAX]), [1 << 63, (1 << 63) - 1]);
    assert_eq!(by_largest_remainder(7, &[]), [0; 0]);
}

fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>(), 0..100_000_u64]
}

fn quantities(bytes: impl Strategy<Value = u64>) -> impl Strategy<Value = Quantities> {
    proptest::collection::vec(proptest::option::of(bytes), Quantity::COUNT).prop_map(|values| {
        let mut all = Quantities::UNKNOWN;
        for (quantity, bytes) in Quantity::ALL.into_iter().zip(values) {
            if let Some(bytes) = bytes {
                all.set(quantity, bytes);
            }
        }
        all
    })
}

proptest! {
    #[test]
    fn every_sum_is_exact(
        whole in quantities(extreme()),
        pieces in proptest::collection::vec((extreme(), extreme(), extreme()), 1..9),
        counted: bool,
    ) {
        let ranges: Vec<_> =
            pieces.iter().map(|piece| AddressRange::new(piece.0.min(piece.1), piece.1)).collect();
        let present: Vec<_> = pieces.iter().map(|piece| piece.2).collect();
        let shares = apportion(&whole, &ranges, counted.then_some(&present));
        prop_assert_eq!(shares.parts.len(), pieces.len());
        for quantity in Quantity::ALL {
            let sum = shares.parts.iter().map(|part| part.get(quantity).map(u128::from))
                .sum::<Option<u128>>();
            prop_assert_eq!(sum, whole.get(quantity).map(u128::from), "{:?}", quantity);
        }
    }

    #[test]
    fn parts_stay_within_bounds_and_pages(
        sizes in proptest::collection::vec((1_u64..2000, 0_u64..=1000), 1..9),
        parts in proptest::collection::vec(0_u64..=1000, 10),
        counted: bool,
    ) {
        let lengths: Vec<u64> = sizes.iter().map(|size| size.0).collect();
        let ranges = ranges(&lengths);
        let present: Vec<u64> = sizes.iter().map(|(size, part)| size * part / 1000 * PAGE).collect();
        let total: u64 = lengths.iter().sum::<u64>();
        let resident = total * parts[0] / 1000;
        let mut whole = of(&[(Q::Resident, resident * PAGE)]);
        for (quantity, part) in [
            Q::Private, Q::Dirty, Q::Pss, Q::Anonymous, Q::Referenced, Q::Reclaimable, Q::Locked,
        ].into_iter().zip(&parts[1..]) {
            whole.set(quantity, resident * part / 1000 * PAGE);
        }
        whole.set(Q::PrivateDirty, whole.get(Q::Private).unwrap() / 2 / PAGE * PAGE);
        whole.set(Q::Swapped, (total - resident) * parts[8] / 1000 * PAGE);
        let shares = apportion(&whole, &ranges, counted.then_some(&present));
        for (part, range) in shares.parts.iter().zip(&ranges) {
            let get = |quantity| part.get(quantity).unwrap();
            prop_assert!(get(Q::Resident) <= range.virtual_bytes());
            prop_assert!(get(Q::Swapped) <= range.virtual_bytes());
            prop_assert!(get(Q::PrivateDirty) <= get(Q::Private));
            for quantity in Quantity::ALL.into_iter().filter(|quantity| *quantity != Q::Huge) {
                prop_assert_eq!(get(quantity) % PAGE, 0);
                prop_assert!(quantity == Q::Swapped || get(quantity) <= get(Q::Resident));
            }
        }
    }
}

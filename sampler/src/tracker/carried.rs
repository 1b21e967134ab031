//! The sizes of a mapping of which only the present and swapped pages were counted.

use crate::quantity::{Quantities, Quantity};

/// The pages of a mapping that were counted, in bytes; unknown is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) resident: Option<u64>,
    /// Swapped pages, known of anonymous memory only.
    pub(crate) swapped: Option<u64>,
    /// Present pages that are parts of huge ones.
    pub(crate) huge: Option<u64>,
}

/// Returns the sizes of a mapping: those counted, and the others as they were `before`.
///
/// Pages that came to anonymous memory count as private and written, since nobody else can have
/// them yet; those that came to a file's count in no other size. No size exceeds the resident one.
pub(crate) fn carried(before: &Quantities, counted: Counted, anonymous: bool) -> Quantities {
    let mut sizes = *before;
    if let Some(swapped) = counted.swapped {
        sizes.set(Quantity::Swapped, swapped);
    }
    let Some(resident) = counted.resident else { return sizes };
    let was = before.get(Quantity::Resident);
    sizes.set(Quantity::Resident, resident);
    if anonymous {
        sizes.set(Quantity::Anonymous, resident);
        if let Some(huge) = counted.huge {
            sizes.set(Quantity::Huge, huge);
        }
    }
    if was == Some(resident) {
        return sizes;
    }
    if anonymous && let (Some(was), Some(private)) = (was, before.get(Quantity::Private)) {
        let shared = was.saturating_sub(private).min(resident);
        grow(&mut sizes, before, resident - shared, shared);
    }
    for quantity in Quantity::ALL {
        if quantity != Quantity::Swapped
            && let Some(bytes) = sizes.get(quantity)
        {
            sizes.set(quantity, bytes.min(resident));
        }
    }
    sizes
}

/// Sets the sizes that follow from how many bytes are private; as many others are shared and clean
/// as before.
fn grow(sizes: &mut Quantities, before: &Quantities, private: u64, shared: u64) {
    let was_private = before.get(Quantity::Private).unwrap_or(0);
    sizes.set(Quantity::Private, private);
    if let Some(pss) = before.get(Quantity::Pss) {
        sizes.set(Quantity::Pss, private + pss.saturating_sub(was_private).min(shared));
    }
    let Some(written) = before.get(Quantity::PrivateDirty) else { return };
    let clean = was_private.saturating_sub(written).min(private);
    sizes.set(Quantity::PrivateDirty, private - clean);
    if let Some(dirty) = before.get(Quantity::Dirty) {
        let others = dirty.saturating_sub(written).min(shared);
        sizes.set(Quantity::Dirty, private - clean + others);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAP: Quantities = Quantities::UNKNOWN
        .with(Quantity::Resident, 100)
        .with(Quantity::Private, 80)
        .with(Quantity::PrivateDirty, 70)
        .with(Quantity::Dirty, 75)
        .with(Quantity::Pss, 90);

    #[test]
    fn pages_that_came_to_anonymous_memory_are_private_and_written() {
        let grown =
            carried(&HEAP, Counted { resident: Some(150), swapped: Some(8), huge: None }, true);
        let sizes = [Quantity::Private, Quantity::PrivateDirty, Quantity::Dirty, Quantity::Pss];
        assert_eq!(sizes.map(|of| grown.get(of)), [Some(130), Some(120), Some(125), Some(140)]);
        assert_eq!(grown.get(Quantity::Swapped), Some(8));
        assert_eq!(grown.get(Quantity::Huge), None);
        let file =
            carried(&HEAP, Counted { resident: Some(150), swapped: None, huge: None }, false);
        assert_eq!(file.get(Quantity::Private), Some(80));
    }

    #[test]
    fn a_new_mapping_has_no_size_that_was_not_counted() {
        let counted = Counted { resident: Some(4096), swapped: None, huge: None };
        let new = carried(&Quantities::UNKNOWN, counted, false);
        assert_eq!(new, Quantities::UNKNOWN.with(Quantity::Resident, 4096));
    }

    proptest! {
        #[test]
        fn no_part_exceeds_the_whole(
            was in proptest::collection::vec(proptest::option::of(0_u64..1000), Quantity::COUNT),
            resident in 0_u64..2000,
            anonymous: bool,
        ) {
            let mut before = Quantities::UNKNOWN;
            for (quantity, bytes) in Quantity::ALL.into_iter().zip(was) {
                if let Some(bytes) = bytes {
                    before.set(quantity, bytes);
                }
            }
            let counted = Counted { resident: Some(resident), swapped: None, huge: None };
            let after = carried(&before, counted, anonymous);
            prop_assert_eq!(after.get(Quantity::Resident), Some(resident));
            if before.get(Quantity::Resident) != Some(resident) {
                for quantity in Quantity::ALL.into_iter().filter(|of| *of != Quantity::Swapped) {
                    prop_assert!(after.get(quantity).is_none_or(|bytes| bytes <= resident));
                }
            }
            prop_assert_eq!(after.get(Quantity::Swapped), before.get(Quantity::Swapped));
        }
    }
}

//! The sizes of a mapping of which only pages were counted: those present, swapped out and its own.

use crate::procfs::mapping::Mapping;
use crate::quantity::{Quantities, Quantity};
use crate::region::ShareMode;

/// The pages of a mapping that were counted, in bytes; unknown is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) resident: Option<u64>,
    pub(crate) swapped: Option<u64>,
    /// Present pages that are parts of huge ones.
    pub(crate) huge: Option<u64>,
    /// Present pages that nobody else maps.
    pub(crate) private: Option<u64>,
    /// Present pages of a file or of shared memory.
    pub(crate) of_files: Option<u64>,
    /// Whether private pages may have been merged with equal ones, and be shared again.
    pub(crate) may_be_merged: bool,
}

/// Returns the sizes of a mapping: those counted, and the others as they were `before`.
///
/// Where private pages were not counted, those that came to anonymous memory count as private and
/// written, since nobody else can have them yet; those that came to a file's count in no other size.
/// No size exceeds the resident one.
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
    } else if let (Some(of_files), Some(0)) = (counted.of_files, counted.huge) {
        // Pages of hugetlb are anonymous in no sum of the kernel.
        sizes.set(Quantity::Anonymous, resident.saturating_sub(of_files));
    }
    match (counted.private, was, before.get(Quantity::Private)) {
        (Some(private), ..) => {
            let split = Split { private: private.min(resident), resident };
            split.set(&mut sizes, before, anonymous);
            // Pages of hugetlb count in no proportional size.
            if split.others() == 0 && (anonymous || counted.huge == Some(0)) {
                sizes.set(Quantity::Pss, resident);
            }
        }
        (None, Some(was), Some(private)) if anonymous && was != resident => {
            let others = was.saturating_sub(private).min(resident);
            Split { private: resident - others, resident }.set(&mut sizes, before, true);
        }
        _ if was == Some(resident) => return sizes,
        _ => {}
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

/// How many of a mapping's resident bytes are private now.
#[derive(Clone, Copy)]
struct Split {
    private: u64,
    resident: u64,
}

impl Split {
    const fn others(self) -> u64 {
        self.resident - self.private
    }

    /// Sets the sizes that follow from it; those become unknown that do not.
    fn set(self, sizes: &mut Quantities, before: &Quantities, anonymous: bool) {
        let was = |quantity| before.get(quantity);
        let (private, pss) = (was(Quantity::Private), was(Quantity::Pss));
        let [dirty, written] = [Quantity::Dirty, Quantity::PrivateDirty].map(was);
        let others = |whole: Option<u64>| Some(whole?.saturating_sub(private?));
        let as_before = others(was(Quantity::Resident)) == Some(self.others());
        // Others come to the pages of files and leave them: their parts are taken to stay.
        let shared = others(pss).filter(|_| as_before || !anonymous);
        let pss = shared.map(|bytes| self.private + bytes.min(self.others()));
        let (dirty, written) = if anonymous {
            // As many pages are clean as before: others were written, whoever has them by now.
            let clean =
                |whole: Option<u64>, written: Option<u64>| Some(whole?.saturating_sub(written?));
            let dirty = clean(was(Quantity::Resident), dirty)
                .map(|it| self.resident - it.min(self.resident));
            let written = match as_before {
                true => clean(private, written).map(|it| self.private - it.min(self.private)),
                false => written.filter(|_| dirty == Some(self.resident)).and(Some(self.private)),
            };
            (dirty, written)
        } else {
            (dirty, written.map(|bytes| bytes.min(self.private)))
        };
        for (quantity, bytes) in [
            (Quantity::Private, Some(self.private)),
            (Quantity::Pss, pss),
            (Quantity::Dirty, dirty),
            (Quantity::PrivateDirty, written),
        ] {
            match bytes {
                Some(bytes) => sizes.set(quantity, bytes),
                None => sizes.unset(quantity),
            }
        }
    }
}

/// Returns how the pages of a private mapping are shared, which had these sizes `before` and has them
/// `now`; it `was` known then.
pub(crate) fn carried_share(
    was: Option<ShareMode>,
    [before, now]: [&Quantities; 2],
    mapping: &Mapping,
    may_be_merged: bool,
) -> Option<ShareMode> {
    let [old, new] = [before, now]
        .map(|sizes| [Quantity::Resident, Quantity::Swapped].map(|quantity| sizes.get(quantity)));
    let [resident, private, anonymous] =
        [Quantity::Resident, Quantity::Private, Quantity::Anonymous].map(|it| now.get(it));
    let file = mapping.file().is_some() && now.get(Quantity::Huge).unwrap_or(0) == 0;
    match (resident, private, anonymous) {
        _ if new == [Some(0), Some(0)] => Some(ShareMode::Empty),
        (Some(resident), _, Some(anonymous)) if file && resident > anonymous => {
            Some(ShareMode::CopyOnWrite)
        }
        (Some(1..), Some(private), _) if resident == Some(private) => {
            if may_be_merged {
                was
            } else {
                Some(ShareMode::Private)
            }
        }
        (Some(resident), Some(private), _) if !file && resident > private => {
            Some(ShareMode::CopyOnWrite)
        }
        // Without pages it was known how they were shared; with the first ones it is not.
        _ if old == [Some(0), Some(0)] => None,
        _ => was,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::mapping::tests::mappings;
    use proptest::prelude::*;

    const HEAP: Quantities = Quantities::UNKNOWN
        .with(Quantity::Resident, 100)
        .with(Quantity::Private, 80)
        .with(Quantity::PrivateDirty, 70)
        .with(Quantity::Dirty, 75)
        .with(Quantity::Pss, 90);

    const SIZES: [Quantity; 4] =
        [Quantity::Private, Quantity::PrivateDirty, Quantity::Dirty, Quantity::Pss];

    fn resident(bytes: u64) -> Counted {
        Counted { resident: Some(bytes), ..Counted::default() }
    }

    fn split(bytes: u64, private: u64) -> Counted {
        Counted { private: Some(private), ..resident(bytes) }
    }

    #[test]
    fn pages_that_came_to_anonymous_memory_are_private_and_written() {
        let counted = Counted { swapped: Some(8), ..resident(150) };
        let grown = carried(&HEAP, counted, true);
        assert_eq!(SIZES.map(|of| grown.get(of)), [Some(130), Some(120), Some(125), Some(140)]);
        assert_eq!(grown.get(Quantity::Swapped), Some(8));
        assert_eq!(grown.get(Quantity::Huge), None);
        let file = carried(&HEAP, resident(150), false);
        assert_eq!(file.get(Quantity::Private), Some(80));
    }

    #[test]
    fn private_pages_that_were_counted_are_known_and_others_only_where_they_follow() {
        let of = |counted| SIZES.map(|of| carried(&HEAP, counted, true).get(of));
        assert_eq!(of(split(150, 130)), [Some(130), Some(120), Some(125), Some(140)], "it grew");
        // A fork shares pages; the clean ones may be among them, or not.
        assert_eq!(of(split(100, 0)), [Some(0), None, Some(75), None]);
        // All are its own again.
        assert_eq!(of(split(100, 100)), [Some(100), None, Some(75), Some(100)]);
        let written = HEAP.with(Quantity::Dirty, 100).with(Quantity::PrivateDirty, 80);
        let forked = SIZES.map(|of| carried(&written, split(100, 30), true).get(of));
        assert_eq!(forked, [Some(30), Some(30), Some(100), None]);
        let new = carried(&Quantities::UNKNOWN, split(100, 100), true);
        assert_eq!(SIZES.map(|of| new.get(of)), [Some(100), None, None, Some(100)]);
        let new = carried(&Quantities::UNKNOWN, split(100, 99), true);
        assert_eq!(SIZES.map(|of| new.get(of)), [Some(99), None, None, None]);
    }

    #[test]
    fn pages_of_files_have_their_own_sums() {
        let counted = Counted { of_files: Some(60), huge: Some(0), ..split(100, 100) };
        let file = carried(&Quantities::UNKNOWN, counted, false);
        assert_eq!(file.get(Quantity::Anonymous), Some(40));
        assert_eq!(file.get(Quantity::Pss), Some(100));
        let hugetlb = Counted { of_files: Some(0), huge: Some(100), ..split(100, 100) };
        let hugetlb = carried(&Quantities::UNKNOWN, hugetlb, false);
        assert_eq!(hugetlb.get(Quantity::Anonymous), None);
        assert_eq!(hugetlb.get(Quantity::Pss), None);
        let file = carried(&HEAP, split(100, 50), false);
        assert_eq!(SIZES.map(|of| file.get(of)), [Some(50), Some(50), Some(75), Some(60)]);
    }

    #[test]
    fn a_new_mapping_has_no_size_that_was_not_counted() {
        let new = carried(&Quantities::UNKNOWN, resident(4096), false);
        assert_eq!(new, Quantities::UNKNOWN.with(Quantity::Resident, 4096));
    }

    #[test]
    fn a_share_mode_follows_from_what_was_counted_or_stays() {
        let heap = mappings("1000-9000 rw-p 0 0:0 0 ").remove(0);
        let file = mappings("1000-9000 rw-p 0 8:1 9 /a").remove(0);
        let sizes = |resident, private, anonymous| {
            Quantities::UNKNOWN
                .with(Quantity::Resident, resident)
                .with(Quantity::Private, private)
                .with(Quantity::Anonymous, anonymous)
                .with(Quantity::Swapped, 0)
        };
        let mode = |now: &Quantities, mapping, merged| {
            carried_share(None, [&Quantities::UNKNOWN, now], mapping, merged)
        };
        assert_eq!(mode(&sizes(0, 0, 0), &heap, true), Some(ShareMode::Empty));
        assert_eq!(mode(&sizes(8, 8, 8), &heap, false), Some(ShareMode::Private));
        assert_eq!(mode(&sizes(8, 8, 8), &heap, true), None);
        assert_eq!(mode(&sizes(8, 4, 8), &heap, false), Some(ShareMode::CopyOnWrite));
        assert_eq!(mode(&sizes(8, 8, 4), &file, false), Some(ShareMode::CopyOnWrite));
        assert_eq!(mode(&sizes(8, 8, 8), &file, false), Some(ShareMode::Private));
        assert_eq!(mode(&sizes(8, 4, 8), &file, false), None);
        let known = Quantities::UNKNOWN.with(Quantity::Resident, 8).with(Quantity::Swapped, 0);
        let was = Some(ShareMode::Private);
        assert_eq!(carried_share(was, [&known, &known], &heap, false), was);
        let first = [&sizes(0, 0, 0), &known];
        assert_eq!(carried_share(Some(ShareMode::Empty), first, &heap, false), None);
    }

    proptest! {
        #[test]
        fn no_part_exceeds_the_whole(
            was in proptest::collection::vec(proptest::option::of(0_u64..1000), Quantity::COUNT),
            resident in 0_u64..2000,
            private in proptest::option::of(0_u64..2000),
            of_files in proptest::option::of(0_u64..2000),
            anonymous: bool,
        ) {
            let mut before = Quantities::UNKNOWN;
            for (quantity, bytes) in Quantity::ALL.into_iter().zip(was) {
                if let Some(bytes) = bytes {
                    before.set(quantity, bytes);
                }
            }
            let counted = Counted {
                resident: Some(resident),
                private,
                of_files,
                huge: Some(0),
                ..Counted::default()
            };
            let after = carried(&before, counted, anonymous);
            prop_assert_eq!(after.get(Quantity::Resident), Some(resident));
            if private.is_some() || before.get(Quantity::Resident) != Some(resident) {
                for quantity in Quantity::ALL.into_iter().filter(|of| *of != Quantity::Swapped) {
                    prop_assert!(after.get(quantity).is_none_or(|bytes| bytes <= resident));
                }
            }
            if let Some(private) = private {
                let private = private.min(resident);
                prop_assert_eq!(after.get(Quantity::Private), Some(private));
                let written = after.get(Quantity::PrivateDirty);
                prop_assert!(written.is_none_or(|bytes| bytes <= private));
                let pss = after.get(Quantity::Pss);
                prop_assert!(pss.is_none_or(|bytes| bytes >= private));
            }
            prop_assert_eq!(after.get(Quantity::Swapped), before.get(Quantity::Swapped));
        }
    }
}

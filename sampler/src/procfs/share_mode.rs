//! Derives the share mode of a mapping, in vmmap's words, from smaps.

use std::collections::HashSet;

use crate::procfs::mapping::Mapping;
use crate::procfs::sizes::{Field, Sizes};
use crate::region::ShareMode;

/// Returns the share mode of `mapping`, unknown if the kernel does not report resident bytes.
///
/// It is the current state: pages shared by a fork become private again when the child ends.
/// `aliased` is the result of [`aliased`].
pub(crate) fn share_mode(mapping: &Mapping, sizes: &Sizes, aliased: bool) -> Option<ShareMode> {
    if mapping.shared {
        return Some(if aliased { ShareMode::Aliased } else { ShareMode::Shared });
    }
    let rss = sizes.get(Field::Rss)?;
    let hugetlb_shared = sizes.or_zero(Field::SharedHugetlb);
    let hugetlb = hugetlb_shared | sizes.or_zero(Field::PrivateHugetlb);
    if rss | sizes.or_zero(Field::Swap) | hugetlb == 0 {
        return Some(ShareMode::Empty);
    }
    let shared_dirty = sizes.get(Field::SharedDirty)?;
    // hugetlb memory has an inode even where it is anonymous, and Rss does not count it.
    let file = hugetlb == 0 && mapping.file().is_some() && mapping.name() != "/dev/zero";
    let others = if file {
        rss > sizes.get(Field::Anonymous)? || shared_dirty > 0
    } else {
        shared_dirty | sizes.get(Field::SharedClean)? | hugetlb_shared | sizes.or_zero(Field::Ksm)
            > 0
    };
    Some(if others { ShareMode::CopyOnWrite } else { ShareMode::Private })
}

/// Returns for each of `mappings` whether it is shared and another one maps a part of the same
/// object range.
pub(crate) fn aliased(mappings: &[Mapping]) -> Vec<bool> {
    let mut aliased = vec![false; mappings.len()];
    let shared: HashSet<_> =
        mappings.iter().filter(|mapping| mapping.shared).filter_map(Mapping::file).collect();
    let mut views: Vec<_> = mappings
        .iter()
        .enumerate()
        .filter_map(|(index, mapping)| {
            let file = mapping.file().filter(|file| shared.contains(file))?;
            let end = mapping.offset.saturating_add(mapping.range.virtual_bytes());
            Some((file, mapping.offset, end, index))
        })
        .collect();
    views.sort_unstable();
    for of_one_file in views.chunk_by(|a, b| a.0 == b.0) {
        // In ascending order, a view overlaps an earlier one if any of those ends
        // after its start, and a later one if the next starts before its end.
        let mut earlier_end = 0;
        for (at, (_, start, end, index)) in of_one_file.iter().enumerate() {
            let next_start = of_one_file.get(at + 1).map_or(u64::MAX, |next| next.1);
            aliased[*index] =
                mappings[*index].shared && (earlier_end > *start || next_start < *end);
            earlier_end = earlier_end.max(*end);
        }
    }
    aliased
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::procfs::mapping::tests::mappings;
    use proptest::prelude::*;

    const FILE: &str = "1000-9000 r--p 0 8:1 9 /lib/a";
    const ANONYMOUS: &str = "1000-9000 rw-p 0 0:0 0 ";

    fn mode(line: &str, sizes: &[(Field, u64)]) -> Option<ShareMode> {
        let mut all = Sizes::default();
        for field in Field::ALL {
            all.set(*field, 0);
        }
        for (field, bytes) in sizes {
            all.set(*field, *bytes);
        }
        share_mode(&mappings(line)[0], &all, false)
    }

    #[test]
    fn anonymous_memory() {
        use Field as F;
        assert_eq!(mode(ANONYMOUS, &[]), Some(ShareMode::Empty));
        assert_eq!(mode(ANONYMOUS, &[(F::Swap, 1)]), Some(ShareMode::Private));
        assert_eq!(mode(ANONYMOUS, &[(F::Rss, 4), (F::PrivateDirty, 4)]), Some(ShareMode::Private));
        for shared in [F::SharedClean, F::SharedDirty, F::Ksm] {
            assert_eq!(mode(ANONYMOUS, &[(F::Rss, 4), (shared, 4)]), Some(ShareMode::CopyOnWrite));
        }
    }

    #[test]
    fn private_files() {
        use Field as F;
        assert_eq!(mode(FILE, &[]), Some(ShareMode::Empty));
        assert_eq!(mode(FILE, &[(F::Rss, 8), (F::Anonymous, 4)]), Some(ShareMode::CopyOnWrite));
        assert_eq!(mode(FILE, &[(F::Rss, 8), (F::Anonymous, 8)]), Some(ShareMode::Private));
        let forked = [(F::Rss, 8), (F::Anonymous, 8), (F::SharedDirty, 8)];
        assert_eq!(mode(FILE, &forked), Some(ShareMode::CopyOnWrite));
    }

    #[test]
    fn hugetlb_is_not_empty_though_its_rss_is_0() {
        use Field as F;
        let huge = "1000-9000 rw-p 0 0:f 9 /anon_hugepage (deleted)";
        assert_eq!(mode(huge, &[(F::PrivateHugetlb, 8)]), Some(ShareMode::Private));
        assert_eq!(mode(huge, &[(F::SharedHugetlb, 8)]), Some(ShareMode::CopyOnWrite));
    }

    #[test]
    fn shared_is_shared_even_without_a_page_and_unknown_stays_unknown() {
        let shared = mappings("1000-9000 rw-s 0 8:1 9 /a");
        let nothing = Sizes::default();
        assert_eq!(share_mode(&shared[0], &nothing, false), Some(ShareMode::Shared));
        assert_eq!(share_mode(&shared[0], &nothing, true), Some(ShareMode::Aliased));
        assert_eq!(share_mode(&mappings(FILE)[0], &nothing, false), None);
    }

    #[test]
    fn aliases_overlap_in_the_file_and_one_is_shared() {
        let found = aliased(&mappings(
            "1000-3000 rw-s 0 0:1 7 /memfd:jit
             4000-6000 r-xs 1000 0:1 7 /memfd:jit
             6000-7000 r--s 5000 0:1 7 /memfd:jit
             7000-8000 r--p 0 0:1 7 /memfd:jit
             8000-9000 rw-s 0 0:2 7 /other
             a000-b000 r--p 0 8:1 5 /lib
             b000-c000 r--p 0 8:1 5 /lib
             c000-d000 rw-s 0 0:0 0 ",
        ));
        assert_eq!(found, [true, true, false, false, false, false, false, false]);
    }

    proptest! {
        #[test]
        fn aliases_are_those_found_pair_by_pair(
            views in proptest::collection::vec((0_u64..8, 1_u64..5, any::<bool>(), 1_u64..3), 0..12)
        ) {
            let text: String = views.iter().enumerate().map(|(n, (offset, size, shared, inode))| {
                let start = 0x10_0000 * (n as u64 + 1);
                let letter = if *shared { 's' } else { 'p' };
                format!("{start:x}-{:x} rw-{letter} {:x} 8:1 {inode} /f\n", start + size * 4096, offset * 4096)
            }).collect();
            let expected: Vec<bool> = views.iter().enumerate().map(|(n, a)| {
                a.2 && views.iter().enumerate().any(|(m, b)| {
                    n != m && a.3 == b.3 && a.0 < b.0 + b.1 && b.0 < a.0 + a.1
                })
            }).collect();
            prop_assert_eq!(aliased(&mappings(&text)), expected);
        }
    }
}

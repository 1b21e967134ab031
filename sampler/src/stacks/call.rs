//! System calls that map and unmap memory, by their arguments and results.

/// Which call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallKind {
    Map,
    Unmap,
    Remap,
    Break,
    Advise,
}

/// Its effect, in whole pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Map {
        start: u64,
        bytes: u64,
    },
    Unmap {
        start: u64,
        bytes: u64,
    },
    /// What is at the first address moves to the second, as far as both sizes reach.
    Move {
        from: u64,
        from_bytes: u64,
        to: u64,
        to_bytes: u64,
    },
    /// The heap of `brk` ends here.
    Break {
        end: u64,
    },
    /// The contents of pages are given back.
    Release {
        start: u64,
        bytes: u64,
    },
}

// Flags and advice of Linux; they are the same on x86-64 and AArch64.
const MAP_HUGETLB: u64 = 0x40000;
const MAP_HUGE_SHIFT: u32 = 26;
const USUAL_HUGE_SHIFT: u64 = 21;
const MREMAP_DONTUNMAP: u64 = 4;
const MADV_DONTNEED: u64 = 4;
const MADV_FREE: u64 = 8;
const MADV_REMOVE: u64 = 9;
const MADV_DONTNEED_LOCKED: u64 = 24;
/// Results from here on are errors.
const FIRST_ERROR: i64 = -4095;

impl Call {
    /// Returns the effect of a call; `None` if it failed or had none.
    pub(crate) fn of(
        kind: CallKind,
        arguments: [u64; 6],
        result: i64,
        page_bytes: u64,
    ) -> Option<Self> {
        if (FIRST_ERROR..0).contains(&result) {
            return None;
        }
        let [first, second, third, fourth, ..] = arguments;
        let whole = |bytes: u64, unit: u64| bytes.checked_next_multiple_of(unit);
        let pages = |bytes| whole(bytes, page_bytes);
        let result = result as u64;
        let call = match kind {
            CallKind::Map => {
                let unit = match fourth & MAP_HUGETLB {
                    0 => page_bytes,
                    _ => match fourth >> MAP_HUGE_SHIFT & 63 {
                        0 => 1 << USUAL_HUGE_SHIFT,
                        shift => 1 << shift,
                    },
                };
                Self::Map { start: result, bytes: whole(second, unit)? }
            }
            CallKind::Unmap => Self::Unmap { start: first, bytes: pages(second)? },
            // Of no bytes it makes a second mapping of shared memory.
            CallKind::Remap if second == 0 || fourth & MREMAP_DONTUNMAP != 0 => {
                Self::Map { start: result, bytes: pages(third)? }
            }
            CallKind::Remap => Self::Move {
                from: first,
                from_bytes: pages(second)?,
                to: result,
                to_bytes: pages(third)?,
            },
            CallKind::Break => Self::Break { end: pages(result)? },
            CallKind::Advise => {
                let gives_back =
                    matches!(third, MADV_DONTNEED | MADV_FREE | MADV_REMOVE | MADV_DONTNEED_LOCKED);
                if !gives_back {
                    return None;
                }
                Self::Release { start: first, bytes: pages(second)? }
            }
        };
        call.is_bounded().then_some(call)
    }

    /// Returns whether its ranges have ends.
    fn is_bounded(self) -> bool {
        match self {
            Self::Map { start, bytes }
            | Self::Unmap { start, bytes }
            | Self::Release { start, bytes } => start.checked_add(bytes).is_some(),
            Self::Move { from, from_bytes, to, to_bytes } => {
                from.checked_add(from_bytes).and(to.checked_add(to_bytes)).is_some()
            }
            Self::Break { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(kind: CallKind, arguments: [u64; 4], result: i64) -> Option<Call> {
        let [one, two, three, four] = arguments;
        Call::of(kind, [one, two, three, four, 0, 0], result, 4096)
    }

    #[test]
    fn sizes_are_whole_pages_at_the_address_of_the_result() {
        let mapped = of(CallKind::Map, [0, 5000, 3, 0x22], 0x7000);
        assert_eq!(mapped, Some(Call::Map { start: 0x7000, bytes: 8192 }));
        let huge = of(CallKind::Map, [0, 5000, 3, 0x22 | MAP_HUGETLB], 0x20_0000);
        assert_eq!(huge, Some(Call::Map { start: 0x20_0000, bytes: 2 << 20 }));
        let huge = of(CallKind::Map, [0, 5000, 3, MAP_HUGETLB | 30 << 26], 0x4000_0000);
        assert_eq!(huge, Some(Call::Map { start: 0x4000_0000, bytes: 1 << 30 }));
        let unmapped = of(CallKind::Unmap, [0x7000, 1, 0, 0], 0);
        assert_eq!(unmapped, Some(Call::Unmap { start: 0x7000, bytes: 4096 }));
        assert_eq!(of(CallKind::Map, [0, 4096, 3, 0x22], -12), None);
        assert_eq!(of(CallKind::Unmap, [0x7001, 1, 0, 0], -22), None);
        assert_eq!(of(CallKind::Break, [0; 4], 0x9100), Some(Call::Break { end: 0xa000 }));
    }

    #[test]
    fn a_mapping_moves_grows_or_has_a_second_one() {
        let moved = of(CallKind::Remap, [0x1000, 4096, 8000, 1], 0x9000);
        let whole = Call::Move { from: 0x1000, from_bytes: 4096, to: 0x9000, to_bytes: 8192 };
        assert_eq!(moved, Some(whole));
        for (bytes, flags) in [(0, 1), (4096, 1 | MREMAP_DONTUNMAP)] {
            let second = of(CallKind::Remap, [0x1000, bytes, 4096, flags], 0x9000);
            assert_eq!(second, Some(Call::Map { start: 0x9000, bytes: 4096 }));
        }
    }

    #[test]
    fn advice_counts_if_it_gives_memory_back() {
        let released = Some(Call::Release { start: 0x1000, bytes: 4096 });
        assert_eq!(of(CallKind::Advise, [0x1000, 4096, MADV_DONTNEED, 0], 0), released);
        assert_eq!(of(CallKind::Advise, [0x1000, 4096, 14, 0], 0), None);
    }

    proptest! {
        #[test]
        fn any_arguments_have_bounds(arguments: [u64; 6], result: i64, kind in 0_usize..5) {
            use CallKind::{Advise, Break, Map, Remap, Unmap};
            let kind = [Map, Unmap, Remap, Break, Advise][kind];
            let call = Call::of(kind, arguments, result, 4096);
            prop_assert!(call.is_none_or(Call::is_bounded));
        }
    }
}

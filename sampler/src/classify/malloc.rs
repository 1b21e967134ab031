//! The mallocs other than glibc's.

use crate::classify::signs::Runtime;
use crate::vocabulary::{RegionType, types};

/// A malloc that stands beside or in place of glibc's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malloc {
    Asan,
    Tsan,
    Msan,
    Partition,
    Mozjemalloc,
    Mimalloc,
    Jemalloc,
    Tcmalloc,
    Snmalloc,
    Rpmalloc,
    Scudo,
    Musl,
}

impl Malloc {
    /// Every malloc and its sign; the first found for the whole program is the program's.
    pub(crate) const SIGNS: [(Self, Runtime); 12] = [
        (Self::Asan, Runtime::AddressSanitizer),
        (Self::Tsan, Runtime::ThreadSanitizer),
        (Self::Msan, Runtime::MemorySanitizer),
        (Self::Partition, Runtime::Chromium),
        (Self::Mozjemalloc, Runtime::Firefox),
        (Self::Jemalloc, Runtime::Jemalloc),
        (Self::Tcmalloc, Runtime::Tcmalloc),
        (Self::Mimalloc, Runtime::Mimalloc),
        (Self::Snmalloc, Runtime::Snmalloc),
        (Self::Rpmalloc, Runtime::Rpmalloc),
        (Self::Scudo, Runtime::Scudo),
        (Self::Mozjemalloc, Runtime::Mozjemalloc),
    ];

    /// Returns the type of its memory.
    pub(crate) const fn region_type(self) -> RegionType {
        match self {
            Self::Jemalloc => types::MALLOC_JEMALLOC,
            Self::Tcmalloc => types::MALLOC_TCMALLOC,
            Self::Mimalloc => types::MALLOC_MIMALLOC,
            Self::Mozjemalloc => types::MALLOC_MOZJEMALLOC,
            Self::Partition => types::MALLOC_PARTITION,
            Self::Asan => types::MALLOC_ASAN,
            Self::Tsan => types::MALLOC_TSAN,
            Self::Msan => types::MALLOC_MSAN,
            Self::Snmalloc => types::MALLOC_SNMALLOC,
            Self::Rpmalloc => types::MALLOC_RPMALLOC,
            Self::Scudo => types::MALLOC_SCUDO,
            Self::Musl => types::MALLOC_MUSL,
        }
    }

    /// Returns whether nothing in a program with this malloc uses glibc's.
    pub(crate) const fn replaces_glibc(self) -> bool {
        matches!(self, Self::Mozjemalloc | Self::Partition | Self::Asan | Self::Tsan | Self::Msan)
    }

    /// Returns whether it asks the kernel not to reserve for its memory (MAP_NORESERVE), which
    /// the flag `nr` shows.
    pub(crate) const fn does_not_reserve(self) -> bool {
        matches!(self, Self::Jemalloc | Self::Mimalloc)
    }
}

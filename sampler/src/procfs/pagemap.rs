//! Reads entries of a process's pagemap: one of each page of its address space.

const PRESENT: u64 = 1 << 63;
const SWAPPED: u64 = 1 << 62;
const OF_FILE: u64 = 1 << 61;
const EXCLUSIVE: u64 = 1 << 56;

/// The entry of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) u64);

impl Entry {
    /// Reads it from 8 bytes.
    pub(crate) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_ne_bytes(bytes))
    }

    pub(crate) const fn is_present(self) -> bool {
        self.0 & PRESENT != 0
    }

    pub(crate) const fn is_swapped(self) -> bool {
        self.0 & SWAPPED != 0
    }

    /// Returns whether it is a page of a file or of shared memory.
    pub(crate) const fn is_of_file(self) -> bool {
        self.0 & OF_FILE != 0
    }

    /// Returns whether it is mapped once only (Linux 4.2): smaps counts exactly these as private. Of a
    /// transparent huge page that is mapped as one, all entries are like the first (Linux 6.15).
    pub(crate) const fn is_exclusive(self) -> bool {
        self.0 & (PRESENT | EXCLUSIVE) == PRESENT | EXCLUSIVE
    }
}

//! A region: one range of a process's addresses with one meaning.
//!
//! The kernel merges unlike mappings and splits single ones, so a region may be
//! part of a mapping (VMA) or span several. Its [`Identity`] stays the same
//! from sample to sample and is shared by reference; its values change.

use std::fmt;
use std::sync::Arc;

use crate::label::Label;
use crate::named::named;
use crate::quantity::{Quantities, Quantity};

/// A half-open range of addresses, `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    /// The first address inside.
    pub start: u64,
    /// The first address after it.
    pub end: u64,
}

impl AddressRange {
    /// Creates the range `start..end`; `end` below `start` gives an empty range.
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// Returns the virtual size in bytes.
    pub const fn virtual_bytes(self) -> u64 {
        self.end - self.start
    }

    /// Returns whether both ranges have a common address.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.start, self.end)
    }
}

/// Rights to read, write and execute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protection(u8);

impl Protection {
    /// No right at all: `---`.
    pub const NONE: Self = Self(0);
    /// The right to read.
    pub const READ: Self = Self(1);
    /// The right to write.
    pub const WRITE: Self = Self(2);
    /// The right to execute.
    pub const EXECUTE: Self = Self(4);

    /// Creates a protection from its bits (1 read, 2 write, 4 execute); other bits are dropped.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 7)
    }

    /// Returns the bits: 1 read, 2 write, 4 execute.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the rights of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether every right of `other` is held.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = |right, letter| if self.contains(right) { letter } else { "-" };
        write!(
            f,
            "{}{}{}",
            right(Self::READ, "r"),
            right(Self::WRITE, "w"),
            right(Self::EXECUTE, "x")
        )
    }
}

named! {
    /// How a region's pages are shared between processes, in vmmap's words.
    /// Their names are vmmap's three letters, as in `SM=COW`.
    ShareMode {
        /// Pages are visible to this process alone.
        Private = "PRV",
        /// Pages are shared until written to.
        CopyOnWrite = "COW",
        /// No page really exists.
        Empty = "NUL",
        /// Pages are shared between processes.
        Shared = "SHM",
        /// Pages are shared and mapped more than once in this process.
        Aliased = "ALI",
        /// Private pages mapped more than once (macOS).
        PrivateAliased = "P/A",
        /// Shared pages mapped more than once (macOS).
        SharedAliased = "S/A",
        /// Large pages (macOS).
        LargePage = "LPG",
    }
}

/// The object of a mapping that is not plain anonymous memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// The kernel's name for it: a path, `[heap]`, `/memfd:NAME`, `anon:NAME`. Invalid UTF-8 is written as `\xNN`.
    pub name: Arc<str>,
    /// Major and minor device number; (0, 0) where there is none.
    pub device: (u32, u32),
    /// The inode number; 0 where there is none.
    pub inode: u64,
    /// Whether the file's name was removed (the kernel appends ` (deleted)`; not part of `name`).
    pub deleted: bool,
}

/// The properties of a region that never change while it exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Its addresses.
    pub range: AddressRange,
    /// The rights in force.
    pub protection: Protection,
    /// The maximum rights, unknown on kernels that do not report them.
    pub max_protection: Option<Protection>,
    /// Its object; `None` for plain anonymous memory.
    pub object: Option<Arc<Object>>,
    /// Offset of `range.start` in the object, in bytes.
    pub offset: u64,
    /// The platform's own attributes of the mapping. Linux: `p` or `s`, then VmFlags (`p rd wr mr
    /// mw me ac`); macOS: see `crate::darwin::flags`.
    pub flags: Arc<str>,
    /// Its label.
    pub label: Label,
}

named! {
    /// The source of a region's quantities.
    Provenance {
        /// The kernel reported them for exactly this range.
        Measured = "measured",
        /// The kernel reported them for a larger mapping; they were apportioned by its present pages.
        Apportioned = "apportioned",
        /// The kernel reported them for a larger mapping; they were apportioned without its present
        /// pages.
        Estimated = "estimated",
        /// Some were carried over from an earlier sample.
        Carried = "carried",
    }
}

/// One region in one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its properties that never change.
    pub identity: Arc<Identity>,
    /// How its pages are shared now, unknown if the platform does not report it.
    pub share_mode: Option<ShareMode>,
    /// The source of `quantities`.
    pub provenance: Provenance,
    /// Its sizes now.
    pub quantities: Quantities,
}

impl Region {
    /// Returns the bytes the process alone is charged for: private pages that were written and
    /// swapped ones, without file pages, which the kernel can write back and drop.
    ///
    /// On Linux of a file's mapping only its anonymous pages count (copies that were written to);
    /// files of shared memory and hugetlb have no disk to be written to, and count as a whole.
    pub fn footprint_bytes(&self) -> Option<u64> {
        let mut written = self.quantities.get(Quantity::PrivateDirty)?;
        if self.identity.is_written_back() {
            written = written.min(self.quantities.get(Quantity::Anonymous)?);
        }
        Some(written.saturating_add(self.quantities.get(Quantity::Swapped)?))
    }
}

impl Identity {
    /// Returns whether its object is a file of a disk, whose written pages go back there.
    fn is_written_back(&self) -> bool {
        /// The device of the kernel's own tmpfs: memfd, SysV, shared anonymous memory.
        const KERNEL_TMPFS: (u32, u32) = (0, 1);
        self.object.as_deref().is_some_and(|object| {
            object.inode != 0
                && object.device != KERNEL_TMPFS
                && !object.name.starts_with("/dev/shm/")
                && !self.flags.split_ascii_whitespace().any(|flag| flag == "ht")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_reads_like_the_kernel_prints_it() {
        assert_eq!(Protection::NONE.to_string(), "---");
        assert_eq!(Protection::READ.union(Protection::EXECUTE).to_string(), "r-x");
        assert_eq!(Protection::from_bits(0xff).to_string(), "rwx");
    }

    #[test]
    fn the_footprint_leaves_out_file_pages_that_wait_to_be_written() {
        let region = |name: &str, device, inode, flags: &str| Region {
            identity: Arc::new(Identity {
                range: AddressRange::new(0x1000, 0x9000),
                protection: Protection::READ,
                max_protection: None,
                object: Some(Arc::new(Object { name: name.into(), device, inode, deleted: false })),
                offset: 0,
                flags: flags.into(),
                label: crate::classify::piece::label(
                    crate::vocabulary::types::MAPPED_FILE,
                    crate::label::Confidence::Sure,
                    crate::rule::Rule::R6,
                ),
            }),
            share_mode: None,
            provenance: Provenance::Measured,
            quantities: Quantities::UNKNOWN
                .with(Quantity::PrivateDirty, 700)
                .with(Quantity::Anonymous, 30)
                .with(Quantity::Swapped, 4),
        };
        assert_eq!(region("/data.bin", (8, 1), 9, "s rd").footprint_bytes(), Some(34));
        assert_eq!(region("/memfd:a", (0, 1), 9, "s rd").footprint_bytes(), Some(704));
        assert_eq!(region("/dev/shm/a", (0, 25), 9, "s rd").footprint_bytes(), Some(704));
        assert_eq!(region("/mnt/huge/a", (0, 30), 9, "s rd ht").footprint_bytes(), Some(704));
        assert_eq!(region("[heap]", (0, 0), 0, "p rd wr").footprint_bytes(), Some(704));
    }

    #[test]
    fn ranges_that_touch_do_not_overlap() {
        let low = AddressRange::new(0x1000, 0x2000);
        assert!(!low.overlaps(AddressRange::new(0x2000, 0x3000)));
        assert!(low.overlaps(AddressRange::new(0x1fff, 0x3000)));
        assert_eq!(AddressRange::new(5, 3).virtual_bytes(), 0);
    }

    #[test]
    fn numbers_are_indices_in_all() {
        assert!(ShareMode::ALL.iter().enumerate().all(|(n, mode)| *mode as usize == n));
        assert!(Provenance::ALL.iter().enumerate().all(|(n, source)| *source as usize == n));
    }
}

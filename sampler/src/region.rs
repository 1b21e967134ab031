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

    /// Returns whether an address is inside.
    pub const fn holds(self, address: u64) -> bool {
        self.start <= address && address < self.end
    }

    /// Returns whether both ranges have a common address.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stand_in() {
            None => write!(f, "{:x}-{:x}", self.start, self.end),
            Some(StandIn::Unmapped) => f.write_str("unmapped-unmapped"),
            Some(StandIn::Kernel) => f.write_str("kernel-kernel"),
            Some(StandIn::Sum | StandIn::Sizeless) => f.write_str("-"),
        }
    }
}

/// Why a range is no range of addresses of the process, but stands for memory without one.
///
/// Such ranges lie from 2^63 to 2^63 + 2^62, where no processor has addresses, sixteenths of the
/// whole for each reason, so that a range of a process never looks like one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// The process owns the memory and does not map it; the size is known.
    Unmapped,
    /// The kernel has the memory for the process; the size is known.
    Kernel,
    /// A share of a sum over regions whose addresses and rights are unknown; the size is known.
    Sum,
    /// Likewise, and the size is unknown too.
    Sizeless,
}

impl StandIn {
    /// The bits of an address below those that give the reason.
    const BITS: u32 = 60;

    /// Returns a stand-in of so many bytes; `offset` distinguishes it from others.
    pub const fn range(self, offset: u64, bytes: u64) -> AddressRange {
        const MAX: u64 = (1 << StandIn::BITS) - 1;
        let base = (0b1000 + self as u64) << Self::BITS;
        let start = if offset < MAX { offset } else { MAX };
        let bytes = if bytes < MAX - start { bytes } else { MAX - start };
        AddressRange::new(base + start, base + start + bytes)
    }
}

impl AddressRange {
    /// Returns why it is no range of addresses, if it stands for memory without one.
    pub const fn stand_in(self) -> Option<StandIn> {
        match self.start >> StandIn::BITS {
            0b1000 => Some(StandIn::Unmapped),
            0b1001 => Some(StandIn::Kernel),
            0b1010 => Some(StandIn::Sum),
            0b1011 => Some(StandIn::Sizeless),
            _ => None,
        }
    }

    /// Returns the range if it is one of addresses.
    pub const fn placed(self) -> Option<Self> {
        if self.stand_in().is_none() { Some(self) } else { None }
    }

    /// Returns the virtual size in bytes, unknown if the range stands for memory of unknown size.
    pub const fn known_bytes(self) -> Option<u64> {
        match self.stand_in() {
            Some(StandIn::Sizeless) => None,
            _ => Some(self.virtual_bytes()),
        }
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
    /// Offset of `range.start` in the object, in bytes; [`Identity::UNKNOWN_OFFSET`] if unknown.
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
    /// The offset of a region of which it is not known; no file is that long.
    pub const UNKNOWN_OFFSET: u64 = u64::MAX;

    /// Returns the offset in the object, if it is known.
    pub fn known_offset(&self) -> Option<u64> {
        Some(self.offset).filter(|offset| *offset != Self::UNKNOWN_OFFSET)
    }

    /// Returns the rights in force; unknown of a share of a sum.
    pub fn known_protection(&self) -> Option<Protection> {
        let is_sum = matches!(self.range.stand_in(), Some(StandIn::Sum | StandIn::Sizeless));
        (!is_sum).then_some(self.protection)
    }

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
    fn a_stand_in_is_no_range_of_addresses() {
        let unmapped = StandIn::Unmapped.range(0x1000, 4096);
        assert_eq!((unmapped.placed(), unmapped.known_bytes()), (None, Some(4096)));
        assert_eq!(unmapped.to_string(), "unmapped-unmapped");
        assert_eq!(StandIn::Sizeless.range(0, 1).known_bytes(), None);
        for reason in [StandIn::Unmapped, StandIn::Kernel, StandIn::Sum, StandIn::Sizeless] {
            assert_eq!(StandIn::range(reason, u64::MAX, u64::MAX).stand_in(), Some(reason));
        }
        for start in [0, 0x7fff_ffff_f000, 0xffff_ffff_ff60_0000] {
            assert!(AddressRange::new(start, start + 4096).placed().is_some());
        }
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

//! The sizes of a mapping in smaps, and the quantities derived from them.

use crate::procfs::line::decimal;
use crate::quantity::{Quantities, Quantity};

macro_rules! fields {
    ($($(#[doc = $meaning:literal])+ $field:ident = $key:literal,)+) => {
        /// A line of smaps that vmrec reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the keys of smaps, documented in proc_pid_smaps(5)")]
        pub enum Field { $($(#[doc = $meaning])+ $field,)+ }

        impl Field {
            /// Every field, in the order of their discriminants.
            pub const ALL: &[Self] = &[$(Self::$field),+];

            /// Returns the field of that key.
            pub fn from_key(key: &[u8]) -> Option<Self> {
                $(if key == $key.as_bytes() { return Some(Self::$field); })+
                None
            }
        }
    };
}

fields! {
    /// Pages in memory, those of hugetlb not counted.
    Rss = "Rss",
    /// Rss, each page divided by the number of its mappings.
    Pss = "Pss",
    /// Unwritten pages mapped elsewhere too.
    SharedClean = "Shared_Clean",
    /// Written pages mapped elsewhere too.
    SharedDirty = "Shared_Dirty",
    /// Unwritten pages mapped once.
    PrivateClean = "Private_Clean",
    /// Written pages mapped once.
    PrivateDirty = "Private_Dirty",
    /// Pages marked as accessed.
    Referenced = "Referenced",
    /// Pages of no file.
    Anonymous = "Anonymous",
    /// Pages merged by KSM.
    Ksm = "KSM",
    /// Pages given up by `MADV_FREE`.
    LazyFree = "LazyFree",
    /// Anonymous memory in transparent huge pages.
    AnonHugePages = "AnonHugePages",
    /// hugetlb pages mapped elsewhere too.
    SharedHugetlb = "Shared_Hugetlb",
    /// hugetlb pages mapped once.
    PrivateHugetlb = "Private_Hugetlb",
    /// Pages swapped out.
    Swap = "Swap",
    /// Pages locked in memory.
    Locked = "Locked",
}

/// The sizes of one mapping, in bytes; what the kernel does not print is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    known: u16,
    bytes: [u64; Field::ALL.len()],
}

impl Sizes {
    /// Returns the bytes of `field`, unknown if the kernel did not print it.
    pub const fn get(&self, field: Field) -> Option<u64> {
        if self.known & (1 << field as u16) != 0 { Some(self.bytes[field as usize]) } else { None }
    }

    /// Sets `field`.
    pub const fn set(&mut self, field: Field, bytes: u64) {
        self.known |= 1 << field as u16;
        self.bytes[field as usize] = bytes;
    }

    /// Returns the bytes of `field`, 0 if the kernel does not count it.
    pub(crate) fn or_zero(&self, field: Field) -> u64 {
        self.get(field).unwrap_or(0)
    }

    /// Returns the quantities of these sizes.
    pub fn quantities(&self) -> Quantities {
        use Field as F;
        let mut quantities = Quantities::UNKNOWN;
        let mut set = |quantity, bytes: Option<u64>| {
            if let Some(bytes) = bytes {
                quantities.set(quantity, bytes);
            }
        };
        // On kernels without hugetlb lines (before 4.4) there is nothing to add.
        let private_hugetlb = self.or_zero(F::PrivateHugetlb);
        let hugetlb = private_hugetlb.saturating_add(self.or_zero(F::SharedHugetlb));
        let sum = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        let private_dirty =
            self.get(F::PrivateDirty).map(|bytes| bytes.saturating_add(private_hugetlb));
        set(Quantity::Resident, self.get(F::Rss).map(|rss| rss.saturating_add(hugetlb)));
        set(Quantity::Private, sum(self.get(F::PrivateClean), private_dirty));
        let dirty = sum(self.get(F::PrivateDirty), self.get(F::SharedDirty));
        // Pages of hugetlb are there because they were written; the kernel prints no state of them.
        set(Quantity::Dirty, dirty.map(|dirty| dirty.saturating_add(hugetlb)));
        set(Quantity::PrivateDirty, private_dirty);
        set(Quantity::Swapped, self.get(F::Swap));
        set(Quantity::Pss, self.get(F::Pss));
        set(Quantity::Anonymous, self.get(F::Anonymous));
        set(Quantity::Referenced, self.get(F::Referenced));
        set(Quantity::Reclaimable, self.get(F::LazyFree));
        set(Quantity::Locked, self.get(F::Locked));
        set(Quantity::Huge, self.get(F::AnonHugePages));
        quantities
    }
}

/// Splits a line `KEY: value` into both, spaces around the value dropped.
pub(crate) fn split_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// Reads a value such as `123 kB` as bytes.
pub(crate) fn kilobytes(value: &[u8]) -> Option<u64> {
    decimal(value.strip_suffix(b"kB")?.trim_ascii_end())?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_bit_and_an_index() {
        assert!(Field::ALL.len() <= u16::BITS as usize);
        for (index, field) in Field::ALL.iter().enumerate() {
            assert_eq!(*field as usize, index);
        }
        assert_eq!(Field::from_key(b"Swap"), Some(Field::Swap));
        assert_eq!(Field::from_key(b"SwapPss"), None);
    }

    #[test]
    fn hugetlb_is_added_to_rss() {
        let mut sizes = Sizes::default();
        for (field, bytes) in [
            (Field::Rss, 100),
            (Field::PrivateClean, 10),
            (Field::PrivateDirty, 20),
            (Field::SharedDirty, 30),
            (Field::PrivateHugetlb, 4000),
            (Field::SharedHugetlb, 50000),
        ] {
            sizes.set(field, bytes);
        }
        let quantities = sizes.quantities();
        assert_eq!(quantities.get(Quantity::Resident), Some(54100));
        assert_eq!(quantities.get(Quantity::Private), Some(4030));
        assert_eq!(quantities.get(Quantity::Dirty), Some(54050));
        assert_eq!(quantities.get(Quantity::PrivateDirty), Some(4020));
        assert_eq!(quantities.get(Quantity::Swapped), None);
    }

    #[test]
    fn sums_of_absurd_sizes_do_not_overflow() {
        let mut sizes = Sizes::default();
        for field in Field::ALL {
            sizes.set(*field, u64::MAX);
        }
        assert_eq!(sizes.quantities().get(Quantity::Private), Some(u64::MAX));
    }

    #[test]
    fn only_kilobytes_are_bytes() {
        assert_eq!(kilobytes(b"12 kB"), Some(12288));
        assert_eq!(kilobytes(b"12kB"), Some(12288));
        assert_eq!(kilobytes(b"12"), None);
        assert_eq!(kilobytes(b"12 MB"), None);
        assert_eq!(kilobytes(b"18446744073709551615 kB"), None);
        assert_eq!(split_line(b"Rss:     12 kB"), Some((&b"Rss"[..], &b"12 kB"[..])));
    }
}

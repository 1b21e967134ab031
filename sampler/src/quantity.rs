//! The measured sizes of a region, all in bytes.
//!
//! One list names them for the whole project: kernel field, column, JSON key
//! and chart axis use [`Quantity::name`]. A value the platform cannot give is
//! unknown ([`Quantities::get`] returns `None`), which is not zero.

use crate::named::named;

named! {
    /// A measured size of a region, in bytes. Virtual size is not among them: it is the range itself.
    /// Their names, with the unit, are used in columns, JSON keys and axes.
    Quantity {
        /// Pages in memory. Linux: `Rss + Private_Hugetlb + Shared_Hugetlb` (hugetlb is not in `Rss`); macOS: `pages_resident`.
        Resident = "resident_bytes",
        /// Resident pages no other process maps. Linux: `Private_Clean + Private_Dirty + Private_Hugetlb`.
        Private = "private_bytes",
        /// Written pages, those of files that wait to be written back included. Linux: `Private_Dirty + Shared_Dirty + Private_Hugetlb + Shared_Hugetlb`; macOS: `pages_dirtied`.
        Dirty = "dirty_bytes",
        /// Written pages no other process maps. Linux: `Private_Dirty + Private_Hugetlb`; macOS: `pages_dirtied` of memory that is not shared, with `--footprint`.
        PrivateDirty = "private_dirty_bytes",
        /// Pages moved out of memory. Linux: `Swap`; macOS: `pages_swapped_out` (compressed).
        Swapped = "swapped_bytes",
        /// Resident pages, each divided by the number of processes that map it. Linux: `Pss`.
        Pss = "pss_bytes",
        /// Resident pages that belong to no file. Linux: `Anonymous`.
        Anonymous = "anonymous_bytes",
        /// Resident pages marked as accessed. Linux: `Referenced`.
        Referenced = "referenced_bytes",
        /// Resident pages the kernel may drop at no cost. Linux: `LazyFree`; macOS: `pages_reusable`.
        Reclaimable = "reclaimable_bytes",
        /// Resident pages that cannot be moved out. Linux: `Locked`.
        Locked = "locked_bytes",
        /// Resident bytes in transparent huge pages. Linux: `AnonHugePages`.
        Huge = "huge_bytes",
    }
}

/// The sizes of one region: each [`Quantity`] with its bytes, or unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantities {
    known: u16,
    bytes: [u64; Quantity::COUNT],
}

impl Quantities {
    /// Quantities of which none is known.
    pub const UNKNOWN: Self = Self { known: 0, bytes: [0; Quantity::COUNT] };

    /// Returns the bytes of `quantity`, or `None` where they are unknown.
    pub const fn get(&self, quantity: Quantity) -> Option<u64> {
        if self.known & (1 << quantity as u16) != 0 {
            Some(self.bytes[quantity as usize])
        } else {
            None
        }
    }

    /// Sets `quantity` to `bytes`.
    pub const fn set(&mut self, quantity: Quantity, bytes: u64) {
        self.known |= 1 << quantity as u16;
        self.bytes[quantity as usize] = bytes;
    }

    /// Makes `quantity` unknown.
    pub(crate) const fn unset(&mut self, quantity: Quantity) {
        self.known &= !(1 << quantity as u16);
        // Equal ones compare equal.
        self.bytes[quantity as usize] = 0;
    }

    /// Returns these quantities with `quantity` set to `bytes`.
    #[must_use]
    pub const fn with(mut self, quantity: Quantity, bytes: u64) -> Self {
        self.set(quantity, bytes);
        self
    }

    /// Returns one bit per known quantity: bit `n` stands for `Quantity::ALL[n]`.
    pub const fn known_mask(&self) -> u16 {
        self.known
    }

    /// Returns the resident bytes other processes map too: resident − private, unknown where either is.
    pub fn shared_bytes(&self) -> Option<u64> {
        Some(self.get(Quantity::Resident)?.saturating_sub(self.get(Quantity::Private)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_not_zero() {
        let mut quantities = Quantities::UNKNOWN;
        assert_eq!(quantities.get(Quantity::Swapped), None);
        quantities.set(Quantity::Swapped, 0);
        assert_eq!(quantities.get(Quantity::Swapped), Some(0));
        assert_eq!(quantities.get(Quantity::Huge), None);
        assert_ne!(quantities, Quantities::UNKNOWN);
    }

    #[test]
    fn all_lists_every_quantity_at_its_own_index() {
        for (index, quantity) in Quantity::ALL.into_iter().enumerate() {
            assert_eq!(quantity as usize, index);
        }
    }
}

//! One answer of `mach_vm_region_recurse`, with the facts that other calls add.

use std::sync::Arc;

use crate::darwin::tags;
use crate::region::{AddressRange, Object, Protection, ShareMode};

/// The tags of submaps of the shared cache: as the system made it, and with a part replaced.
pub(crate) const SHARED_PMAP: u32 = 32;
pub(crate) const UNSHARED_PMAP: u32 = 35;

/// The tag of memory that a process owns and maps nowhere.
pub(crate) const OWNED_UNMAPPED: u32 = u32::MAX;

/// One entry of a memory map as the kernel describes it. Counts are of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The first address inside.
    pub start: u64,
    /// Bytes of address space.
    pub size: u64,
    /// The number of submaps around it.
    pub depth: u32,
    /// The rights in force: `protection`.
    pub protection: u8,
    /// The maximum rights: `max_protection`.
    pub max_protection: u8,
    /// Offset of `start` in the object, in bytes.
    pub offset: u64,
    /// The tag its owner gave it: `user_tag`.
    pub user_tag: u32,
    /// Pages in memory: `pages_resident`.
    pub pages_resident: u32,
    /// Pages of a copy-on-write region that were written to: `pages_shared_now_private`.
    pub pages_shared_now_private: u32,
    /// Pages in the compressor or on disk: `pages_swapped_out`.
    pub pages_swapped_out: u32,
    /// Pages written to: `pages_dirtied`.
    pub pages_dirtied: u32,
    /// Pages the owner gave back without unmapping them: `pages_reusable`.
    pub pages_reusable: u32,
    /// Objects in the chain behind the first one: `shadow_depth`.
    pub shadow_depth: u16,
    /// Whether a file (or another pager) backs it: `external_pager`.
    pub external_pager: bool,
    /// How its pages are shared: `share_mode`, 1 to 8.
    pub share_mode: u8,
    /// Whether it is a map of its own, to be entered: `is_submap`.
    pub is_submap: bool,
    /// The number of its object: `object_id_full`, on older systems the 32 bits of `object_id`.
    pub object_id: u64,
    /// How often it was wired by its owner: `user_wired_count`.
    pub user_wired_count: u16,
}

impl Entry {
    /// Returns its range; an end beyond the last address is cut there.
    pub(crate) const fn range(&self) -> AddressRange {
        AddressRange::new(self.start, self.start.saturating_add(self.size))
    }

    /// Returns the rights in force.
    pub(crate) const fn rights(&self) -> Protection {
        Protection::from_bits(self.protection)
    }

    /// Returns the share mode, unknown for a number the header does not name.
    pub(crate) const fn share(&self) -> Option<ShareMode> {
        tags::share_mode(self.share_mode)
    }

    /// Returns whether it may be purgeable: such memory is anonymous, was never copied, and is not in a submap.
    pub(crate) const fn may_be_purgeable(&self) -> bool {
        self.depth == 0 && !self.external_pager && self.shadow_depth == 0 && self.object_id != 0
    }
}

/// The state of purgeable memory: `VM_PURGABLE_GET_STATE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purge {
    /// In use: the kernel may not empty it.
    Nonvolatile,
    /// The kernel may empty it.
    Volatile,
    /// The kernel emptied it.
    Empty,
    /// It may not become volatile.
    Deny,
}

impl Purge {
    /// Returns the state of the kernel's number; bits besides the state are dropped.
    pub(crate) const fn from_state(state: i32) -> Self {
        match state & 3 {
            0 => Self::Nonvolatile,
            1 => Self::Volatile,
            2 => Self::Empty,
            _ => Self::Deny,
        }
    }

    /// Returns vmmap's letter, as in `PURGE=V`.
    pub(crate) const fn letter(self) -> char {
        match self {
            Self::Nonvolatile => 'N',
            Self::Volatile => 'V',
            Self::Empty => 'E',
            Self::Deny => 'D',
        }
    }

    /// Returns whether the kernel may take its pages at any time.
    pub(crate) const fn is_reclaimable(self) -> bool {
        matches!(self, Self::Volatile | Self::Empty)
    }
}

/// An entry that is memory, not a submap, with the answers of further calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// The kernel's answer.
    pub entry: Entry,
    /// The tag of the innermost submap around it; `None` outside of submaps.
    pub container_tag: Option<u32>,
    /// Resident bytes of its object that no other process maps: `VM_REGION_TOP_INFO`
    /// `private_pages_resident`; unknown inside submaps.
    pub private_bytes: Option<u64>,
    /// The state of purgeable memory; `None` for other memory.
    pub purge: Option<Purge>,
    /// The file behind it.
    pub object: Option<Arc<Object>>,
    /// Whether the kernel counted the pages that the process maps, as its footprint does, not those
    /// of the objects.
    pub by_footprint: bool,
}

impl Entry {
    /// Returns whether the kernel made it up, behind the last entry: memory that the process owns
    /// and maps nowhere, which it counts where pages are counted as the footprint does.
    pub(crate) const fn is_owned_unmapped(&self) -> bool {
        self.user_tag == OWNED_UNMAPPED
    }
}

impl Leaf {
    /// Returns whether a file or another pager lies behind it. Behind the shared cache one does,
    /// though the kernel finds none for pages that were written.
    pub(crate) const fn is_paged(&self) -> bool {
        self.entry.external_pager || matches!(self.container_tag, Some(SHARED_PMAP | UNSHARED_PMAP))
    }
}

//! dyld's list of images: `dyld_all_image_infos` and its array.

use std::collections::HashSet;

use crate::darwin::images::bytes::{Memory, Read, u32_at, u64_at};

/// The most images that are read, which is dyld's own limit for a list like this.
const MAX_IMAGES: u32 = 8192;
/// The bytes of `dyld_image_info`: address, path, date.
const ENTRY_BYTES: usize = 24;
/// The first version with the base of the shared cache and the time of the last change.
const WITH_CACHE: u32 = 15;
/// The bytes up to and with `dyldPath`, which follows them.
const BYTES: usize = 200;
/// The bytes that older versions have.
const OLD_BYTES: usize = 40;

/// One image in the list: `dyld_image_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    /// The address of its header.
    pub load_address: u64,
    /// The address of its path.
    pub path_address: u64,
    /// When its file was changed.
    pub changed: u64,
}

/// The fields of `dyld_all_image_infos` that are used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    /// The time of the last change; 0 if it is not known.
    pub changed: u64,
    /// The base of the shared cache; `None` if the process has detached itself from it.
    pub cache_base: Option<u64>,
    count: u32,
    array: u64,
    dyld: Entry,
}

impl List {
    /// Reads the list at `address`; `None` if it cannot be read.
    pub(crate) fn read(memory: &mut Memory<'_, impl Read>, address: u64) -> Option<Self> {
        let bytes = memory.bytes(address, BYTES).or_else(|| memory.bytes(address, OLD_BYTES))?;
        let number = |at| u64_at(&bytes, at).unwrap_or(0);
        let is_new = u32_at(&bytes, 0)? >= WITH_CACHE;
        let new = |at| if is_new { number(at) } else { 0 };
        let is_detached = bytes[24] != 0;
        Some(Self {
            changed: new(184),
            cache_base: Some(new(176)).filter(|base| *base != 0 && !is_detached),
            count: u32_at(&bytes, 4)?,
            array: number(8),
            dyld: Entry { load_address: number(32), path_address: new(192), changed: 0 },
        })
    }

    /// Reads the entries of the list, with one for dyld itself; `None` if dyld is changing them, or
    /// they cannot be read.
    pub(crate) fn entries(&self, memory: &mut Memory<'_, impl Read>) -> Option<Vec<Entry>> {
        if self.array == 0 || self.count == 0 {
            return None;
        }
        let count = self.count.min(MAX_IMAGES) as usize;
        let bytes = memory.bytes(self.array, count * ENTRY_BYTES)?;
        let entry = |bytes: &[u8]| {
            Some(Entry {
                load_address: u64_at(bytes, 0)?,
                path_address: u64_at(bytes, 8)?,
                changed: u64_at(bytes, 16)?,
            })
        };
        let mut entries: Vec<Entry> = bytes.chunks_exact(ENTRY_BYTES).filter_map(entry).collect();
        entries.push(self.dyld);
        let mut seen = HashSet::new();
        entries.retain(|entry| entry.load_address != 0 && seen.insert(entry.load_address));
        Some(entries)
    }
}

//! Reads the target's memory, but only its present pages.
//!
//! Reading an absent page would make the kernel allocate it, or wait for the
//! handler of the target's page faults.

use std::collections::HashMap;
use std::path::Path;

use crate::linux::facts::pagemap::{Pagemap, WINDOW_PAGES};
use crate::linux::system::page_size_bytes;
use crate::linux::target_memory::TargetMemory;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// Bytes of a line: the minimum to read, because its page must be accessed anyway.
pub(crate) const LINE_BYTES: usize = 64;
/// The maximum number of cached windows of the page map.
const MAX_WINDOWS: usize = 1 << 16;

/// The bytes of a line of memory.
pub(crate) type MemoryLine = [u8; LINE_BYTES];

/// The memory of one process.
#[derive(Debug)]
pub(crate) struct Memory {
    pid: u32,
    pagemap: Option<Pagemap>,
    /// Open if it may be read.
    target: Option<TargetMemory>,
    page_bytes: u64,
    /// Which pages are present, by the window's start.
    windows: HashMap<u64, u64>,
    /// The window that was looked at last: most looks are at pages in ascending order.
    last_window: Option<(u64, u64)>,
    /// Ranges where reading could wait for the target or access a device, ascending.
    avoided: Vec<AddressRange>,
}

impl Memory {
    pub(crate) fn new(pid: u32) -> Self {
        Self {
            pid,
            pagemap: None,
            target: None,
            page_bytes: page_size_bytes(),
            windows: HashMap::new(),
            last_window: None,
            avoided: Vec::new(),
        }
    }

    /// Forgets which pages were present and checks again whether memory may be read.
    pub(crate) fn refresh(&mut self, folder: &Path, mappings: &[Mapping]) {
        if self.pagemap.is_none() {
            self.pagemap = Pagemap::open(folder).ok();
        }
        let open = || TargetMemory::open(self.pid).ok();
        self.target = self.pagemap.as_ref().and_then(|_| open());
        self.windows.clear();
        self.last_window = None;
        self.avoided.clear();
        self.avoided.extend(mappings.iter().filter(|it| is_avoided(it)).map(|it| it.range));
    }

    pub(crate) const fn readable(&self) -> bool {
        self.target.is_some()
    }

    pub(crate) fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    pub(crate) fn pagemap(&self) -> Option<&Pagemap> {
        self.pagemap.as_ref()
    }

    /// Returns whether the page that holds `address` is present and may be read.
    pub(crate) fn present(&mut self, address: u64) -> bool {
        let Some(pagemap) = self.pagemap.as_ref().filter(|_| self.target.is_some()) else {
            return false;
        };
        if address < self.page_bytes || address >= 1 << 62 {
            return false;
        }
        let after = self.avoided.partition_point(|range| range.end <= address);
        if self.avoided.get(after).is_some_and(|range| range.start <= address) {
            return false;
        }
        let window = address - address % (self.page_bytes * WINDOW_PAGES);
        let bits = match self.last_window {
            Some((last, bits)) if last == window => bits,
            _ => {
                if self.windows.len() >= MAX_WINDOWS {
                    self.windows.clear();
                }
                *self.windows.entry(window).or_insert_with(|| pagemap.window(window))
            }
        };
        self.last_window = Some((window, bits));
        bits >> ((address - window) / self.page_bytes) & 1 == 1
    }

    /// Fills `buffer` from `address` on; `false` unless all of it is present.
    pub(crate) fn read(&mut self, address: u64, buffer: &mut [u8]) -> bool {
        let Some(end) = address.checked_add(buffer.len() as u64) else { return false };
        let mut page = address - address % self.page_bytes;
        while page < end {
            if !self.present(page) {
                return false;
            }
            page += self.page_bytes;
        }
        self.target.as_ref().is_some_and(|it| it.read(address, buffer) == buffer.len())
    }

    /// Returns the number at `address`, if it can be read.
    pub(crate) fn word(&mut self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes).then(|| u64::from_ne_bytes(bytes))
    }

    /// Reads the lines at `addresses` (each a multiple of their size) that are present.
    pub(crate) fn lines(&mut self, addresses: &[u64]) -> Vec<Option<MemoryLine>> {
        let mut line = |address: &u64| {
            let mut line = [0; LINE_BYTES];
            self.read(*address, &mut line).then_some(line)
        };
        addresses.iter().map(&mut line).collect()
    }
}

/// Returns whether a page of `mapping` that disappears between check and read could block the
/// reader (userfaultfd), or whether reading accesses a device.
fn is_avoided(mapping: &Mapping) -> bool {
    ["um", "uw", "ui", "io", "pf"].iter().any(|flag| mapping.has_flag(flag))
        || (mapping.name().starts_with("/dev/")
            && !mapping.name().starts_with("/dev/shm/")
            && mapping.name() != "/dev/zero")
        || mapping.name().starts_with("/dmabuf:")
        || mapping.name() == "/secretmem"
}

//! Reads the target's memory, but only its present pages.
//!
//! Reading an absent page would make the kernel allocate it, or wait for the
//! handler of the target's page faults.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::linux::facts::pagemap::{Pagemap, WINDOW_PAGES};
use crate::linux::system::page_size_bytes;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// Bytes of a line: the minimum to read, because its page must be accessed anyway.
pub(crate) const LINE_BYTES: usize = 64;
/// The maximum number of ranges in one call.
const MAX_RANGES: usize = 1024;
/// The maximum number of cached windows of the page map.
const MAX_WINDOWS: usize = 1 << 16;

/// The bytes of a line of memory.
pub(crate) type MemoryLine = [u8; LINE_BYTES];

/// The memory of one process.
#[derive(Debug)]
pub(crate) struct Memory {
    pid: libc::pid_t,
    pagemap: Option<Pagemap>,
    readable: bool,
    page_bytes: u64,
    /// Which pages are present, by the window's start.
    windows: HashMap<u64, u64>,
    /// Ranges where reading could wait for the target or access a device, ascending.
    avoided: Vec<AddressRange>,
}

impl Memory {
    pub(crate) fn new(pid: u32) -> Self {
        Self {
            pid: libc::pid_t::try_from(pid).unwrap_or(0),
            pagemap: None,
            readable: false,
            page_bytes: page_size_bytes(),
            windows: HashMap::new(),
            avoided: Vec::new(),
        }
    }

    /// Forgets which pages were present and checks again whether memory may be read.
    pub(crate) fn refresh(&mut self, folder: &Path, mappings: &[Mapping]) {
        if self.pagemap.is_none() {
            self.pagemap = Pagemap::open(folder).ok();
        }
        self.readable = self.pagemap.is_some() && self.may_read();
        self.windows.clear();
        self.avoided.clear();
        self.avoided.extend(mappings.iter().filter(|it| is_avoided(it)).map(|it| it.range));
    }

    pub(crate) fn readable(&self) -> bool {
        self.readable
    }

    pub(crate) fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    pub(crate) fn pagemap(&self) -> Option<&Pagemap> {
        self.pagemap.as_ref()
    }

    /// Returns whether the page that holds `address` is present and may be read.
    pub(crate) fn present(&mut self, address: u64) -> bool {
        let Some(pagemap) = self.pagemap.as_ref().filter(|_| self.readable) else { return false };
        if address < self.page_bytes || address >= 1 << 62 {
            return false;
        }
        let after = self.avoided.partition_point(|range| range.end <= address);
        if self.avoided.get(after).is_some_and(|range| range.start <= address) {
            return false;
        }
        let window = address - address % (self.page_bytes * WINDOW_PAGES);
        if self.windows.len() >= MAX_WINDOWS {
            self.windows.clear();
        }
        let bits = *self.windows.entry(window).or_insert_with(|| pagemap.window(window));
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
        let local = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        let remote = libc::iovec { iov_base: address as *mut _, iov_len: buffer.len() };
        // SAFETY: `local` is all of `buffer`; `remote` is read by the kernel from another
        // process, which checks it.
        let count = unsafe {
            libc::process_vm_readv(self.pid, &raw const local, 1, &raw const remote, 1, 0)
        };
        usize::try_from(count).is_ok_and(|count| count == buffer.len())
    }

    /// Returns the number at `address`, if it can be read.
    pub(crate) fn word(&mut self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes).then(|| u64::from_ne_bytes(bytes))
    }

    /// Reads the lines at `addresses` (each a multiple of their size) that are present.
    pub(crate) fn lines(&mut self, addresses: &[u64]) -> Vec<Option<MemoryLine>> {
        let mut lines = vec![None; addresses.len()];
        let present: Vec<usize> =
            (0..addresses.len()).filter(|index| self.present(addresses[*index])).collect();
        for batch in present.chunks(MAX_RANGES) {
            let mut buffer = vec![[0; LINE_BYTES]; batch.len()];
            let mut done = 0;
            while done < batch.len() {
                let wanted: Vec<u64> =
                    batch[done..].iter().map(|index| addresses[*index]).collect();
                let read = self.read_lines(&wanted, &mut buffer[done..]);
                for (index, line) in batch[done..].iter().zip(&buffer[done..done + read]) {
                    lines[*index] = Some(*line);
                }
                // The line it stopped at is no longer present.
                done += read + 1;
            }
        }
        lines
    }

    /// Reads lines in one call, up to the first unreadable one; returns their number.
    fn read_lines(&self, addresses: &[u64], buffer: &mut [MemoryLine]) -> usize {
        let local = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len().min(addresses.len()) * LINE_BYTES,
        };
        let remote: Vec<libc::iovec> = addresses
            .iter()
            .map(|address| libc::iovec { iov_base: *address as *mut _, iov_len: LINE_BYTES })
            .collect();
        // SAFETY: `local` is inside `buffer`, whose lines lie side by side; `remote` has the given
        // number of ranges, which the kernel checks.
        let count = unsafe {
            libc::process_vm_readv(
                self.pid,
                &raw const local,
                1,
                remote.as_ptr(),
                remote.len() as _,
                0,
            )
        };
        usize::try_from(count).unwrap_or(0) / LINE_BYTES
    }

    /// Asks the kernel without touching a page: at an address that never has one.
    fn may_read(&self) -> bool {
        let mut byte = 0_u8;
        let local = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let remote = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 1 };
        // SAFETY: `local` is one byte of this function; the kernel checks `remote`.
        let count = unsafe {
            libc::process_vm_readv(self.pid, &raw const local, 1, &raw const remote, 1, 0)
        };
        count >= 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
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

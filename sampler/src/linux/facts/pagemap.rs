//! Finds the present pages of a process in its `pagemap`.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::linux::system::page_size_bytes;
use crate::procfs::pagemap::Entry;
use crate::region::AddressRange;
use crate::tracker::pages::part::{PageKind, Run};

/// Pages of a window, one bit each.
pub(crate) const WINDOW_PAGES: u64 = 64;

/// The bytes that one call scans at first, and at most if nothing is present.
const SHORTEST_LOOK: u64 = 64 << 20;
const LONGEST_LOOK: u64 = 64 << 30;
const LEAST_LOOK: u64 = 1 << 20;
/// The maximum of address space to read page by page, if the kernel cannot skip empty parts.
const MAX_BY_PAGE: u64 = 16 << 30;

const OF_FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZERO_PAGE: u64 = 1 << 5;
const HUGE: u64 = 1 << 6;
/// A guard, which is no page (Linux 6.15); before, it is like a page that is swapped out.
const GUARD: u64 = 1 << 8;

/// A call that takes longer scans less the next time: the target waits for its end to map memory.
const LONG_LOOK: Duration = Duration::from_micros(300);

/// The request and argument of `PAGEMAP_SCAN` (Linux 6.7).
const SCAN: u64 = 0xc060_6610;

#[repr(C)]
#[derive(Default)]
struct ScanArgument {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

/// Categories of pages to find.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// Those that count; all of them must hold, …
    all: u64,
    /// … these of them inverted.
    absent: u64,
    /// One of these must hold, if there are any.
    any: u64,
}

impl Wanted {
    const fn all(all: u64, absent: u64) -> Self {
        Self { all, absent, any: 0 }
    }
}

/// The open `pagemap` of a process.
#[derive(Debug)]
pub(crate) struct Pagemap {
    file: File,
    page_bytes: u64,
    scans: bool,
    /// `GUARD`, if the kernel knows it.
    guard: u64,
}

impl Pagemap {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let file = File::open(folder.join("pagemap"))?;
        let mut pagemap = Self { file, page_bytes: page_size_bytes(), scans: true, guard: 0 };
        let nothing = AddressRange::new(0, pagemap.page_bytes);
        let found = &mut [PageRegion::default(); 1];
        let mut knows = |category| pagemap.scan(nothing, Wanted::all(category, 0), found).is_ok();
        let (scans, guards) = (knows(PRESENT), knows(GUARD));
        (pagemap.scans, pagemap.guard) = (scans, if guards { GUARD } else { 0 });
        Ok(pagemap)
    }

    /// Returns a bit for each of the pages from `start` on that is present.
    pub(crate) fn window(&self, start: u64) -> u64 {
        let Some(end) = start.checked_add(WINDOW_PAGES * self.page_bytes) else { return 0 };
        let mut bits = 0;
        if self.scans {
            let mut found = [PageRegion::default(); WINDOW_PAGES as usize];
            let range = AddressRange::new(start, end);
            let (count, _) =
                self.scan(range, Wanted::all(PRESENT, 0), &mut found).unwrap_or((0, 0));
            for it in &found[..count] {
                let first = it.start.saturating_sub(start) / self.page_bytes;
                let after = it.end.saturating_sub(start) / self.page_bytes;
                for page in first..after.min(WINDOW_PAGES) {
                    bits |= 1 << page;
                }
            }
        } else {
            let mut entries = [0; 8 * WINDOW_PAGES as usize];
            let count = self.entries(start, &mut entries);
            for (page, entry) in entries[..count].chunks_exact(8).enumerate() {
                bits |= u64::from(is_present(entry)) << page;
            }
        }
        bits
    }

    /// Returns whether the page at `address` is part of a huge one; `None` if that is unknown.
    pub(crate) fn is_huge(&self, address: u64) -> Option<bool> {
        let start = address - address % self.page_bytes;
        let range = AddressRange::new(start, start.checked_add(self.page_bytes)?);
        let found = &mut [PageRegion::default(); 1];
        let wanted = Wanted::all(PRESENT | HUGE, 0);
        self.scans.then(|| self.scan(range, wanted, found).is_ok_and(|(count, _)| count > 0))
    }

    /// Returns the bytes of the present pages in `range` (without the zero page, if the kernel
    /// distinguishes it); `None` if that is unknown or costs too much.
    pub(crate) fn present_bytes(&self, range: AddressRange) -> Option<u64> {
        if range.start >= 1 << 63 {
            return Some(0);
        }
        if self.scans { self.scanned_bytes(range) } else { self.counted_bytes(range) }
    }

    /// Returns whether the kernel finds pages by their categories (Linux 6.7).
    pub(crate) const fn scans(&self) -> bool {
        self.scans
    }

    /// Calls `each` with the runs of pages in `range`, ascending, that are present (without the zero
    /// page) or swapped out, scanning a piece at a time; `false` if the kernel cannot, or ends early.
    pub(crate) fn runs(&self, range: AddressRange, each: &mut dyn FnMut(Run)) -> bool {
        if !self.scans {
            return false;
        }
        let absent = ZERO_PAGE | self.guard;
        let wanted = Wanted { all: absent, absent, any: PRESENT | SWAPPED };
        let mut found = [PageRegion::default(); 512];
        let (mut at, mut look) = (range.start, SHORTEST_LOOK);
        while at < range.end {
            let piece = AddressRange::new(at, range.end.min(at.saturating_add(look)));
            let begun = Instant::now();
            let returned = PRESENT | SWAPPED | HUGE;
            let Ok((count, reached)) = self.scan_for(piece, wanted, returned, &mut found) else {
                return false;
            };
            for it in &found[..count] {
                let kind = match it.categories {
                    of if of & PRESENT == 0 => PageKind::Swapped,
                    of if of & HUGE != 0 => PageKind::Huge,
                    _ => PageKind::Small,
                };
                each(Run { range: AddressRange::new(it.start, it.end), kind });
            }
            if reached <= at {
                return false;
            }
            at = reached;
            look = match begun.elapsed() > LONG_LOOK {
                true => (look / 2).max(LEAST_LOOK),
                false if count == 0 => (look * 2).min(LONGEST_LOOK),
                false => look.max(SHORTEST_LOOK),
            };
        }
        true
    }

    /// Reads the entries of the pages from `address` on; returns how many.
    ///
    /// The kernel holds the lock of the target's mappings for those of 2 MiB at a time.
    pub(crate) fn read_entries(&self, address: u64, entries: &mut [Entry]) -> usize {
        let mut bytes = [0; 32 << 10];
        let max = bytes.len().min(entries.len() * 8);
        let count = self.entries(address, &mut bytes[..max]);
        for (entry, bytes) in entries.iter_mut().zip(bytes[..count].as_chunks().0) {
            *entry = Entry::from_bytes(*bytes);
        }
        count / 8
    }

    fn scanned_bytes(&self, range: AddressRange) -> Option<u64> {
        let mut found = [PageRegion::default(); 512];
        let (mut bytes, mut at, mut look) = (0_u64, range.start, SHORTEST_LOOK);
        while at < range.end {
            let piece = AddressRange::new(at, range.end.min(at.saturating_add(look)));
            let (count, reached) =
                self.scan(piece, Wanted::all(PRESENT | ZERO_PAGE, ZERO_PAGE), &mut found).ok()?;
            let counted = found[..count].iter().map(|it| it.end.saturating_sub(it.start));
            bytes = bytes.saturating_add(counted.fold(0, u64::saturating_add));
            if reached <= at {
                return None;
            }
            at = reached;
            look = if count == 0 { (look * 2).min(LONGEST_LOOK) } else { SHORTEST_LOOK };
        }
        Some(bytes)
    }

    fn counted_bytes(&self, range: AddressRange) -> Option<u64> {
        if range.virtual_bytes() > MAX_BY_PAGE {
            return None;
        }
        let mut entries = [0; 32 << 10];
        let (mut pages, mut at) = (0_u64, range.start);
        while at < range.end {
            let left = (range.end - at).div_ceil(self.page_bytes).saturating_mul(8);
            let max = entries.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = self.entries(at, &mut entries[..max]);
            if count < 8 {
                return None;
            }
            let present = entries[..count].chunks_exact(8).filter(|entry| is_present(entry));
            pages += present.count() as u64;
            at = at.saturating_add(count as u64 / 8 * self.page_bytes);
        }
        Some(pages.saturating_mul(self.page_bytes))
    }

    fn entries(&self, address: u64, entries: &mut [u8]) -> usize {
        let offset = address / self.page_bytes * 8;
        self.file.read_at(entries, offset).unwrap_or(0) / 8 * 8
    }

    /// Returns the parts of `range` whose pages are present or swapped out, without pages of zeros
    /// and, if only `anonymous` ones are wanted, without those that are as in a file. Ends early
    /// where the kernel does.
    pub(crate) fn populated(&self, range: AddressRange, anonymous: bool) -> Vec<AddressRange> {
        let mut parts: Vec<AddressRange> = Vec::new();
        let mut add = |start: u64, end: u64| match parts.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => parts.push(AddressRange::new(start, end)),
        };
        let end = range.end.min(1 << 62);
        let (mut at, mut look) = (range.start - range.start % self.page_bytes, SHORTEST_LOOK);
        let mut found = [PageRegion::default(); 512];
        let mut entries = [0; 32 << 10];
        while at < end {
            if self.scans {
                let piece = AddressRange::new(at, end.min(at.saturating_add(look)));
                let absent = if anonymous { OF_FILE | ZERO_PAGE } else { ZERO_PAGE };
                let wanted = Wanted { all: absent, absent, any: PRESENT | SWAPPED };
                let Ok((count, reached)) = self.scan(piece, wanted, &mut found) else { break };
                found[..count].iter().for_each(|it| add(it.start, it.end));
                if reached <= at {
                    break;
                }
                at = reached;
                look = if count == 0 { (look * 2).min(LONGEST_LOOK) } else { SHORTEST_LOOK };
            } else {
                let left = (end - at).div_ceil(self.page_bytes).saturating_mul(8);
                let max = entries.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let count = self.entries(at, &mut entries[..max]);
                if count < 8 {
                    break;
                }
                for entry in entries[..count].as_chunks().0 {
                    let entry = Entry::from_bytes(*entry);
                    let of_file = anonymous && entry.is_of_file();
                    if (entry.is_present() || entry.is_swapped()) && !of_file {
                        add(at, at + self.page_bytes);
                    }
                    at += self.page_bytes;
                }
            }
        }
        parts
    }

    /// Finds the pages in `range` that are `wanted`; returns the number of runs and the end of the
    /// scan.
    fn scan(
        &self,
        range: AddressRange,
        wanted: Wanted,
        found: &mut [PageRegion],
    ) -> io::Result<(usize, u64)> {
        self.scan_for(range, wanted, PRESENT, found)
    }

    /// The same, with the categories that are `returned` of each run.
    fn scan_for(
        &self,
        range: AddressRange,
        wanted: Wanted,
        returned: u64,
        found: &mut [PageRegion],
    ) -> io::Result<(usize, u64)> {
        let mut argument = ScanArgument {
            size: size_of::<ScanArgument>() as u64,
            start: range.start,
            end: range.end,
            vec: found.as_mut_ptr() as u64,
            vec_len: found.len() as u64,
            // This also bounds the walk under the lock of the target's mappings.
            max_pages: (SHORTEST_LOOK / self.page_bytes).max(1),
            category_inverted: wanted.absent,
            category_mask: wanted.all,
            category_anyof_mask: wanted.any,
            return_mask: returned,
            ..ScanArgument::default()
        };
        // SAFETY: `argument` is a `pm_scan_arg` of the size it says, and its `vec` is room for
        // `vec_len` regions that outlives the call.
        let count = unsafe { libc::ioctl(self.file.as_raw_fd(), SCAN as _, &raw mut argument) };
        match usize::try_from(count) {
            Ok(count) => Ok((count.min(found.len()), argument.walk_end)),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }
}

fn is_present(entry: &[u8]) -> bool {
    entry.first_chunk().is_some_and(|entry| Entry::from_bytes(*entry).is_present())
}

//! Which sampled pages are present, a window of pages at a time.

use std::path::Path;

use crate::linux::facts::pagemap::{Pagemap, WINDOW_PAGES};
use crate::linux::system::page_size_bytes;
use crate::stacks::live::Presence;

/// The bytes of a huge page.
const HUGE_BYTES: u64 = 2 << 20;

/// The pages of a process.
pub(crate) struct Pages {
    pagemap: Pagemap,
    page_bytes: u64,
    /// The start of the last window, and the pages in it that are present.
    window: Option<(u64, u64)>,
}

impl Pages {
    /// Opens those of a process; `None` if they cannot be read, as of one that has ended.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        let pagemap = Pagemap::open(folder).ok()?;
        Some(Self { pagemap, page_bytes: page_size_bytes(), window: None })
    }
}

impl Presence for Pages {
    fn bytes(&mut self, page: u64, is_new: bool) -> Option<u64> {
        let pagemap = &self.pagemap;
        let bytes = WINDOW_PAGES * self.page_bytes;
        let start = page - page % bytes;
        let bits = match self.window {
            Some((at, bits)) if at == start => bits,
            _ => pagemap.window(start),
        };
        self.window = Some((start, bits));
        if bits >> ((page - start) / self.page_bytes) & 1 == 0 {
            return None;
        }
        let is_huge = is_new && pagemap.is_huge(page) == Some(true);
        Some(if is_huge { HUGE_BYTES } else { self.page_bytes })
    }
}

//! The options of a page, and the snapshot it shows.

use vmrec_sampler::{Host, MallocZone, Naming, ProcessInfo, Program, RegionPages};

use crate::map_page::size::SizeFormat;
use crate::map_page::vmmap::size::VmmapSize;

/// Whose lines a page has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageLayout {
    /// vmrec's own, which keep to the width of a terminal.
    #[default]
    Own,
    /// vmmap's of macOS 11 to 26, with every size.
    Vmmap,
}

/// The contents of the page, in vmmap's terms. By default: the virtual size of each region, adjacent identical ones as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageOptions {
    /// Whose lines the page has.
    pub layout: PageLayout,
    /// Terminal cells in a line, kept to as far as the columns allow; `None` to cut nothing.
    pub width: Option<usize>,
    /// Whose words types have.
    pub naming: Naming,
    /// Show each region's resident size.
    pub resident: bool,
    /// Show each region's written and swapped sizes.
    pub dirty: bool,
    /// Show how purgeable each region is.
    pub purge: bool,
    /// Show sizes in pages instead of K and M.
    pub pages: bool,
    /// Show all regions by ascending address instead of those that cannot be written to first.
    pub interleaved: bool,
    /// Describe VM submaps.
    pub submap: bool,
    /// Show the library pages that are shared with other processes.
    pub all_split_libs: bool,
    /// Show adjacent identical regions one by one.
    pub no_coalesce: bool,
    /// Show how sure each type is and the rule that decided.
    pub rules: bool,
    /// Leave the regions out.
    pub summary: bool,
    /// Colour changes.
    pub color: bool,
}

impl PageOptions {
    pub(crate) fn vmmap_sizes(&self, page_bytes: u64) -> VmmapSize {
        if self.pages { VmmapSize::Pages(page_bytes.max(1)) } else { VmmapSize::Bytes }
    }

    pub(crate) fn sizes(&self, page_bytes: u64) -> SizeFormat {
        if self.pages { SizeFormat::Pages(page_bytes.max(1)) } else { SizeFormat::Bytes }
    }
}

/// Whose page it is.
#[derive(Clone, Copy, Debug)]
pub struct PageSource<'a> {
    /// The process.
    pub process: &'a ProcessInfo,
    /// The name of the process that started it, where it is known. Escaped here.
    pub parent: Option<&'a str>,
    /// The machine it runs on.
    pub host: &'a Host,
    /// What its bundle and its system say of its program; `None` of a process that was recorded.
    pub program: Option<&'a Program>,
    /// malloc's zones; `None` where they are not known.
    pub zones: Option<&'a [MallocZone]>,
    /// The states of the pages of regions that the page divides, as far as they are known.
    pub pages: &'a [RegionPages],
}

impl<'a> PageSource<'a> {
    /// Creates that of a process that was recorded.
    pub const fn recorded(process: &'a ProcessInfo, host: &'a Host) -> Self {
        Self { process, parent: None, host, program: None, zones: None, pages: &[] }
    }
}

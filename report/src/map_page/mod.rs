//! The page that vmmap(1) prints: a process's regions line by line, a legend
//! and sums by type; or what changed between two such pages.

mod delta;
mod extras;
mod flags;
mod header;
mod legend;
mod lines;
mod row;
mod size;
mod totals;

use jiff::tz::TimeZone;
use vmrec_sampler::{Host, ProcessInfo, Region, Snapshot};

use lines::Columns;
use row::Row;
use size::Sizes;

pub use delta::delta_text;

/// What the page shows, in vmmap's terms. By default: the virtual size of each region, adjacent identical ones as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageOptions {
    /// Terminal cells in a line, kept to as far as the columns allow; `None` to cut nothing.
    pub width: Option<usize>,
    /// Show each region's resident size.
    pub resident: bool,
    /// Show each region's written and swapped sizes.
    pub dirty: bool,
    /// Show how purgeable each region is.
    pub purge: bool,
    /// Tell sizes in pages instead of K and M.
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
}

impl PageOptions {
    fn sizes(&self, page_bytes: u64) -> Sizes {
        if self.pages { Sizes::Pages(page_bytes.max(1)) } else { Sizes::Bytes }
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
}

/// Returns the page of one snapshot.
pub fn page_text(
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    options: &PageOptions,
    time_zone: &TimeZone,
) -> String {
    let regions = &snapshot.regions;
    let sizes = options.sizes(source.host.page_size_bytes);
    let width = options.width.unwrap_or(usize::MAX);
    let pid = source.process.id.pid;
    let mut text = header::header(source, snapshot, None, options, time_zone);
    let rows = |chosen: &dyn Fn(&&Region) -> bool| {
        row::rows(regions.iter().filter(chosen), !options.no_coalesce, options.rules)
    };
    let lists = if options.interleaved {
        vec![("Regions", rows(&|_| true))]
    } else {
        vec![
            ("Non-writable regions", rows(&|region| !totals::is_writable(region))),
            ("Writable regions", rows(&|region| totals::is_writable(region))),
        ]
    };
    let all: Vec<Row> = lists.iter().flat_map(|(_, rows)| rows.iter().cloned()).collect();
    if !options.summary {
        let columns = Columns::of(options, sizes, &all);
        for (title, rows) in &lists {
            text.push_str(&format!("\n==== {title} for process {pid}\n"));
            columns.heading(&mut text);
            rows.iter().for_each(|row| columns.row(&mut text, "", row));
        }
        text.push_str("\n==== Legend\n");
        text.push_str(&legend::modes(&all, options.purge));
    }
    let submaps = extras::submaps(regions);
    if options.submap && !submaps.is_empty() {
        text.push_str(&format!("\n==== Submaps of process {pid}\n"));
        text.push_str(&extras::submap_table(&submaps, sizes).render(width, false));
    }
    if options.all_split_libs {
        text.push_str(&format!("\n==== Shared clean library pages of process {pid}\n"));
        text.push_str(&extras::shared_library_pages(regions, sizes).render(width, false));
    }
    text.push_str(&format!("\n==== Summary for process {pid}\n"));
    text.push_str(&totals::portions(regions, sizes, width));
    text.push('\n');
    let purgeable = source.host.os != "linux";
    text.push_str(&totals::by_type(regions, sizes, purgeable).render(width, false));
    text.push('\n');
    let heaps = totals::heaps(regions, sizes);
    if let Some(heaps) = &heaps {
        text.push_str(&heaps.render(width, false));
        text.push('\n');
    }
    text.push_str(&legend::notes(source.host, options, &submaps, heaps.is_some()));
    text
}

#[cfg(test)]
mod tests;

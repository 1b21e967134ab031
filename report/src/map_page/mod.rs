//! The page that vmmap(1) prints: a process's regions line by line, a legend
//! and sums by type; or what changed between two such pages.

pub(crate) mod choice;
pub(crate) mod delta;
pub(crate) mod extras;
pub(crate) mod flags;
pub(crate) mod header;
pub(crate) mod legend;
pub(crate) mod lines;
pub(crate) mod options;
pub(crate) mod row;
pub(crate) mod size;
#[cfg(test)]
mod tests;
pub(crate) mod totals;
pub(crate) mod vmmap;

use jiff::tz::TimeZone;
use vmrec_sampler::{Region, Snapshot};

use crate::counting::Counting;
use crate::map_page::choice::{Chosen, RowChoice};
use crate::map_page::legend::Heaps;
use crate::map_page::lines::Columns;
use crate::map_page::options::{PageLayout, PageOptions, PageSource};
use crate::map_page::row::{PageRow, is_listed};

/// Returns the page of one snapshot, with the rows of `choice`; its sums are of all regions.
pub fn page_text(
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    options: &PageOptions,
    choice: &RowChoice,
    time_zone: &TimeZone,
) -> String {
    // Rules need columns that vmmap has not, and it chooses no rows.
    if options.layout == PageLayout::Vmmap && !options.rules && !choice.is_made() {
        return crate::map_page::vmmap::page(source, snapshot, options, time_zone);
    }
    let regions = &snapshot.regions;
    let sizes = options.sizes(source.host.page_size_bytes);
    let width = options.width.unwrap_or(usize::MAX);
    let pid = source.process.id.pid_text();
    let mut text = crate::map_page::header::header(source, snapshot, None, options, time_zone);
    if let Some(why) = snapshot.consistency.totals_alone() {
        text.push_str(&crate::map_page::header::unread(why, width));
        return text;
    }
    let rows = |chosen: &dyn Fn(&&Region) -> bool| {
        crate::map_page::row::rows(
            regions.iter().filter(|region| is_listed(region)).filter(chosen),
            !options.no_coalesce,
            options.rules,
        )
    };
    let lists = if options.interleaved || choice.is_made() {
        vec![choice.among(rows(&|_| true))]
    } else {
        let (read_only, writable) = (
            rows(&|region| !crate::map_page::totals::is_writable(region)),
            rows(&|region| crate::map_page::totals::is_writable(region)),
        );
        vec![
            Chosen::all("Non-writable regions", read_only),
            Chosen::all("Writable regions", writable),
        ]
    };
    let all: Vec<PageRow> = lists.iter().flat_map(|list| list.rows.iter().cloned()).collect();
    let only_sums = !regions.is_empty() && !regions.iter().any(is_listed);
    if only_sums {
        text.push_str("\nOnly sums by type are known of this process: no regions are listed.\n");
    } else if !options.summary {
        let columns = Columns::of(options, sizes, &all);
        for list in &lists {
            text.push_str(&format!("\n==== {} for process {pid}\n", list.title));
            columns.heading(&mut text);
            list.rows.iter().for_each(|row| columns.row(&mut text, "", row));
            text.push_str(&list.remainder().unwrap_or_default());
        }
        text.push_str("\n==== Legend\n");
        text.push_str(&crate::map_page::legend::modes(&all, options.purge));
    }
    let submaps = crate::map_page::extras::submaps(regions);
    if options.submap && !submaps.is_empty() {
        text.push_str(&format!("\n==== Submaps of process {pid}\n"));
        text.push_str(&crate::map_page::extras::submap_table(&submaps, sizes).render(width, false));
    }
    if options.all_split_libs {
        text.push_str(&format!("\n==== Shared clean library pages of process {pid}\n"));
        text.push_str(
            &crate::map_page::extras::shared_library_pages(regions, sizes).render(width, false),
        );
    }
    text.push_str(&format!("\n==== Summary for process {pid}\n"));
    if regions.iter().all(is_listed) {
        text.push_str(&crate::map_page::totals::portions(regions, sizes, width));
    }
    let purgeable = source.host.os != "linux";
    if !purgeable {
        text.push_str(&crate::map_page::totals::given_back(regions, sizes));
    }
    text.push('\n');
    text.push_str(
        &crate::map_page::totals::by_type(regions, sizes, purgeable, options.naming)
            .render(width, false),
    );
    text.push('\n');
    let heaps = crate::map_page::totals::heaps(regions, sizes);
    if let Some(heaps) = &heaps {
        text.push_str(&heaps.render(width, false));
        text.push('\n');
    }
    if !options.summary && options.rules {
        text.push_str("\n==== Rules that gave these types\n");
        text.push_str(&crate::map_page::legend::rules(&all));
        text.push('\n');
    }
    text.push_str(&crate::map_page::legend::notes(
        source.host,
        options,
        &submaps,
        if heaps.is_some() { Heaps::Arenas } else { Heaps::Unknown },
        Counting::of(snapshot),
    ));
    text
}

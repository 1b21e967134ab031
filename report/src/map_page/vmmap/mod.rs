//! The page in vmmap's own layout, that of macOS 11 to 26: what reads vmmap's page reads this one.
//!
//! Lines that vmmap has and vmrec cannot know are left out, not made up; what vmrec adds stands
//! below vmmap's last line. Cutting to a terminal's width is left to vmmap's rule: names of types
//! lose what is beyond their column, unless `-w` is given.

pub(crate) mod header;
pub(crate) mod libraries;
pub(crate) mod lines;
pub(crate) mod size;
pub(crate) mod sums;
#[cfg(test)]
mod tests;
pub(crate) mod zones;

use jiff::tz::TimeZone;
use vmrec_sampler::{Region, Snapshot};

use crate::counting::Counting;
use crate::map_page::extras;
use crate::map_page::header as own_header;
use crate::map_page::legend::{self, Heaps};
use crate::map_page::options::{PageOptions, PageSource};
use crate::map_page::row::{PageRow, is_listed, rows};
use crate::map_page::totals::is_writable;
use crate::map_page::vmmap::libraries::Parts;

/// The codes of the lists: vmmap lists all of them, used or not.
const LEGEND: &str = "\n==== Legend
SM=sharing mode:
\tCOW=copy_on_write PRV=private NUL=empty ALI=aliased
\tSHM=shared ZER=zero_filled S/A=shared_alias
PURGE=purgeable mode:
\tV=volatile N=nonvolatile E=empty   otherwise is unpurgeable
";

/// Returns the page of one snapshot.
pub(crate) fn page(
    source: &PageSource<'_>,
    snapshot: &Snapshot,
    options: &PageOptions,
    time_zone: &TimeZone,
) -> String {
    let regions = &snapshot.regions;
    let sizes = options.vmmap_sizes(source.host.page_size_bytes);
    let pid = source.process.id.pid_text();
    let any_listed = regions.iter().any(is_listed);
    let lists = any_listed && !options.summary;
    let mut text = header::header(source, snapshot, lists, time_zone);
    if let Some(why) = snapshot.consistency.totals_alone() {
        return text + &own_header::unread(why, usize::MAX);
    }
    let mut parts = Parts::of(snapshot, source.pages);
    zones::name(&mut parts.regions, source.zones.unwrap_or_default());
    if lists {
        let regions = &parts.regions;
        let rows = |chosen: &dyn Fn(&&Region) -> bool| {
            rows(
                regions.iter().filter(|region| is_listed(region)).filter(chosen),
                !options.no_coalesce,
                false,
            )
        };
        let mut list = |title: &str, rows: Vec<PageRow>| {
            text.push_str(&format!("\n==== {title}\n{}\n", lines::HEADING));
            rows.iter().for_each(|row| lines::row(&mut text, row, options, sizes));
        };
        if options.interleaved {
            let title = format!(
                "regions for process {pid}  (non-writable and writable regions are interleaved)"
            );
            list(&title, rows(&|_| true));
        } else {
            list(&format!("Non-writable regions for process {pid}"), rows(&|r| !is_writable(r)));
            list(&format!("Writable regions for process {pid}"), rows(&|r| is_writable(r)));
        }
        text.push_str(LEGEND);
        let unknown = |region: &Region| region.share_mode.is_none();
        if regions.iter().filter(|region| is_listed(region)).any(unknown) {
            text.push_str("\t-=unknown\n");
        }
        text.push_str(&format!("\n==== Summary for process {pid}\n"));
    }
    // Sums of parts whose sizes are not known would be too small.
    let summed = if parts.known == Some(true) { &parts.regions } else { regions };
    if regions.iter().all(is_listed) {
        text.push_str(&sums::portions(summed, sizes));
        text.push('\n');
    }
    let heaps = crate::map_page::totals::heaps(regions, crate::map_page::size::SizeFormat::Bytes);
    let in_zones = heaps.is_some() || source.zones.is_some();
    text.push_str(&sums::by_type(summed, sizes, options.naming, in_zones));
    text.push('\n');
    if let Some(heaps) = &heaps {
        text.push_str(&heaps.render(usize::MAX, false));
        text.push('\n');
    }
    if let Some(zones) = source.zones {
        text.push_str(&zones::table(zones, regions, sizes));
        text.push('\n');
    }
    let submaps = extras::submaps(regions);
    let own_sizes = options.sizes(source.host.page_size_bytes);
    if options.submap && !submaps.is_empty() {
        text.push_str(&format!("==== Submaps of process {pid}\n"));
        text.push_str(&extras::submap_table(&submaps, own_sizes).render(usize::MAX, false));
        text.push('\n');
    }
    if options.all_split_libs {
        text.push_str(&format!("==== Shared clean library pages of process {pid}\n"));
        text.push_str(&extras::shared_library_pages(regions, own_sizes).render(usize::MAX, false));
        text.push('\n');
    }
    if !any_listed && !regions.is_empty() {
        text.push_str("Only sums by type are known of this process: no regions are listed.\n");
    }
    if source.host.os == "linux" && snapshot.totals.footprint_bytes.is_some() {
        text.push_str("Physical footprint is derived: anonymous + swapped memory.\n");
    }
    let counting = Counting::of(snapshot);
    let heaps_known = match source.zones {
        Some(_) => Heaps::Zones,
        None if heaps.is_some() => Heaps::Arenas,
        None => Heaps::Unknown,
    };
    text.push_str(&legend::notes(source.host, options, &submaps, heaps_known, counting));
    text.push_str(match parts.known {
        None => "",
        Some(true) => "A page of the shared cache that libraries share counts in each by its bytes there.\n",
        Some(false) => {
            "The sums have regions of the shared cache as a whole: sizes in memory of the libraries in\n\
             them are not known.\n"
        }
    });
    text
}

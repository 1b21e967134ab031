//! vmmap's sums: its two sentences on libraries and writable memory, and its table of types.

use std::collections::BTreeMap;

use unicode_width::UnicodeWidthStr;
use vmrec_sampler::{Naming, Region, RegionType, sort_by};

use crate::map_page::totals::{COLUMNS, Portions, Sum, is_reserved};
use crate::map_page::vmmap::size::VmmapSize;
use crate::text::escape;

/// The heading of the sums by type.
const HEADING: &str =
    "                                VIRTUAL RESIDENT    DIRTY  SWAPPED VOLATILE   NONVOL    EMPTY   REGION
REGION TYPE                        SIZE     SIZE     SIZE     SIZE     SIZE     SIZE     SIZE    COUNT (non-coalesced)
";
/// The lines around the types.
const RULER: &str = "===========                     ======= ========    =====  ======= ========   ======    =====  =======\n";
/// The cells of a name.
const NAME: usize = 31;

/// Returns vmmap's two lines on libraries and writable regions.
pub(crate) fn portions(regions: &[Region], sizes: VmmapSize) -> String {
    let Portions { libraries, writable } = Portions::of(regions);
    let part = |bytes, whole| sizes.part(bytes, whole);
    format!(
        "ReadOnly portion of Libraries: Total={} resident={} swapped_out_or_unallocated={}\n\
         Writable regions: Total={} written={} resident={} swapped_out={} unallocated={}\n",
        sizes.text(Some(libraries.total)),
        part(libraries.resident, libraries.total),
        part(libraries.absent, libraries.total),
        sizes.text(Some(writable.total)),
        part(writable.written, writable.total),
        part(writable.resident, writable.total),
        part(writable.swapped, writable.total),
        part(writable.absent, writable.total),
    )
}

/// Returns the sums by type, in the order of their names; `zones` is whether a table of them follows.
pub(crate) fn by_type(regions: &[Region], sizes: VmmapSize, naming: Naming, zones: bool) -> String {
    let mut types: BTreeMap<&RegionType, Sum> = BTreeMap::new();
    for region in regions {
        types.entry(&region.identity.label.region_type).or_default().add(region);
    }
    let mut types: Vec<_> = types
        .into_iter()
        .map(|(region_type, sum)| (escape::terminal(region_type.label(naming)).into_owned(), sum))
        .collect();
    sort_by(&mut types, |(one, _), (other, _)| one.cmp(other));
    let mut text = format!("{HEADING}{RULER}");
    for (name, sum) in &types {
        let note = match () {
            () if name.ends_with(" (reserved)") => "reserved VM address space (unallocated)",
            () if zones && name.starts_with("MALLOC") => "see MALLOC ZONE table below",
            () => "",
        };
        line(&mut text, name, sum, sizes, note);
    }
    text.push_str(RULER);
    let all = Sum::of(regions);
    line(&mut text, "TOTAL", &all, sizes, "");
    let real = Sum::of(regions.iter().filter(|region| !is_reserved(region, naming)));
    // vmmap has the line only where it differs.
    if real.amounts.regions != all.amounts.regions {
        line(&mut text, "TOTAL, minus reserved VM space", &real, sizes, "");
    }
    text
}

fn line(text: &mut String, name: &str, sum: &Sum, sizes: VmmapSize, note: &str) {
    let mut line = format!("{name}{}", " ".repeat(NAME.saturating_sub(name.width())));
    for (index, metric) in COLUMNS.into_iter().enumerate() {
        let gap = if index == 0 { "" } else { " " };
        line.push_str(&format!("{gap}{:>8}", sizes.text(sum.amounts.get(metric))));
    }
    for bytes in sum.purgeable() {
        line.push_str(&format!(" {:>8}", sizes.text(bytes)));
    }
    line.push_str(&format!(" {:>8}", sum.amounts.regions));
    if !note.is_empty() {
        line.push_str(&format!("         {note}"));
    }
    text.push_str(&line);
    text.push('\n');
}

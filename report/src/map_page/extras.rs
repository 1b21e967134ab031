//! Lists that options add: submaps, and the pages of libraries that others hold too.

use std::collections::BTreeMap;

use vmrec_sampler::{AddressRange, Family, Quantity, Region, Rule, sort_by_key};

use crate::map_page::flags::submap_depth;
use crate::map_page::size::SizeFormat;
use crate::text::table::{Align, Cell, Column, Table};

/// A run of regions in submaps of one depth, with nothing of the process's own between them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Submap {
    /// From its first region to its last; gaps between them are inside.
    pub(crate) range: AddressRange,
    depth: u32,
    regions: u64,
}

/// Returns the submaps that `regions` lie in, by ascending address.
pub(crate) fn submaps(regions: &[Region]) -> Vec<Submap> {
    let mut submaps: Vec<Submap> = Vec::new();
    let mut inside = None;
    for region in regions {
        let range = region.identity.range;
        let depth = submap_depth(&region.identity);
        match (depth, submaps.last_mut()) {
            (Some(depth), Some(last)) if inside == Some(depth) => {
                last.range.end = last.range.end.max(range.end);
                last.regions += 1;
            }
            (Some(depth), _) => submaps.push(Submap { range, depth, regions: 1 }),
            (None, _) => {}
        }
        inside = depth;
    }
    submaps
}

/// Returns the submaps as a table.
pub(crate) fn submap_table(submaps: &[Submap], sizes: SizeFormat) -> Table {
    let mut table = Table::new(
        vec![
            Column::new("SUBMAP", Align::Left),
            Column::new("VIRTUAL", Align::Right),
            Column::new("DEPTH", Align::Right),
            Column::new("REGIONS", Align::Right),
        ],
        0,
        MIN_NAME,
    );
    for submap in submaps {
        let cells = [
            submap.range.to_string(),
            sizes.text(Some(submap.range.virtual_bytes())),
            submap.depth.to_string(),
            submap.regions.to_string(),
        ];
        table.row(cells.iter().map(|text| Cell::new(text)).collect());
    }
    table
}

const MIN_NAME: usize = 25;

/// Returns the resident bytes of `region` that are unwritten and mapped by other processes too.
fn shared_clean(region: &Region) -> Option<u64> {
    let get = |quantity| region.quantities.get(quantity);
    let shared = region.quantities.shared_bytes()?;
    let dirty = get(Quantity::Dirty)?;
    // macOS does not say which written pages are private; where none is written, or none is
    // shared, it does not matter.
    let shared_dirty = match get(Quantity::PrivateDirty) {
        Some(private) => dirty.saturating_sub(private),
        None if dirty == 0 || shared == 0 => 0,
        None => return None,
    };
    Some(shared.saturating_sub(shared_dirty))
}

/// Returns the clean pages of each library that other processes map too, the most first; `-` for a
/// library some of whose are not known, at the end.
pub(crate) fn shared_library_pages(regions: &[Region], sizes: SizeFormat) -> Table {
    let mut libraries: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    let mut total = Some(0_u64);
    let plus = |sum: Option<u64>, bytes: Option<u64>| Some(sum?.saturating_add(bytes?));
    for region in regions {
        let identity = &region.identity;
        if identity.label.region_type.family() != Family::Image {
            continue;
        }
        // The libraries of macOS's shared cache have no file of their own.
        let name = match (&identity.object, &identity.label.detail) {
            (Some(object), _) if object.name.starts_with('/') => &*object.name,
            (None, Some(detail)) if identity.label.rule == Rule::SharedCache => detail,
            _ => continue,
        };
        let bytes = shared_clean(region);
        let sum = libraries.entry(name).or_insert(Some(0));
        *sum = plus(*sum, bytes);
        total = plus(total, bytes);
    }
    let mut libraries: Vec<_> =
        libraries.into_iter().filter(|(_, bytes)| *bytes != Some(0)).collect();
    sort_by_key(&mut libraries, |(_, bytes)| std::cmp::Reverse(*bytes));
    let columns =
        vec![Column::new("SHARED CLEAN", Align::Right), Column::new("LIBRARY", Align::Left)];
    let mut table = Table::new(columns, 1, MIN_NAME);
    for (name, bytes) in libraries {
        table.row(vec![sizes.cell(bytes), Cell::new(name)]);
    }
    table.sum(vec![sizes.cell(total), Cell::new("TOTAL")]);
    table
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vmrec_sampler::types;

    use super::*;
    use crate::fixture::region;

    #[test]
    fn submaps_end_where_the_process_has_memory_of_its_own() {
        let at = |start: u64, flags: &str| {
            let mut region = region(start..start + 0x1000, types::TEXT, Some("/lib"), &[]);
            Arc::make_mut(&mut region.identity).flags = flags.into();
            region
        };
        let regions = [
            at(0x1000, "tag=0"),
            at(0x3000, "tag=0 depth=1 submap"),
            at(0x5000, "tag=0 depth=1 submap"),
            at(0x6000, "tag=0 depth=2 submap"),
            at(0x7000, "tag=7 purge=N"),
            at(0x8000, "submap"),
        ];
        let submap = |start, end, depth, regions| Submap {
            range: AddressRange::new(start, end),
            depth,
            regions,
        };
        assert_eq!(
            submaps(&regions),
            [
                submap(0x3000, 0x6000, 1, 2),
                submap(0x6000, 0x7000, 2, 1),
                submap(0x8000, 0x9000, 1, 1)
            ]
        );
    }

    #[test]
    fn written_pages_are_not_clean() {
        let known = [
            (Quantity::Resident, 100),
            (Quantity::Private, 30),
            (Quantity::Dirty, 25),
            (Quantity::PrivateDirty, 5),
        ];
        assert_eq!(shared_clean(&region(0..4096, types::TEXT, None, &known)), Some(50));
        assert_eq!(shared_clean(&region(0..4096, types::TEXT, None, &known[..3])), None);
        let clean = [(Quantity::Resident, 100), (Quantity::Private, 30), (Quantity::Dirty, 0)];
        assert_eq!(shared_clean(&region(0..4096, types::TEXT, None, &clean)), Some(70));
    }

    #[test]
    fn libraries_of_macos_are_listed_and_unknown_is_no_zero() {
        let at = |start: u64, path, dirty| {
            let known =
                [(Quantity::Resident, 8192), (Quantity::Private, 0), (Quantity::Dirty, dirty)];
            region(start..start + 0x4000, types::TEXT, path, &known)
        };
        let mut cache = at(0x9_0000, None, 0);
        let label = &mut Arc::make_mut(&mut cache.identity).label;
        label.detail = Some("dyld shared cache, 812 libraries".into());
        label.rule = Rule::SharedCache;
        let regions = [at(0x1_0000, Some("/bin/demo"), 0), at(0x5_0000, Some("/lib/x"), 1), cache];
        let text = shared_library_pages(&regions, SizeFormat::Bytes).render(80, false);
        insta::assert_snapshot!(text, @r"
        SHARED CLEAN  LIBRARY
        ============  ================================
                  8K  /bin/demo
                  8K  dyld shared cache, 812 libraries
                   -  /lib/x
        ============  ================================
                   -  TOTAL
        ");
    }
}

//! The sums under the lists of regions.

use std::collections::BTreeMap;

use vmrec_sampler::{
    Confidence, Family, Naming, Protection, Quantity, Region, RegionType, sort_by_key, types,
};

use crate::amounts::Amounts;
use crate::map_page::flags::Purge;
use crate::map_page::size::{SizeFormat, part};
use crate::metric::Metric;
use crate::text::table::{Align, Cell, Column, Table};

/// The columns of the sums by type that every system has.
pub(crate) const COLUMNS: [Metric; 4] =
    [Metric::Virtual, Metric::RESIDENT, Metric::Measured(Quantity::Dirty), Metric::SWAPPED];
/// The minimum number of cells a type is cut to before columns go.
const MIN_TYPE: usize = 18;
/// The alignment of each heap of a glibc arena, in bytes, on systems of 64 bits.
const ARENA_BYTES: u64 = 64 << 20;

/// Returns whether a region may be written to, which decides the list it is in.
pub(crate) fn is_writable(region: &Region) -> bool {
    region.identity.protection.contains(Protection::WRITE)
}

/// Returns a line on memory that the process gave back but that stays resident until the kernel
/// needs it (LazyFree, which only Linux reports), ended by a line break; nothing where there is none.
pub(crate) fn given_back(regions: &[Region], sizes: SizeFormat) -> String {
    let all: Amounts = regions.iter().collect();
    match all.get(Metric::Measured(Quantity::Reclaimable)) {
        None | Some(0) => String::new(),
        bytes => format!("Given back, resident until memory is needed: {}\n", sizes.text(bytes)),
    }
}

/// What vmmap says of libraries and of writable regions.
pub(crate) struct Portions {
    /// Of the parts of libraries that cannot be written to.
    pub(crate) libraries: Portion,
    /// Of writable regions.
    pub(crate) writable: Portion,
}

/// Some regions: their virtual size, and the parts of it.
pub(crate) struct Portion {
    pub(crate) total: u64,
    pub(crate) resident: Option<u64>,
    pub(crate) written: Option<u64>,
    pub(crate) swapped: Option<u64>,
    /// What is not in memory: of libraries also what is swapped out.
    pub(crate) absent: Option<u64>,
}

impl Portions {
    pub(crate) fn of(regions: &[Region]) -> Self {
        let is_library = |region: &&Region| {
            region.identity.label.region_type.family() == Family::Image && !is_writable(region)
        };
        let libraries: Amounts = regions.iter().filter(is_library).collect();
        let writable: Amounts = regions.iter().filter(|region| is_writable(region)).collect();
        let resident = |sum: &Amounts| known(sum, Metric::RESIDENT);
        let there =
            |sum: &Amounts| Some(resident(sum)?.saturating_add(known(sum, Metric::SWAPPED)?));
        Self {
            libraries: Portion::of(&libraries, resident(&libraries)),
            writable: Portion::of(&writable, there(&writable)),
        }
    }
}

impl Portion {
    fn of(sum: &Amounts, there: Option<u64>) -> Self {
        let total = sum.virtual_bytes;
        Self {
            total,
            resident: sum.get(Metric::RESIDENT),
            written: sum.get(Metric::Measured(Quantity::Dirty)),
            swapped: sum.get(Metric::SWAPPED),
            absent: there.map(|bytes| total.saturating_sub(bytes)),
        }
    }
}

/// Returns vmmap's two lines of sums, each ended by a line break and broken before its last parts if it is wider than `width`.
pub(crate) fn portions(regions: &[Region], sizes: SizeFormat, width: usize) -> String {
    let Portions { libraries, writable } = Portions::of(regions);
    let mut text = broken(
        &format!(
            "ReadOnly portion of Libraries: Total={} resident={}",
            sizes.text(Some(libraries.total)),
            part(sizes, libraries.resident, libraries.total),
        ),
        &format!("swapped_out_or_unallocated={}", part(sizes, libraries.absent, libraries.total)),
        width,
    );
    text.push_str(&broken(
        &format!(
            "Writable regions: Total={} written={} resident={}",
            sizes.text(Some(writable.total)),
            part(sizes, writable.written, writable.total),
            part(sizes, writable.resident, writable.total),
        ),
        &format!(
            "swapped_out={} unallocated={}",
            part(sizes, writable.swapped, writable.total),
            part(sizes, writable.absent, writable.total),
        ),
        width,
    ));
    text
}

/// Returns both parts on one line, or on two where that is wider than `width`.
pub(crate) fn broken(first: &str, second: &str, width: usize) -> String {
    let fits = first.len() + 1 + second.len() <= width;
    format!("{first}{}{second}\n", if fits { " " } else { "\n    " })
}

/// Returns the sum of `metric` if it is known of every region, so that it may be taken from a whole.
fn known(sum: &Amounts, metric: Metric) -> Option<u64> {
    sum.get(metric).filter(|_| sum.unknown_regions(metric) == 0)
}

/// One row of sums: those of [`Amounts`], and the virtual sizes by purge state.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) amounts: Amounts,
    purgeable: [u64; Purge::ALL.len()],
    /// Whether a region is a share of a sum, of which that is not known.
    purge_unknown: bool,
}

impl Sum {
    pub(crate) fn add(&mut self, region: &Region) {
        self.amounts.add(region);
        self.purge_unknown |= region.identity.known_protection().is_none();
        if let Some(state) = Purge::of(&region.identity) {
            let bytes = &mut self.purgeable[state as usize];
            *bytes = bytes.saturating_add(region.identity.range.virtual_bytes());
        }
    }

    pub(crate) fn of<'a>(regions: impl IntoIterator<Item = &'a Region>) -> Self {
        let mut sum = Self::default();
        regions.into_iter().for_each(|region| sum.add(region));
        sum
    }

    /// Returns the virtual sizes by purge state, where they are known.
    pub(crate) fn purgeable(&self) -> [Option<u64>; Purge::ALL.len()] {
        self.purgeable.map(|bytes| Some(bytes).filter(|_| !self.purge_unknown))
    }

    fn cells(&self, name: &str, sizes: SizeFormat, purgeable: bool) -> Vec<Cell> {
        let mut cells = vec![Cell::new(name)];
        cells.extend(COLUMNS.map(|metric| sizes.cell(self.amounts.get(metric))));
        if purgeable {
            cells.extend(self.purgeable().map(|bytes| sizes.cell(bytes)));
        }
        cells.push(Cell::new(&self.amounts.regions.to_string()));
        cells
    }
}

/// Returns whether a region is reserved address space, as the system counts it: on macOS what has
/// rights but no page, not what nobody may touch.
pub(crate) fn is_reserved(region: &Region, naming: Naming) -> bool {
    let region_type = &region.identity.label.region_type;
    region_type.family() == Family::Reserved
        && (naming == Naming::Linux || region_type.name().ends_with(" (reserved)"))
}

/// Returns the sums by type, in the order of their labels, with columns for purge states where the system has any.
pub(crate) fn by_type(
    regions: &[Region],
    sizes: SizeFormat,
    purgeable: bool,
    naming: Naming,
) -> Table {
    let all = Sum::of(regions);
    let mut table = empty("REGION TYPE", purgeable.then_some(&all));
    let mut types: BTreeMap<&RegionType, Sum> = BTreeMap::new();
    for region in regions {
        types.entry(&region.identity.label.region_type).or_default().add(region);
    }
    let mut types: Vec<_> =
        types.iter().map(|(region_type, sum)| (region_type.label(naming), sum)).collect();
    sort_by_key(&mut types, |(label, _)| *label);
    for (label, sum) in types {
        table.row(sum.cells(label, sizes, purgeable));
    }
    let real = Sum::of(regions.iter().filter(|region| !is_reserved(region, naming)));
    table.sum(all.cells("TOTAL", sizes, purgeable));
    // vmmap has the line only where it differs.
    if naming == Naming::Linux || real.amounts.regions != all.amounts.regions {
        table.sum(real.cells("TOTAL, minus reserved VM space", sizes, purgeable));
    }
    table
}

/// Returns glibc's heaps one by one; `None` where none is proved to be there.
///
/// A mapping that glibc's own headers or names prove is identified by its address
/// aligned to; which arena it is one of several heaps of is not known.
pub(crate) fn heaps(regions: &[Region], sizes: SizeFormat) -> Option<Table> {
    let mut heaps: BTreeMap<u64, Sum> = BTreeMap::new();
    let mut main = Sum::default();
    for region in regions {
        let label = &region.identity.label;
        if label.region_type == types::MALLOC_BRK {
            main.add(region);
        } else if label.region_type == types::MALLOC_ARENA && label.confidence == Confidence::Sure {
            heaps.entry(region.identity.range.start & !(ARENA_BYTES - 1)).or_default().add(region);
        }
    }
    if heaps.is_empty() {
        return None;
    }
    let mut table = empty("MALLOC ZONE", None);
    if main.amounts.regions > 0 {
        table.row(main.cells("glibc brk heap", sizes, false));
    }
    for (start, sum) in &heaps {
        table.row(sum.cells(&format!("glibc arena heap {start:x}"), sizes, false));
    }
    Some(table)
}

/// Returns a table with columns for purge states if there is a total of them; those of nothing may be left out.
fn empty(title: &'static str, purgeable: Option<&Sum>) -> Table {
    let mut columns = vec![Column::new(title, Align::Left)];
    columns.extend(COLUMNS.map(|metric| Column::new(metric.heading(), Align::Right)));
    if let Some(total) = purgeable {
        let states = ["VOLATILE", "NONVOL", "EMPTY"];
        columns.extend(states.iter().zip(total.purgeable).map(|(title, bytes)| {
            let column = Column::new(title, Align::Right);
            if bytes == 0 { column.droppable(1) } else { column }
        }));
    }
    columns.push(Column::new("COUNT", Align::Right));
    Table::new(columns, 0, MIN_TYPE)
}

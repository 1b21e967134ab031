//! The cells of an address map: regions, or many alike as one, with their changes.

use std::collections::HashMap;

use vmrec_sampler::{AddressRange, Family, Naming, Quantity, Region, Snapshot, sort_by_key};

use crate::diff::matching::Matched;

/// More regions alike than this are one cell.
const MAX_ALIKE: usize = 8;
/// The maximum number of cells: a picture of more would be too large, and show less.
const MAX_CELLS: usize = 380;

/// The change of a region since the other moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// It was there, or there is no other moment.
    Kept,
    /// It was not there before.
    New,
    /// It is no longer there.
    Gone,
}

/// One region, or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) fate: Fate,
    pub(crate) family: Family,
    /// The label of their type, or of their family where types differ.
    pub(crate) label: String,
    /// The object or detail of all of them.
    pub(crate) name: Option<String>,
    /// From the first address to the last.
    pub(crate) range: AddressRange,
    pub(crate) count: u64,
    pub(crate) virtual_bytes: u64,
    /// Known where it is of all of them.
    pub(crate) resident_bytes: Option<u64>,
    /// Change of the resident size since the other moment, where it is known.
    pub(crate) change: Option<i128>,
}

/// Returns the cells of a snapshot in the order of addresses, at most so many; where there is an
/// earlier one, with the changes since.
pub(crate) fn cells(later: &Snapshot, earlier: Option<&Snapshot>, naming: Naming) -> Vec<Cell> {
    let all = match earlier {
        None => later.regions.iter().map(|region| cell(region, Fate::Kept, None, naming)).collect(),
        Some(earlier) => changed(later, earlier, naming),
    };
    let mut cells = merged(
        all,
        &|cell: &Cell| {
            (cell.fate, cell.family, cell.label.clone(), cell.name.clone(), cell.virtual_bytes)
        },
        MAX_ALIKE,
    );
    if cells.len() > MAX_CELLS {
        let by_name =
            |cell: &Cell| (cell.fate, cell.family, cell.label.clone(), cell.name.clone(), 0);
        cells = merged(cells, &by_name, 1);
    }
    if cells.len() > MAX_CELLS {
        let by_type = |cell: &Cell| (cell.fate, cell.family, cell.label.clone(), None, 0);
        cells = merged(cells, &by_type, 1);
    }
    sort_by_key(&mut cells, |cell| (cell.range, cell.fate == Fate::Gone));
    cells
}

fn resident(region: &Region) -> Option<u64> {
    region.quantities.get(Quantity::Resident)
}

fn cell(region: &Region, fate: Fate, change: Option<i128>, naming: Naming) -> Cell {
    let identity = &region.identity;
    let detail = identity.label.detail.as_ref().map(ToString::to_string);
    let object = identity.object.as_ref().map(|object| object.name.to_string());
    Cell {
        fate,
        family: identity.label.region_type.family(),
        label: identity.label.region_type.label(naming).to_owned(),
        name: object.or(detail),
        range: identity.range,
        count: 1,
        virtual_bytes: identity.range.virtual_bytes(),
        resident_bytes: resident(region),
        change,
    }
}

/// Returns a cell for each region of either snapshot.
fn changed(later: &Snapshot, earlier: &Snapshot, naming: Naming) -> Vec<Cell> {
    let mut cells = Vec::new();
    for group in Matched::of(earlier, later).groups() {
        let of = |wanted: bool| {
            let entries = group.iter().filter(move |entry| entry.later == wanted);
            entries.map(|entry| entry.region).collect::<Vec<&Region>>()
        };
        let (before, after) = (of(false), of(true));
        let sum = |regions: &[&Region]| -> Option<u64> {
            regions.iter().try_fold(0u64, |sum, region| Some(sum.saturating_add(resident(region)?)))
        };
        let moved = |from: u64, to: u64| i128::from(to) - i128::from(from);
        if after.is_empty() {
            let gone = |region: &&Region| {
                cell(region, Fate::Gone, resident(region).map(|size| -i128::from(size)), naming)
            };
            cells.extend(before.iter().map(gone));
        } else if before.is_empty() {
            let new = |region: &&Region| {
                cell(region, Fate::New, resident(region).map(i128::from), naming)
            };
            cells.extend(after.iter().map(new));
        } else if let [only] = after.as_slice() {
            let change = sum(&before).zip(resident(only)).map(|(from, to)| moved(from, to));
            cells.push(cell(only, Fate::Kept, change, naming));
        } else {
            // Split or merged meanwhile: parts that cannot be distinguished count at the first of them.
            let change = sum(&before).zip(sum(&after)).map(|(from, to)| moved(from, to));
            for (at, region) in after.iter().enumerate() {
                let change = if at == 0 { change } else { change.map(|_| 0) };
                cells.push(cell(region, Fate::Kept, change, naming));
            }
        }
    }
    cells
}

type Key = (Fate, Family, String, Option<String>, u64);

/// Makes one cell of those with the same key, where there are more than `most`.
fn merged(cells: Vec<Cell>, key: &dyn Fn(&Cell) -> Key, most: usize) -> Vec<Cell> {
    let mut groups: HashMap<Key, Vec<usize>> = HashMap::new();
    for (at, cell) in cells.iter().enumerate() {
        groups.entry(key(cell)).or_default().push(at);
    }
    let mut first_of: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut inner = vec![false; cells.len()];
    for indexes in groups.into_values().filter(|indexes| indexes.len() > most) {
        indexes.iter().skip(1).for_each(|at| inner[*at] = true);
        if let Some(first) = indexes.first() {
            first_of.insert(*first, indexes.clone());
        }
    }
    let one = |at: usize| match first_of.get(&at) {
        None => cells[at].clone(),
        Some(indexes) => sum(indexes.iter().map(|at| &cells[*at]), &cells[at]),
    };
    (0..cells.len()).filter(|at| !inner[*at]).map(one).collect()
}

fn sum<'a>(cells: impl Iterator<Item = &'a Cell> + Clone, first: &Cell) -> Cell {
    let same_name = cells.clone().all(|cell| cell.name == first.name);
    Cell {
        name: first.name.clone().filter(|_| same_name),
        range: cells.clone().fold(first.range, |range, cell| {
            AddressRange::new(range.start.min(cell.range.start), range.end.max(cell.range.end))
        }),
        count: cells.clone().map(|cell| cell.count).sum(),
        virtual_bytes: cells
            .clone()
            .fold(0, |sum: u64, cell| sum.saturating_add(cell.virtual_bytes)),
        resident_bytes: cells
            .clone()
            .try_fold(0, |sum: u64, cell| Some(sum.saturating_add(cell.resident_bytes?))),
        change: cells.clone().try_fold(0, |sum: i128, cell| Some(sum + cell.change?)),
        ..first.clone()
    }
}

//! The mappings of a process across repeated reads of its list: unchanged text
//! is not parsed again.

use std::collections::HashMap;
use std::iter::{Peekable, Zip};
use std::sync::Arc;
use std::vec::IntoIter;

use crate::procfs::mapping::{DELETED, Mapping};
use crate::procfs::share_mode::{aliased, share_mode};
use crate::procfs::sizes::Sizes;
use crate::procfs::smaps::Record;
use crate::quantity::Quantities;
use crate::region::{Object, ShareMode};
use crate::tracker::carried::{Counted, carried, carried_share};
use crate::tracker::pages::part::is_anonymous;

/// The maximum number of objects listed as deleted to remember.
const MAX_EXAMINED: usize = 4096;

/// The sizes of a mapping in one sample.
pub(crate) type Measured = (Option<ShareMode>, Quantities);

/// The text of a mapping, kept for comparison.
#[derive(Debug)]
struct Cell {
    header: Box<[u8]>,
    flags: Option<Box<[u8]>>,
    aliased: bool,
    /// Its sizes in the sample before.
    sizes: Measured,
}

impl Cell {
    fn matches(&self, record: &Record<'_>) -> bool {
        *self.header == *record.header && self.flags.as_deref() == record.flags
    }
}

/// The mappings of one process, updated record by record.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    mappings: Vec<Mapping>,
    cells: Vec<Cell>,
    /// Sizes of the mappings of the current sample so far.
    sizes: Vec<Measured>,
    /// The rest of the last sample, from the first difference on.
    before: Option<Peekable<Zip<IntoIter<Mapping>, IntoIter<Cell>>>>,
    changed: bool,
    /// Whether objects listed as deleted are files whose very names end so.
    examined: HashMap<Arc<Object>, bool>,
}

impl Listing {
    /// Begins a sample.
    pub(crate) fn begin(&mut self) {
        if self.before.is_some() {
            // The last sample was not ended; mappings that it did not reach are dropped.
            self.part_from(self.sizes.len());
        }
        self.before = None;
        self.sizes.clear();
    }

    /// Takes the next mapping; `false` if its header cannot be read.
    pub(crate) fn push(&mut self, record: &Record<'_>) -> bool {
        let index = self.sizes.len();
        if self.before.is_none() {
            if let (Some(cell), Some(mapping)) = (self.cells.get(index), self.mappings.get(index))
                && cell.matches(record)
            {
                let share = share_mode(mapping, &record.sizes, cell.aliased);
                self.sizes.push((share, record.sizes.quantities()));
                return true;
            }
            self.part_from(index);
        }
        self.push_changed(record)
    }

    /// Takes the next mapping without its flags and sizes, which are those of the sample before if
    /// it had the mapping; `false` if the header cannot be read.
    pub(crate) fn push_header(&mut self, header: &[u8]) -> bool {
        let index = self.sizes.len();
        if self.before.is_none() {
            if let Some(cell) = self.cells.get(index).filter(|cell| *cell.header == *header) {
                self.sizes.push(cell.sizes);
                return true;
            }
            self.part_from(index);
        }
        let Some(before) = &mut self.before else { return false };
        if before.peek().is_none_or(|(_, cell)| *cell.header != *header) {
            let record = Record { header, flags: None, sizes: Sizes::default() };
            let Some(mut mapping) = Mapping::read(&record, self.mappings.last()) else {
                return false;
            };
            while before.next_if(|(old, _)| old.range.start < mapping.range.start).is_some() {}
            if before.peek().is_none_or(|(_, cell)| *cell.header != *header) {
                let old = before.next_if(|(old, _)| old.range.start == mapping.range.start);
                let old = old.filter(|(old, _)| {
                    (old.protection, old.shared, old.offset, &old.object)
                        == (mapping.protection, mapping.shared, mapping.offset, &mapping.object)
                });
                // One that grew or shrank has the flags that it had.
                let (flags, sizes) = match old {
                    Some((old, cell)) => {
                        (mapping.flags, mapping.max_protection) = (old.flags, old.max_protection);
                        (cell.flags, cell.sizes)
                    }
                    None => (None, (None, Quantities::UNKNOWN)),
                };
                self.sizes.push(sizes);
                self.mappings.push(mapping);
                self.cells.push(Cell { header: header.into(), flags, aliased: false, sizes });
                return true;
            }
        }
        let Some((mapping, cell)) = before.next() else { return false };
        self.sizes.push(cell.sizes);
        self.mappings.push(mapping);
        self.cells.push(cell);
        true
    }

    /// Sets the pages of each mapping of a sample without sizes, which were counted.
    pub(crate) fn set_counted(&mut self, counted: &[Counted]) {
        for ((mapping, sizes), counted) in self.mappings.iter().zip(&mut self.sizes).zip(counted) {
            let (share, before) = *sizes;
            let now = carried(&before, *counted, is_anonymous(mapping));
            let share = match mapping.shared {
                true => share,
                false => carried_share(share, [&before, &now], mapping, counted.may_be_merged),
            };
            *sizes = (share, now);
        }
    }

    /// Ends the sample; `true` if the mappings differ from those at the last end.
    pub(crate) fn end(&mut self) -> bool {
        if self.before.is_none() && self.sizes.len() < self.mappings.len() {
            self.part_from(self.sizes.len());
        }
        self.before = None;
        let changed = std::mem::take(&mut self.changed);
        if changed {
            self.find_aliases();
        }
        changed
    }

    /// Keeps the sizes of the sample for the next one, if that has none of its own.
    pub(crate) fn keep_sizes(&mut self) {
        for (cell, sizes) in self.cells.iter_mut().zip(&self.sizes) {
            cell.sizes = *sizes;
        }
    }

    /// Gives files back the end of their names that reads like the kernel's mark of deleted ones;
    /// `exists` says whether an object is at its name with that end. Returns whether any was.
    pub(crate) fn restore_names(&mut self, exists: &dyn Fn(&Object) -> bool) -> bool {
        let mut restored = false;
        for index in 0..self.mappings.len() {
            let Some(object) = self.mappings[index].object.as_ref().filter(|it| it.deleted) else {
                continue;
            };
            if object.inode == 0 || !object.name.starts_with('/') {
                continue;
            }
            if self.examined.len() >= MAX_EXAMINED {
                self.examined.clear();
            }
            let key = Arc::clone(object);
            if !*self.examined.entry(key).or_insert_with_key(|object| exists(object)) {
                continue;
            }
            let name = format!("{}{DELETED}", object.name);
            let before = index.checked_sub(1).and_then(|it| self.mappings[it].object.as_ref());
            let whole = Object { name: name.into(), deleted: false, ..Object::clone(object) };
            let shared = before.filter(|before| ***before == whole).map(Arc::clone);
            self.mappings[index].object = Some(shared.unwrap_or_else(|| whole.into()));
            restored = true;
        }
        restored
    }

    /// Returns the mappings of the sample last ended.
    pub(crate) fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// Returns the sizes of those mappings.
    pub(crate) fn sizes(&self) -> &[Measured] {
        &self.sizes
    }

    /// Sets the mappings of the last sample from `index` on aside, to reuse those that still exist.
    fn part_from(&mut self, index: usize) {
        let mappings = self.mappings.split_off(index.min(self.mappings.len()));
        let cells = self.cells.split_off(index.min(self.cells.len()));
        self.before = Some(mappings.into_iter().zip(cells).peekable());
        self.changed = true;
    }

    fn push_changed(&mut self, record: &Record<'_>) -> bool {
        let Some(before) = &mut self.before else { return false };
        if !before.peek().is_some_and(|(_, cell)| cell.matches(record)) {
            let Some(mapping) = Mapping::read(record, self.mappings.last()) else { return false };
            while before.next_if(|(old, _)| old.range.start < mapping.range.start).is_some() {}
            if !before.peek().is_some_and(|(_, cell)| cell.matches(record)) {
                before.next_if(|(old, _)| old.range.start == mapping.range.start);
                let (header, flags) = (record.header.into(), record.flags.map(Box::from));
                let sizes = (None, Quantities::UNKNOWN);
                self.add(mapping, Cell { header, flags, aliased: false, sizes }, record);
                return true;
            }
        }
        let Some((mapping, cell)) = before.next() else { return false };
        self.add(mapping, cell, record);
        true
    }

    fn add(&mut self, mapping: Mapping, cell: Cell, record: &Record<'_>) {
        let share = share_mode(&mapping, &record.sizes, cell.aliased);
        self.sizes.push((share, record.sizes.quantities()));
        self.mappings.push(mapping);
        self.cells.push(cell);
    }

    fn find_aliases(&mut self) {
        for ((cell, aliased), (mapping, sizes)) in self
            .cells
            .iter_mut()
            .zip(aliased(&self.mappings))
            .zip(self.mappings.iter().zip(&mut self.sizes))
        {
            cell.aliased = aliased;
            if mapping.shared {
                sizes.0 = Some(if aliased { ShareMode::Aliased } else { ShareMode::Shared });
            }
        }
    }
}

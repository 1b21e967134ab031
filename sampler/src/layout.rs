//! The mappings of a process from one sample to the next.
//!
//! Most stay as they were: the same text is not parsed again, is not
//! classified again and shares its [`Identity`] by reference.

use std::iter::{Peekable, Zip};
use std::sync::Arc;
use std::vec::IntoIter;

use crate::classify::{REACH, Scene, classify_by_name};
use crate::mapping::Mapping;
use crate::procfs::Record;
use crate::quantity::Quantities;
use crate::region::{Identity, Provenance, Region, ShareMode};
use crate::share::{aliased, share_mode};

/// What is kept of a mapping beside what it says.
#[derive(Debug)]
struct Cell {
    header: Box<[u8]>,
    flags: Option<Box<[u8]>>,
    identity: Option<Arc<Identity>>,
    /// Whether something its label depends on changed.
    stale: bool,
    aliased: bool,
}

impl Cell {
    fn says_the_same(&self, record: &Record<'_>) -> bool {
        *self.header == *record.header && self.flags.as_deref() == record.flags
    }
}

/// The mappings of one process, updated record by record.
#[derive(Debug, Default)]
pub struct Layout {
    mappings: Vec<Mapping>,
    cells: Vec<Cell>,
    /// Sizes of the first so many mappings: those of the sample under way.
    sizes: Vec<(Option<ShareMode>, Quantities)>,
    /// The rest of the sample before, from the first difference on.
    before: Option<Peekable<Zip<IntoIter<Mapping>, IntoIter<Cell>>>>,
    scene: Scene,
    changed: bool,
}

impl Layout {
    /// Creates a layout without mappings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a sample.
    pub fn begin(&mut self) {
        if self.before.is_some() {
            // The last sample was not finished; what it did not reach is gone.
            self.part_from(self.sizes.len());
        }
        self.before = None;
        self.sizes.clear();
    }

    /// Takes the next mapping; `false` if its header cannot be read.
    pub fn push(&mut self, record: &Record<'_>) -> bool {
        let place = self.sizes.len();
        if self.before.is_none() {
            if let (Some(cell), Some(mapping)) = (self.cells.get(place), self.mappings.get(place))
                && cell.says_the_same(record)
            {
                let share = share_mode(mapping, &record.sizes, cell.aliased);
                self.sizes.push((share, record.sizes.quantities()));
                return true;
            }
            self.part_from(place);
        }
        self.push_changed(record)
    }

    /// Sets what the last sample had from `place` on aside, to take over from there what still is.
    fn part_from(&mut self, place: usize) {
        let mappings = self.mappings.split_off(place.min(self.mappings.len()));
        let cells = self.cells.split_off(place.min(self.cells.len()));
        self.before = Some(mappings.into_iter().zip(cells).peekable());
        self.changed = true;
    }

    fn push_changed(&mut self, record: &Record<'_>) -> bool {
        let Some(before) = &mut self.before else { return false };
        let mut adjacency_changed = false;
        if !before.peek().is_some_and(|(_, cell)| cell.says_the_same(record)) {
            let Some(mapping) = Mapping::read(record, self.mappings.last()) else { return false };
            while before.next_if(|(old, _)| old.range.start < mapping.range.start).is_some() {
                adjacency_changed = true;
            }
            if !before.peek().is_some_and(|(_, cell)| cell.says_the_same(record)) {
                before.next_if(|(old, _)| old.range.start == mapping.range.start);
                self.sizes
                    .push((share_mode(&mapping, &record.sizes, false), record.sizes.quantities()));
                self.mappings.push(mapping);
                self.cells.push(Cell {
                    header: record.header.into(),
                    flags: record.flags.map(Box::from),
                    identity: None,
                    stale: true,
                    aliased: false,
                });
                return true;
            }
        }
        let Some((mapping, mut cell)) = before.next() else { return false };
        cell.stale |= adjacency_changed;
        self.sizes
            .push((share_mode(&mapping, &record.sizes, cell.aliased), record.sizes.quantities()));
        self.mappings.push(mapping);
        self.cells.push(cell);
        true
    }

    /// Ends the sample: classifies what changed and returns the regions.
    pub fn finish(&mut self) -> Vec<Region> {
        if self.before.is_none() && self.sizes.len() < self.mappings.len() {
            self.part_from(self.sizes.len());
        }
        self.before = None;
        if std::mem::take(&mut self.changed) {
            self.settle();
        }
        let regions = self.cells.iter().zip(&self.sizes).filter_map(|(cell, sizes)| {
            let (share_mode, quantities) = *sizes;
            Some(Region {
                identity: Arc::clone(cell.identity.as_ref()?),
                share_mode,
                provenance: Provenance::Measured,
                quantities,
            })
        });
        let mut all = Vec::with_capacity(self.cells.len());
        all.extend(regions);
        all
    }

    /// Returns the mappings of the sample last finished.
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// Brings labels and aliases up to date with the mappings.
    fn settle(&mut self) {
        let scene = Scene::of(&self.mappings);
        let all = scene != self.scene;
        self.scene = scene;
        // Labels look at their neighbours, so those of a change are stale too.
        let fresh: Vec<bool> = self.cells.iter().map(|cell| cell.stale).collect();
        for place in 0..self.cells.len() {
            let from = place.saturating_sub(REACH);
            let to = (place + REACH + 1).min(fresh.len());
            let stale = all || fresh[from..to].contains(&true) || place + REACH >= fresh.len();
            self.cells[place].stale = false;
            if stale {
                self.label(place);
            }
        }
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

    fn label(&mut self, place: usize) {
        let Some(piece) = classify_by_name(&self.scene, &self.mappings, place).into_iter().next()
        else {
            return;
        };
        let (mapping, cell) = (&self.mappings[place], &mut self.cells[place]);
        if cell.identity.as_ref().is_some_and(|identity| identity.label == piece.label) {
            return;
        }
        cell.identity = Some(Arc::new(Identity {
            range: piece.range,
            protection: mapping.protection,
            max_protection: mapping.max_protection,
            object: mapping.object.clone(),
            offset: mapping.offset,
            flags: Arc::clone(&mapping.flags),
            label: piece.label,
        }));
    }
}

#[cfg(test)]
mod tests;

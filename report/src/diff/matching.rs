//! Finds which regions of two snapshots are the same memory.
//!
//! Addresses alone do not decide: the kernel merges and splits mappings, and
//! reuses addresses. Regions of one type and object whose ranges overlap, at
//! either time, are one group, however many there are on each side.

use std::collections::HashMap;
use std::sync::Arc;

use vmrec_sampler::{AddressRange, Region, RegionType, Snapshot};

/// A region of either snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    class: usize,
    /// That of its region, which sorting looks at often.
    range: AddressRange,
    /// Whether it is of the later snapshot.
    pub(crate) later: bool,
    pub(crate) region: &'a Region,
}

/// The properties that two regions share if they may be the same memory. A file may be
/// removed while it is mapped, so that is left aside.
type Class<'a> = (&'a RegionType, Option<(&'a str, (u32, u32), u64)>);

/// Regions of both snapshots, those of one group side by side.
pub(crate) struct Matched<'a> {
    entries: Vec<Entry<'a>>,
    /// The index after each group's last entry.
    ends: Vec<usize>,
}

impl<'a> Matched<'a> {
    pub(crate) fn of(from: &'a Snapshot, to: &'a Snapshot) -> Self {
        let mut entries = entries(from, to);
        entries.sort_by_key(|entry| (entry.class, entry.range, entry.later));

        let mut ends = Vec::with_capacity(from.regions.len());
        let mut reach: Option<(usize, u64, u64)> = None;
        for (index, entry) in entries.iter().enumerate() {
            let range = entry.range;
            reach = match reach {
                // Empty ranges at one address are the same, though nothing overlaps.
                Some((class, start, end))
                    if class == entry.class && (range.start < end || range.start == start) =>
                {
                    Some((class, start, end.max(range.end)))
                }
                _ => {
                    if index > 0 {
                        ends.push(index);
                    }
                    Some((entry.class, range.start, range.end))
                }
            };
        }
        if !entries.is_empty() {
            ends.push(entries.len());
        }
        Self { entries, ends }
    }

    /// Returns each group's regions by ascending address, the earlier snapshot's before the later's.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[Entry<'a>]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.entries[start..end])
    }
}

/// Returns the regions of both snapshots with the numbers of their classes.
fn entries<'a>(from: &'a Snapshot, to: &'a Snapshot) -> Vec<Entry<'a>> {
    let mut classes: HashMap<Class<'a>, usize> = HashMap::new();
    let mut class = |region: &'a Region| {
        let next = classes.len();
        *classes.entry(class_of(region)).or_insert(next)
    };
    let mut entries = Vec::with_capacity(from.regions.len() + to.regions.len());
    let entry = |class, later, region: &'a Region| Entry {
        class,
        range: region.identity.range,
        later,
        region,
    };
    entries.extend(from.regions.iter().map(|region| entry(class(region), false, region)));
    // Both are in the order of addresses, and most regions are in both, with one identity.
    let mut index = 0;
    for region in &to.regions {
        let before = |other: &&Region| other.identity.range < region.identity.range;
        while from.regions.get(index).is_some_and(|other| before(&other)) {
            index += 1;
        }
        let same = |other: &&Region| Arc::ptr_eq(&other.identity, &region.identity);
        let class = match from.regions.get(index).filter(same) {
            Some(_) => entries[index].class,
            None => class(region),
        };
        entries.push(entry(class, true, region));
    }
    entries
}

fn class_of(region: &Region) -> Class<'_> {
    let identity = &region.identity;
    let object = identity.object.as_ref();
    (&identity.label.region_type, object.map(|object| (&*object.name, object.device, object.inode)))
}

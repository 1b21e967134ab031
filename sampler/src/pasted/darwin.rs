//! Turns what tools of macOS print into regions: rows with addresses, and sums by type without.
//!
//! Types keep the words of the tool. A sum over several regions becomes as many shares of it, so
//! that sums and numbers of regions stay exact; what a region of its own has is not known.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::darwin::tags::TAGS;
use crate::label::{Confidence, Detail, Label};
use crate::order::sort_by_key;
use crate::quantity::{Quantities, Quantity};
use crate::region::{
    AddressRange, Identity, Object, Protection, Provenance, Region, ShareMode, StandIn,
};
use crate::rule::Rule;
use crate::snapshot::Consistency;
use crate::vocabulary::{Family, RegionType, types};

/// The maximum number of shares that all sums of a paste become.
const MAX_SHARES: u64 = 1 << 18;
/// The distance between stand-ins, so that no two of them touch.
const GAP: u64 = 1 << 12;

/// A row of a list of regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) type_name: String,
    pub(crate) place: Place,
    pub(crate) protection: Protection,
    pub(crate) max_protection: Option<Protection>,
    pub(crate) share_mode: Option<ShareMode>,
    /// The letter of the purge state.
    pub(crate) purge: Option<char>,
    pub(crate) detail: String,
    pub(crate) quantities: Quantities,
    /// The virtual size as it was printed.
    pub(crate) virtual_bytes: Option<u64>,
}

/// Where the memory of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    At(AddressRange),
    Unmapped,
    Kernel,
}

/// A row of sums by type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) type_name: String,
    pub(crate) virtual_bytes: Option<u64>,
    pub(crate) quantities: Quantities,
    pub(crate) regions: Option<u64>,
}

/// Returns the regions of rows, ascending, and whether they are disjoint.
pub(crate) fn regions(rows: &[Row]) -> (Vec<Region>, Consistency) {
    let mut next = [0_u64; 2];
    let mut regions: Vec<Region> = rows.iter().map(|row| region(row, &mut next)).collect();
    sort_by_key(&mut regions, |region| region.identity.range);
    let clash =
        regions.windows(2).find(|pair| pair[0].identity.range.overlaps(pair[1].identity.range));
    let consistency = clash.map_or(Consistency::Complete, |pair| {
        let (one, two) = (pair[0].identity.range, pair[1].identity.range);
        Consistency::Torn(format!("{one} and {two} overlap in the text"))
    });
    (regions, consistency)
}

fn region(row: &Row, next: &mut [u64; 2]) -> Region {
    let mut stand_in = |reason: StandIn, index: usize| {
        let range = reason.range(next[index], row.virtual_bytes.unwrap_or(0));
        next[index] = next[index].saturating_add(range.virtual_bytes()).saturating_add(GAP);
        range
    };
    let range = match row.place {
        Place::At(range) => range,
        Place::Unmapped => stand_in(StandIn::Unmapped, 0),
        Place::Kernel => stand_in(StandIn::Kernel, 1),
    };
    let is_path = row.detail.starts_with('/') || row.detail.starts_with("...");
    let object = is_path.then(|| {
        Arc::new(Object {
            name: row.detail.as_str().into(),
            device: (0, 0),
            inode: 0,
            deleted: false,
        })
    });
    let detail = (!is_path && !row.detail.is_empty()).then(|| Detail::from(row.detail.as_str()));
    Region {
        identity: Arc::new(Identity {
            range,
            protection: row.protection,
            max_protection: row.max_protection,
            object,
            offset: Identity::UNKNOWN_OFFSET,
            flags: row.purge.map_or_else(String::new, |letter| format!("purge={letter}")).into(),
            label: label(&row.type_name, detail),
        }),
        share_mode: row.share_mode,
        provenance: Provenance::Measured,
        quantities: row.quantities,
    }
}

/// Returns the shares of sums, as many for each as it has regions, and the types of which there
/// are too many to keep their number.
pub(crate) fn shares(sums: &[Sum]) -> (Vec<Region>, Vec<String>) {
    let (mut regions, mut too_many) = (Vec::new(), Vec::new());
    let (mut left, mut next) = (MAX_SHARES, [0_u64; 2]);
    for sum in sums {
        let mut count = sum.regions.unwrap_or(1).max(1);
        if count > left {
            too_many.push(sum.type_name.clone());
            count = 1;
        }
        left = left.saturating_sub(count);
        let label = label(&sum.type_name, None);
        for index in 0..count {
            let share = |bytes: u64| bytes / count + u64::from(index < bytes % count);
            let (reason, zone) = match sum.virtual_bytes {
                Some(_) => (StandIn::Sum, 0),
                None => (StandIn::Sizeless, 1),
            };
            // Of unknown size: a byte keeps the ranges in order.
            let range = reason.range(next[zone], sum.virtual_bytes.map_or(1, share));
            next[zone] = next[zone].saturating_add(range.virtual_bytes()).saturating_add(GAP);
            let quantities =
                Quantity::ALL.into_iter().fold(Quantities::UNKNOWN, |all, quantity| {
                    match sum.quantities.get(quantity) {
                        Some(bytes) => all.with(quantity, share(bytes)),
                        None => all,
                    }
                });
            regions.push(Region {
                identity: Arc::new(Identity {
                    range,
                    protection: Protection::NONE,
                    max_protection: None,
                    object: None,
                    offset: Identity::UNKNOWN_OFFSET,
                    flags: "".into(),
                    label: label.clone(),
                }),
                share_mode: None,
                provenance: if count == 1 { Provenance::Measured } else { Provenance::Estimated },
                quantities,
            });
        }
    }
    sort_by_key(&mut regions, |region| region.identity.range);
    (regions, too_many)
}

fn label(type_name: &str, detail: Option<Detail>) -> Label {
    Label {
        region_type: RegionType::named(type_name, family(type_name)),
        detail,
        confidence: Confidence::Sure,
        rule: Rule::Pasted,
    }
}

/// Parts of names and the family they are of; the first that fits decides.
const FAMILIES: [(&str, Family); 34] = [
    ("(reserved)", Family::Reserved),
    ("guard", Family::Reserved),
    ("owned physical footprint", Family::Kernel),
    ("owned unmapped", Family::Kernel),
    ("page table", Family::Kernel),
    ("kernel", Family::Kernel),
    ("ioaccelerator", Family::Kernel),
    ("iosurface", Family::Kernel),
    ("iokit", Family::Kernel),
    ("shared cache", Family::Image),
    ("shlib", Family::Image),
    ("dyld private", Family::Image),
    ("__", Family::Image),
    ("malloc", Family::Malloc),
    ("dispatch continuations", Family::Malloc),
    ("os_alloc_once", Family::Malloc),
    ("os alloc once", Family::Malloc),
    ("stack", Family::Stack),
    ("mapped file", Family::MappedFile),
    ("shared memory", Family::SharedMemory),
    ("shared pmap", Family::SharedMemory),
    ("jit", Family::Jit),
    ("rosetta", Family::Jit),
    ("objc dispatch", Family::Jit),
    ("js vm", Family::RuntimeHeap),
    ("js garbage", Family::RuntimeHeap),
    ("gigacage", Family::RuntimeHeap),
    ("webassembly", Family::RuntimeHeap),
    ("javascript", Family::RuntimeHeap),
    ("java", Family::RuntimeHeap),
    ("swift", Family::RuntimeHeap),
    ("vm_allocate", Family::VmAllocate),
    ("untagged", Family::VmAllocate),
    ("submap", Family::Reserved),
];

/// Returns the family of a type by the tool's word for it.
fn family(name: &str) -> Family {
    let known = types::ALL.iter().find(|known| known.name() == name).map(RegionType::family);
    let tag = || TAGS.iter().find(|tag| tag.name.eq_ignore_ascii_case(name)).map(|tag| tag.family);
    let lower = name.to_ascii_lowercase();
    let by_part =
        || FAMILIES.iter().find(|(part, _)| lower.contains(part)).map(|(_, family)| *family);
    known.or_else(tag).or_else(by_part).unwrap_or(Family::VmAllocate)
}

/// Returns the sizes of the rows or sums of one metric added up, unknown if one is.
pub(crate) fn total(mut values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.try_fold(0_u64, |sum, bytes| Some(sum.saturating_add(bytes?)))
}

/// Returns how many different types there are.
pub(crate) fn types_of<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn families_follow_the_words_of_the_tools() {
        for (name, expected) in [
            ("MALLOC_SMALL (empty)", Family::Malloc),
            ("MALLOC_NANO (reserved)", Family::Reserved),
            ("MALLOC guard page", Family::Reserved),
            ("STACK GUARD", Family::Reserved),
            ("Stack", Family::Stack),
            ("stack", Family::Stack),
            ("__AUTH_CONST", Family::Image),
            ("unused but dirty shlib __DATA", Family::Image),
            ("mapped file", Family::MappedFile),
            ("WebKit Malloc", Family::Malloc),
            ("untagged (VM_ALLOCATE)", Family::VmAllocate),
            ("IOAccelerator (graphics)", Family::Kernel),
            ("JS JIT generated code", Family::Jit),
            ("Kernel Alloc Once", Family::Malloc),
            ("AttributeGraph Data (old", Family::VmAllocate),
        ] {
            assert_eq!(family(name), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_to_their_sums(
            sums in prop::collection::vec((0_u64..1 << 40, 0_u64..1 << 40, 0_u64..300), 0..8),
        ) {
            let sums: Vec<Sum> = sums
                .iter()
                .map(|(bytes, dirty, regions)| Sum {
                    type_name: "MALLOC".into(),
                    virtual_bytes: Some(*bytes),
                    quantities: Quantities::UNKNOWN.with(Quantity::Dirty, *dirty),
                    regions: Some(*regions),
                })
                .collect();
            let (regions, too_many) = shares(&sums);
            prop_assert_eq!(too_many, Vec::<String>::new());
            let expected: u64 = sums.iter().map(|sum| sum.virtual_bytes.unwrap()).sum();
            let virtual_bytes: u64 =
                regions.iter().map(|region| region.identity.range.known_bytes().unwrap()).sum();
            prop_assert_eq!(virtual_bytes, expected);
            let dirty = total(regions.iter().map(|region| region.quantities.get(Quantity::Dirty)));
            prop_assert_eq!(dirty, total(sums.iter().map(|sum| sum.quantities.get(Quantity::Dirty))));
            prop_assert_eq!(regions.len() as u64, sums.iter().map(|sum| sum.regions.unwrap().max(1)).sum::<u64>());
            prop_assert!(regions.windows(2).all(|pair| pair[0].identity.range.end < pair[1].identity.range.start));
        }
    }
}

//! musl's malloc since 1.2.1 (mallocng): groups of slots of one size, each described by a record
//! that it points to and that points back. Records lie in pages of their own, which begin with one
//! secret number (src/malloc/mallocng/meta.h). Groups of small slots lie in slots of larger ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::heap::block::Tally;
use crate::heap::gather::Gathered;
use crate::heap::layout::PAGE;
use crate::heap::maps::Maps;
use crate::heap::python::object::HEAD_WORDS;
use crate::heap::snapshot::{HeapRange, RangeKind};
use crate::heap::target::{Late, Pages, Target};
use crate::order::sort_by_key;
use crate::region::AddressRange;

/// Sizes and addresses are multiples of this.
const UNIT: u64 = 16;
/// The bytes before a slot's memory that describe it: of the slot before, at its end.
const IN_BAND_BYTES: u64 = 4;
/// The bytes of a page of records before the records, and of a record.
const AREA_HEADER_BYTES: u64 = 24;
const RECORD_BYTES: u64 = 40;
const MAX_RECORDS: u64 = (PAGE - AREA_HEADER_BYTES) / RECORD_BYTES;
/// The sizes of slots by class, in units.
const CLASS_UNITS: [u16; 48] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 20, 25, 31, 36, 42, 50, 63, 72, 84, 102, 127, 146,
    170, 204, 255, 292, 340, 409, 511, 584, 682, 818, 1023, 1169, 1364, 1637, 2047, 2340, 2730,
    3276, 4095, 4680, 5460, 6552, 8191,
];
/// The upper bits of the third byte before a slot's memory: the memory begins further up …
const SHIFTED: u8 = 7;
/// … or the slot holds a group.
const HOLDS_GROUP: u8 = 6;
/// The maximum number of pages that are looked at for records.
const MAX_PAGES: usize = 1 << 17;
/// Larger mappings hold no pages of records.
const AREAS_BYTES: u64 = 1 << 20;
/// The maximum number of groups.
const MAX_GROUPS: usize = 1 << 20;
/// How deep groups can lie in each other: sizes at least double.
const MAX_DEPTH: u32 = 12;
/// Blocks of this size are read through the pages that are cached.
const SMALL_BYTES: u64 = 4096;

/// A group as its record describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// All of its memory.
    pub(crate) range: AddressRange,
    slots: u32,
    slot_bytes: u64,
    /// A bit for each slot in use.
    used: u32,
}

/// All groups of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// Those that lie in no other, ascending.
    pub(crate) outer: Vec<Group>,
    /// Those in slots of others, by address.
    inner: BTreeMap<u64, Group>,
    /// The pages of records.
    pub(crate) areas: Vec<AddressRange>,
    /// The number of records whose group does not point back.
    pub(crate) broken: u64,
}

/// Finds the groups; `None` if there are none.
pub(crate) fn find(target: &mut Target<'_>, maps: &Maps) -> Result<Option<Groups>, Late> {
    let mut areas: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for page in candidates(target, maps)? {
        target.check_time()?;
        if let Some(secret) = area_at(target, page) {
            areas.entry(secret).or_default().push(page);
        }
    }
    let Some((secret, areas)) = areas.into_iter().max_by_key(|(_, pages)| pages.len()) else {
        return Ok(None);
    };
    let mut groups = Groups::default();
    let mut found = Vec::new();
    for area in linked(target, secret, areas) {
        target.check_time()?;
        groups.areas.push(AddressRange::new(area, area + PAGE));
        for number in 0..MAX_RECORDS {
            let record = area + AREA_HEADER_BYTES + number * RECORD_BYTES;
            let Some([_, _, memory, masks, sizes]) = target.words::<5>(record) else { break };
            if memory == 0 || found.len() >= MAX_GROUPS {
                continue;
            }
            match group(memory, masks, sizes).filter(|_| target.word(memory) == Some(record)) {
                Some(group) => found.push(group),
                None => groups.broken += 1,
            }
        }
    }
    sort_by_key(&mut found, |group: &Group| group.range.start);
    for group in found {
        match groups.outer.last() {
            Some(outer) if group.range.start < outer.range.end => {
                groups.inner.insert(group.range.start, group);
            }
            _ => groups.outer.push(group),
        }
    }
    Ok((!groups.outer.is_empty()).then_some(groups))
}

/// Returns the pages that may be records: those of small mappings, and those that the first word
/// of a larger one leads to.
fn candidates(target: &mut Target<'_>, maps: &Maps) -> Result<Vec<u64>, Late> {
    let mut pages = Vec::new();
    for range in maps.brk.iter().chain(&maps.anonymous) {
        target.check_time()?;
        if let Some(record) = target.word(range.start) {
            pages.push(record - record % PAGE);
        }
        if Some(*range) != maps.brk && range.virtual_bytes() > AREAS_BYTES {
            continue;
        }
        for part in target.populated(*range, Pages::Any) {
            let first = part.start.max(range.start);
            let left = MAX_PAGES.saturating_sub(pages.len());
            pages.extend((first..part.end.min(range.end)).step_by(PAGE as usize).take(left));
        }
    }
    pages.sort_unstable();
    pages.dedup();
    Ok(pages)
}

/// Returns the secret of the page of records at `page`, if a group of it points back.
fn area_at(target: &mut Target<'_>, page: u64) -> Option<u64> {
    let [secret, next, count] = target.words::<3>(page)?;
    if secret == 0 || !next.is_multiple_of(PAGE) || !(1..=MAX_RECORDS).contains(&count) {
        return None;
    }
    let mut records = (0..count).map(|number| page + AREA_HEADER_BYTES + number * RECORD_BYTES);
    let is_sound = records.any(|record| {
        let memory = target.word(record + 16).filter(|memory| *memory != 0);
        memory.and_then(|memory| target.word(memory)) == Some(record)
    });
    is_sound.then_some(secret)
}

/// Returns `areas` with those that they lead to, ascending.
fn linked(target: &mut Target<'_>, secret: u64, areas: Vec<u64>) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    let mut waiting = areas;
    while let Some(area) = waiting.pop().filter(|_| all.len() < MAX_PAGES) {
        if all.insert(area)
            && let Some([_, next]) = target.words::<2>(area)
            && next != 0
            && target.word(next) == Some(secret)
        {
            waiting.push(next);
        }
    }
    all
}

/// Returns the group at `memory` that a record describes.
fn group(memory: u64, masks: u64, sizes: u64) -> Option<Group> {
    let slots = (sizes & 31) as u32 + 1;
    let mapped_bytes = (sizes >> 12).checked_mul(PAGE)?;
    let slot_bytes = match mapped_bytes.checked_sub(UNIT).filter(|_| slots == 1) {
        Some(bytes) => bytes,
        None => u64::from(*CLASS_UNITS.get((sizes >> 6 & 63) as usize)?) * UNIT,
    };
    let bytes = (UNIT + u64::from(slots) * slot_bytes).max(mapped_bytes);
    let end = memory.checked_add(bytes).filter(|_| memory.is_multiple_of(UNIT))?;
    let (available, freed) = (masks as u32, (masks >> 32) as u32);
    let all = u32::MAX >> (32 - slots);
    let used = !(available | freed) & all;
    Some(Group { range: AddressRange::new(memory, end), slots, slot_bytes, used })
}

/// Gathers the blocks of a group that lies in no other.
pub(crate) fn gather(
    target: &mut Target<'_>,
    groups: &Groups,
    group: &Group,
    maps: &Maps,
    gathered: &mut Gathered,
) -> Result<HeapRange, Late> {
    let mut sums = HeapRange {
        range: group.range,
        kind: RangeKind::Group,
        used: Tally::default(),
        cached: Tally::default(),
        fast: Tally::default(),
        free: Tally::default(),
        top_bytes: 0,
        overhead_bytes: 0,
        unwalked_bytes: 0,
    };
    slots(target, groups, group, maps, gathered, &mut sums, 0)?;
    let known = sums.used.bytes + sums.free.bytes;
    sums.overhead_bytes = group.range.virtual_bytes().saturating_sub(known);
    Ok(sums)
}

/// Gathers the slots of a group, and of those that lie in them.
fn slots(
    target: &mut Target<'_>,
    groups: &Groups,
    group: &Group,
    maps: &Maps,
    gathered: &mut Gathered,
    sums: &mut HeapRange,
    depth: u32,
) -> Result<(), Late> {
    for number in 0..group.slots {
        target.check_time()?;
        let start = group.range.start + UNIT + u64::from(number) * group.slot_bytes;
        let end = start + group.slot_bytes;
        if group.used >> number & 1 == 0 {
            sums.free.add(group.slot_bytes);
            continue;
        }
        let (address, holds_group) = user_memory(target, start, end);
        let inner = groups.inner.get(&address).filter(|inner| inner.range.end <= end);
        if let Some(inner) = inner.filter(|_| holds_group && depth < MAX_DEPTH) {
            slots(target, groups, inner, maps, gathered, sums, depth + 1)?;
            continue;
        }
        let bytes = end - address;
        content(target, AddressRange::new(address, end), gathered)?;
        gathered.close(address, bytes, true, maps);
        sums.used.add(bytes);
    }
    Ok(())
}

/// Returns where the memory of a slot begins, which may be some units up, and whether it is a group.
fn user_memory(target: &mut Target<'_>, start: u64, end: u64) -> (u64, bool) {
    let mut header = [0; IN_BAND_BYTES as usize];
    let mut kind = |at: u64| {
        target.read_or_zero(at - IN_BAND_BYTES, &mut header);
        (header[1] >> 5, u64::from(u16::from_le_bytes([header[2], header[3]])))
    };
    let (first, units) = kind(start);
    let shifted = start + units * UNIT;
    if first != SHIFTED || shifted >= end {
        return (start, first == HOLDS_GROUP);
    }
    (shifted, kind(shifted).0 == HOLDS_GROUP)
}

/// Hands what is wanted of a block's memory to `gathered`, without the next slot's header.
fn content(
    target: &mut Target<'_>,
    block: AddressRange,
    gathered: &mut Gathered,
) -> Result<(), Late> {
    let whole = gathered.edges.is_some() || gathered.texts.is_some();
    let head = if gathered.first_words.python { HEAD_WORDS as u64 * 8 } else { 8 };
    let room = block.virtual_bytes() - 8;
    let bytes = if whole { room } else { room.min(head) };
    if bytes <= SMALL_BYTES {
        let mut buffer = [0; SMALL_BYTES as usize];
        let buffer = &mut buffer[..bytes as usize];
        target.read_or_zero(block.start, buffer);
        gathered.content(0, buffer);
        return Ok(());
    }
    let memory = AddressRange::new(block.start, block.start + bytes);
    target.stream(memory, Pages::Any, &mut |at, bytes| gathered.content(at - block.start, bytes))
}

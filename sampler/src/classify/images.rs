//! Executables and libraries by their ELF headers (R4, R5).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::classify::facts::{Image, Segment};
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_executable, is_none};
use crate::classify::work::{Work, page_after, page_of};
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::region::{AddressRange, Protection};
use crate::rule::Rule;
use crate::vocabulary::{RegionType, types};

/// The maximum number of segments of one image; real ones have fewer.
const SEGMENTS: usize = 32;
const RELRO_RANGES: usize = 8;
const BASES: usize = 16;

/// R4: segments at the image's load base; R5: the zero-filled memory after them.
pub(crate) fn claim(work: &mut Work<'_, '_>) {
    let mut of_images: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, mapping) in work.mappings.iter().enumerate() {
        if mapping.file().is_some() && work.facts.images.contains_key(mapping.name()) {
            of_images.entry(mapping.name()).or_default().push(index);
        }
    }
    // In the order of addresses, so that the result is deterministic for hostile headers too.
    let mut of_images: Vec<_> = of_images.into_iter().collect();
    of_images.sort_unstable_by_key(|(_, indices)| indices.first().copied());
    let mut bases = Vec::with_capacity(of_images.len());
    for (name, indices) in &of_images {
        let Some(image) = work.facts.images.get(*name) else { continue };
        let found = load_bases(image, work.mappings, indices);
        for index in indices {
            let mapping = &work.mappings[*index];
            let region_type = segment_type(image, &found, mapping);
            work.claims.claim_mapping(*index, &label(region_type, Confidence::Sure, Rule::R4));
        }
        bases.push((*name, image, found));
    }
    let mut visits = work.mappings.len() * 4 + 1024;
    for (name, image, found) in bases {
        for base in found {
            zero_filled(work, name, image, base, &mut visits);
        }
    }
}

fn segments(image: &Image) -> impl Iterator<Item = &Segment> {
    image.segments.iter().take(SEGMENTS)
}

/// Finds the load base of the image: that of its mapped first segment, else the one that explains
/// the most mappings.
fn load_bases(image: &Image, mappings: &[Mapping], indices: &[usize]) -> Vec<u64> {
    let mut votes: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for mapping in indices.iter().filter_map(|index| mappings.get(*index)) {
        for segment in segments(image) {
            let first = page_of(segment.offset);
            let after = page_after(segment.offset.saturating_add(segment.file_bytes));
            if mapping.offset < first || mapping.offset >= after {
                continue;
            }
            let below = (mapping.offset - first).checked_add(page_of(segment.address));
            if let Some(base) = below.and_then(|below| mapping.range.start.checked_sub(below)) {
                votes.entry(base).or_default().insert(mapping.range.start);
            }
        }
    }
    let Some(lowest) = segments(image).map(|segment| page_of(segment.address)).min() else {
        return Vec::new();
    };
    let is_begun = |base: u64, starts: &BTreeSet<u64>| starts.contains(&base.wrapping_add(lowest));
    let mut bases: Vec<(usize, u64)> = (votes.iter())
        .filter(|(base, starts)| is_begun(**base, starts))
        .map(|(base, starts)| (starts.len(), *base))
        .collect();
    if bases.is_empty() {
        bases.extend(votes.iter().map(|(base, starts)| (starts.len(), *base)).max());
    }
    if image.fixed && bases.iter().any(|(_, base)| *base == 0) {
        return vec![0];
    }
    bases.sort_unstable_by(|one, other| other.cmp(one));
    bases.into_iter().map(|(_, base)| base).take(BASES).collect()
}

/// The type of a mapping of `image` loaded at one of `bases`.
fn segment_type(image: &Image, bases: &[u64], mapping: &Mapping) -> RegionType {
    if is_none(mapping) {
        return types::ELF_GAP;
    }
    let found = bases.iter().find_map(|base| {
        let segment = segments(image).find(|segment| holds(segment, *base, mapping))?;
        Some((*base, segment))
    });
    let Some((base, segment)) = found else {
        // V8 maps its own code a second time, near the code it generates.
        return if is_executable(mapping) { types::TEXT } else { types::MAPPED_FILE };
    };
    if segment.protection.contains(Protection::EXECUTE) {
        types::TEXT
    } else if segment.protection.contains(Protection::WRITE) {
        let writable = mapping.protection.contains(Protection::WRITE);
        let constant = !writable && is_relro(image, base, mapping.range);
        if constant { types::DATA_CONST } else { types::DATA }
    } else if segment.offset == 0 {
        types::LINKEDIT
    } else {
        types::RODATA
    }
}

/// Returns whether `mapping` is at the address where `segment` puts that part of the file.
fn holds(segment: &Segment, base: u64, mapping: &Mapping) -> bool {
    let start = base.wrapping_add(page_of(segment.address));
    let after = segment.address.saturating_add(segment.file_bytes);
    let end = base.wrapping_add(page_after(after));
    (start..end).contains(&mapping.range.start)
        && mapping.offset.checked_sub(page_of(segment.offset)) == Some(mapping.range.start - start)
}

/// Returns whether `range` is made read-only after relocation.
fn is_relro(image: &Image, base: u64, range: AddressRange) -> bool {
    image.relro.iter().take(RELRO_RANGES).any(|relro| {
        let start = base.wrapping_add(relro.start);
        AddressRange::new(start, start.saturating_add(relro.virtual_bytes())).overlaps(range)
    })
}

/// R5: the memory of a segment beyond its bytes in the file, cut out of the mapping it merged with.
///
/// This memory has no object, so the detail names its image.
fn zero_filled(work: &mut Work<'_, '_>, name: &str, image: &Image, base: u64, visits: &mut usize) {
    let of_image = |region_type| {
        let detail = Some(name.into());
        Label { detail, ..label(region_type, Confidence::Sure, Rule::R5) }
    };
    let (bss, constant) = (of_image(types::BSS), of_image(types::DATA_CONST));
    for segment in segments(image).filter(|segment| segment.memory_bytes > segment.file_bytes) {
        let address = base.wrapping_add(segment.address);
        let range = AddressRange::new(
            page_after(address.saturating_add(segment.file_bytes)),
            page_after(address.saturating_add(segment.memory_bytes)),
        );
        for index in work.claims.from(range.start)..work.mappings.len() {
            let mapping = &work.mappings[index];
            if mapping.range.start >= range.end || *visits == 0 {
                break;
            }
            *visits -= 1;
            if !is_anonymous(mapping) && mapping.name() != "[heap]" {
                continue;
            }
            let part = AddressRange::new(
                range.start.max(mapping.range.start),
                range.end.min(mapping.range.end),
            );
            let writable = mapping.protection.contains(Protection::WRITE);
            let found = if !writable && is_relro(image, base, part) { &constant } else { &bss };
            work.claims.claim(index, part, found);
        }
    }
}

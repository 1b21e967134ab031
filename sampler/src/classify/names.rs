//! Rules for names (R1, R2, R3, R6, R7): the user's patterns, the kernel's
//! names, files.

use crate::classify::malloc::Malloc;
use crate::classify::piece::label;
use crate::classify::predicates::{is_anonymous, is_none};
use crate::classify::signs::Runtime;
use crate::classify::user::UserRule;
use crate::classify::work::Work;
use crate::classify::{glibc, image, name};
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::rule::Rule;
use crate::vocabulary::types;

/// The user's rules: the first match decides.
pub(crate) fn by_user(work: &mut Work<'_, '_>, rules: &[UserRule]) {
    if rules.is_empty() {
        return;
    }
    for (index, mapping) in work.mappings.iter().enumerate() {
        if let Some(rule) = rules.iter().find(|rule| rule.matches(mapping)) {
            let detail = rule.detail.clone();
            let found = label(rule.region_type.clone(), Confidence::Sure, Rule::User);
            work.claims.claim_mapping(index, &Label { detail, ..found });
        }
    }
}

/// R1, R2, R3, R6: the kernel's names of mappings, except the heap and ELF files.
pub(crate) fn by_kernel(work: &mut Work<'_, '_>) {
    let mozilla = work.profile.malloc == Some(Malloc::Mozjemalloc);
    let loose_images = image::Scene::of(work.mappings);
    for (index, mapping) in work.mappings.iter().enumerate() {
        let found = name::by_kernel_name(mapping)
            .filter(|found| found.rule != Rule::R7 && !(is_anonymous(mapping) && is_none(mapping)))
            .or_else(|| name::by_object(mapping))
            .or_else(|| by_known_file(mapping))
            .or_else(|| by_other_file(work, &loose_images, mapping))
            .or_else(|| by_unread_image_below(work, &loose_images, index));
        if let Some(mut found) = found {
            // Firefox's malloc has the name of the malloc it derives from.
            if mozilla && found.region_type == types::MALLOC_JEMALLOC {
                found.region_type = types::MALLOC_MOZJEMALLOC;
            }
            work.claims.claim_mapping(index, &found);
        }
    }
}

/// R7: the brk heap. Of the known mallocs only tcmalloc takes it from glibc's, where it serves the
/// program; one that does not begin as glibc's has an unknown owner.
pub(crate) fn brk_heap(work: &mut Work<'_, '_>) {
    let heaps = work.indices(|mapping| mapping.name() == "[heap]");
    let (region_type, confidence) = match work.profile.malloc {
        Some(malloc @ Malloc::Tcmalloc) => (malloc.region_type(), Confidence::Sure),
        _ if work.profile.has(Runtime::Gcl) => (types::LISP_HEAP, Confidence::Likely),
        _ => match heaps.first().map(|lowest| glibc::begins_brk_heap(work, *lowest)) {
            Some(Some(true)) => (types::MALLOC_BRK, Confidence::Sure),
            Some(Some(false)) if work.profile.has(Runtime::Glibc) => return,
            _ => (types::MALLOC_BRK, Confidence::Likely),
        },
    };
    let found = label(region_type, confidence, Rule::R7);
    for index in heaps {
        work.claims.claim_mapping(index, &found);
    }
}

/// R6: files whose names identify their contents.
fn by_known_file(mapping: &Mapping) -> Option<Label> {
    mapping.file()?;
    let name = mapping.name();
    if name.ends_with(".jsa") {
        Some(label(types::JVM_CDS, Confidence::Sure, Rule::R6))
    } else if name.contains("/hsperfdata_") {
        Some(label(types::JVM_PERF, Confidence::Sure, Rule::R6))
    } else {
        None
    }
}

/// R4 by rights and order if a file's headers are not known, R6 for all other files that are no
/// images.
fn by_other_file(work: &Work<'_, '_>, scene: &image::Scene, mapping: &Mapping) -> Option<Label> {
    let name = mapping.name();
    if mapping.file().is_none() || work.facts.images.contains_key(name) {
        return None;
    }
    // If the headers of other files were read, a file without headers is a data file.
    let last = name.rsplit('/').next().unwrap_or(name);
    let image = work.facts.images.is_empty()
        || last.contains(".so")
        || work.facts.executable.as_deref() == Some(name);
    let by_order = if image { image::by_segment(scene, mapping) } else { None };
    by_order
        .map(|found| Label { confidence: Confidence::Likely, ..found })
        .or_else(|| name::by_file(mapping))
}

/// R5 by order, if no headers of images are known.
fn by_unread_image_below(work: &Work<'_, '_>, scene: &image::Scene, index: usize) -> Option<Label> {
    if !work.facts.images.is_empty() {
        return None;
    }
    let below = &work.mappings[index.checked_sub(1)?];
    image::by_image_below(scene, &work.mappings[index], below)
}

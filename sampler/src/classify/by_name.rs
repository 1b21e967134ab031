//! Labels a mapping by its name, rights and neighbours alone, one at a time.

use super::image::{self, Scene};
use super::{Piece, label, name};
use crate::mapping::Mapping;
use crate::region::{Confidence, Label, Protection};
use crate::vocabulary::types;

/// How many mappings to either side a label by name may depend on.
pub const REACH: usize = 1;

/// The most inaccessible memory taken for the guard of the stack above it.
const STACK_GUARD_BYTES: u64 = 1 << 20;
/// The most inaccessible memory taken for a guard elsewhere.
const GUARD_BYTES: u64 = 64 << 10;

/// Labels the mapping at `place` of `mappings`: pieces in ascending order that cover it.
pub fn classify_by_name(scene: &Scene, mappings: &[Mapping], place: usize) -> Vec<Piece> {
    let Some(mapping) = mappings.get(place) else { return Vec::new() };
    let below = place.checked_sub(1).and_then(|below| mappings.get(below));
    let below = below.filter(|below| below.range.end == mapping.range.start);
    let above = mappings.get(place + 1);
    let above = above.filter(|above| above.range.start == mapping.range.end);
    let label = name::by_kernel_name(mapping)
        .or_else(|| name::by_object(mapping))
        .or_else(|| image::by_segment(scene, mapping))
        .or_else(|| name::by_file(mapping))
        .or_else(|| image::by_image_below(scene, mapping, below))
        .unwrap_or_else(|| by_rights(mapping, above));
    vec![Piece { range: mapping.range, label }]
}

/// Labels anonymous memory by what may be done with it.
fn by_rights(mapping: &Mapping, above: Option<&Mapping>) -> Label {
    let bytes = mapping.range.virtual_bytes();
    if mapping.protection == Protection::NONE {
        let stack_above = above.is_some_and(name::is_stack);
        return if stack_above && bytes <= STACK_GUARD_BYTES {
            label(types::STACK_GUARD, Confidence::Sure, "R9")
        } else if bytes <= GUARD_BYTES {
            label(types::GUARD, Confidence::Likely, "R19")
        } else {
            label(types::RESERVED, Confidence::Likely, "R19")
        };
    }
    if mapping.protection.contains(Protection::EXECUTE) {
        return label(types::JIT_CODE, Confidence::Likely, "R16");
    }
    label(types::VM_ALLOCATE, Confidence::Unknown, "R20")
}

#[cfg(test)]
#[path = "by_name_tests.rs"]
mod tests;

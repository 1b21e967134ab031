//! Rules for executables and libraries: files with an executable part.

use std::collections::HashMap;

use crate::classify::piece::label;
use crate::label::{Confidence, Label};
use crate::procfs::mapping::Mapping;
use crate::region::Protection;
use crate::rule::Rule;
use crate::vocabulary::types;

/// The context of labels beyond a mapping's neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scene {
    /// Files with executable mappings (device and inode), each with the lowest address of those.
    images: HashMap<((u32, u32), u64), u64>,
}

impl Scene {
    /// Collects the context from all mappings of a process.
    pub(crate) fn of(mappings: &[Mapping]) -> Self {
        let mut images = HashMap::new();
        for mapping in mappings {
            if let Some(file) = mapping.file()
                && mapping.protection.contains(Protection::EXECUTE)
            {
                let lowest = images.entry(file).or_insert(mapping.range.start);
                *lowest = mapping.range.start.min(*lowest);
            }
        }
        Self { images }
    }

    fn text_of(&self, mapping: &Mapping) -> Option<u64> {
        if mapping.shared {
            return None;
        }
        self.images.get(&mapping.file()?).copied()
    }
}

/// R4: the segments of an image, distinguished by rights, offset and order.
pub(crate) fn by_segment(scene: &Scene, mapping: &Mapping) -> Option<Label> {
    let text = scene.text_of(mapping)?;
    let rights = mapping.protection;
    let (region_type, confidence) = if rights.contains(Protection::EXECUTE) {
        (types::TEXT, Confidence::Sure)
    } else if rights.contains(Protection::WRITE) {
        (types::DATA, Confidence::Sure)
    } else if rights == Protection::NONE {
        (types::ELF_GAP, Confidence::Likely)
    } else if mapping.offset == 0 {
        (types::LINKEDIT, Confidence::Likely)
    } else if was_writable(mapping).unwrap_or(mapping.range.start > text) {
        (types::DATA_CONST, Confidence::Likely)
    } else {
        (types::RODATA, Confidence::Likely)
    };
    Some(label(region_type, confidence, Rule::R4))
}

/// Returns whether a read-only private mapping was writable before, unknown on kernels without flags.
///
/// Memory is charged (`ac`) when a private mapping becomes writable, and stays
/// so when the loader makes it read-only after relocation.
fn was_writable(mapping: &Mapping) -> Option<bool> {
    mapping.max_protection.map(|_| mapping.has_flag("ac"))
}

/// R5: zero-filled data follows the written data of its image, `below` it.
pub(crate) fn by_image_below(scene: &Scene, mapping: &Mapping, below: &Mapping) -> Option<Label> {
    let writable = Protection::READ.union(Protection::WRITE);
    let follows = mapping.object.is_none()
        && mapping.protection == writable
        && below.range.end == mapping.range.start
        && below.protection == writable
        && scene.text_of(below).is_some();
    follows.then(|| label(types::BSS, Confidence::Likely, Rule::R5))
}

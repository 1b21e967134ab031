//! Labels regions by the kernel's answers, without reading their memory.

use std::collections::HashSet;
use std::sync::Arc;

use crate::darwin::entry::{OWNED_UNMAPPED, SHARED_PMAP, UNSHARED_PMAP};
use crate::darwin::{flags, tags};
use crate::label::{Confidence, Label};
use crate::region::{Identity, Protection, ShareMode};
use crate::rule::Rule;
use crate::vocabulary::{Family, RegionType, types};

/// The tag of memory that the dynamic linker maps.
const DYLIB: u32 = 33;
const STACK: u32 = 30;
/// The first of the tags of malloc, which are 1 to 13.
const MALLOC: u32 = 1;

/// The files that are images: files with an executable region.
#[derive(Debug, Default)]
pub(crate) struct ImagePaths(HashSet<Arc<str>>);

impl ImagePaths {
    /// Finds the images among the files of `regions`, given by their path and rights.
    pub(crate) fn of<'a>(
        regions: impl Iterator<Item = (Option<&'a Arc<str>>, Protection)>,
    ) -> Self {
        let executable = regions.filter(|(_, rights)| rights.contains(Protection::EXECUTE));
        Self(executable.filter_map(|(path, _)| path.cloned()).collect())
    }

    fn contains(&self, path: &str) -> bool {
        self.0.contains(path)
    }
}

/// Returns the label of the region with that identity by the kernel's answers; its own label is
/// ignored.
pub(crate) fn label(identity: &Identity, share: Option<ShareMode>, images: &ImagePaths) -> Label {
    let tag = flags::tag(&identity.flags).unwrap_or(0);
    let path = identity.object.as_deref().map(|object| &*object.name);
    let file = flags::has(&identity.flags, "file");
    if tag == OWNED_UNMAPPED {
        let owned = RegionType::named("owned unmapped memory", Family::Kernel);
        return named(owned, Confidence::Sure, Rule::Tag);
    }
    let is_empty = share == Some(ShareMode::Empty);
    if in_shared_cache(tag, file, flags::has(&identity.flags, "submap"), is_empty) {
        return named(segment(identity), Confidence::Likely, Rule::SharedCache);
    }
    match path {
        Some(path) if images.contains(path) && matches!(tag, 0 | DYLIB) => {
            return named(segment(identity), Confidence::Likely, Rule::Image);
        }
        Some(_) if tag == 0 => return named(types::MAPPED_FILE, Confidence::Sure, Rule::File),
        // A pager whose file has no name here: one that was unlinked, or is decrypted as it is read.
        None if tag == 0 && file => {
            return named(types::MAPPED_FILE, Confidence::Likely, Rule::File);
        }
        _ => {}
    }
    if identity.protection == Protection::NONE
        && let Some(region_type) = inaccessible(tag)
    {
        return named(region_type, Confidence::Likely, Rule::Inaccessible);
    }
    if is_empty && identity.protection != Protection::NONE {
        return unallocated(tag);
    }
    if tag == 0 && share == Some(ShareMode::Shared) {
        return named(types::SHARED_MEMORY, Confidence::Likely, Rule::ShareMode);
    }
    tags::label(tag)
}

/// Returns whether a region is part of the shared cache of libraries.
///
/// A submap with a pager is: the only other one, the comm page, has none. Data that this process
/// wrote to were copied out of the submap with the tag that they had there, and have an object.
const fn in_shared_cache(tag: u32, file: bool, in_submap: bool, is_empty: bool) -> bool {
    match tag {
        SHARED_PMAP | UNSHARED_PMAP => !is_empty,
        DYLIB => file,
        _ => in_submap && file,
    }
}

/// Returns the label of address space with rights of which no page was ever used (`SM=NUL`), as
/// vmmap names it.
fn unallocated(tag: u32) -> Label {
    let label = match tag {
        // Memory that malloc has not begun to use is no metadata.
        MALLOC => Label {
            region_type: RegionType::named("MALLOC", Family::Malloc),
            ..tags::label(MALLOC)
        },
        _ => tags::label(tag),
    };
    let name = format!("{} (reserved)", label.region_type.name());
    Label {
        region_type: RegionType::named(&name, Family::Reserved),
        confidence: label.confidence.max(Confidence::Likely),
        rule: Rule::Unallocated,
        ..label
    }
}

/// Returns the segment of an image by its rights.
fn segment(identity: &Identity) -> RegionType {
    let may_write =
        identity.max_protection.is_some_and(|rights| rights.contains(Protection::WRITE));
    if identity.protection.contains(Protection::EXECUTE) {
        types::TEXT
    } else if identity.protection.contains(Protection::WRITE) {
        types::DATA
    } else if may_write {
        types::DATA_CONST
    } else {
        types::LINKEDIT
    }
}

/// Returns the type of inaccessible memory with that tag; `None` if the tag itself decides.
fn inaccessible(tag: u32) -> Option<RegionType> {
    Some(match tag {
        // vmmap's word for it is that of other untagged memory.
        0 => RegionType::named(types::VM_ALLOCATE.name(), Family::Reserved),
        STACK => types::STACK_GUARD,
        // Tags of malloc itself; other allocators have no guard pages of that name.
        MALLOC..=13 => RegionType::named("MALLOC guard page", Family::Reserved),
        _ => return None,
    })
}

fn named(region_type: RegionType, confidence: Confidence, rule: Rule) -> Label {
    Label { region_type, detail: None, confidence, rule }
}

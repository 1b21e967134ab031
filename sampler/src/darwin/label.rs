//! Labels regions by the kernel's answers, without reading their memory.

use std::collections::HashSet;
use std::sync::Arc;

use crate::darwin::{flags, tags};
use crate::label::{Confidence, Label};
use crate::region::{Identity, Protection, ShareMode};
use crate::rule::Rule;
use crate::vocabulary::{Family, RegionType, types};

/// Tags of memory that the shared cache and the dynamic linker map.
const SHARED_CACHE: u32 = 32;
const UNSHARED_CACHE: u32 = 35;
const DYLIB: u32 = 33;
const STACK: u32 = 30;

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

/// Returns the label of the region with that identity, whose own label is ignored.
pub(crate) fn label(identity: &Identity, share: Option<ShareMode>, images: &ImagePaths) -> Label {
    let tag = flags::tag(&identity.flags).unwrap_or(0);
    let path = identity.object.as_deref().map(|object| &*object.name);
    let file = flags::has(&identity.flags, "file");
    let shadowed = flags::value(&identity.flags, "shadow").is_some();
    let cache = matches!(tag, SHARED_CACHE | UNSHARED_CACHE | DYLIB) && (file || shadowed);
    match path {
        Some(path) if images.contains(path) && matches!(tag, 0 | DYLIB) => {
            return named(segment(identity), Confidence::Likely, Rule::Image);
        }
        _ if cache => return named(segment(identity), Confidence::Likely, Rule::SharedCache),
        Some(_) if tag == 0 => return named(types::MAPPED_FILE, Confidence::Sure, Rule::File),
        _ => {}
    }
    if identity.protection == Protection::NONE
        && let Some(region_type) = inaccessible(tag)
    {
        return named(region_type, Confidence::Likely, Rule::Inaccessible);
    }
    let between_processes =
        matches!(share, Some(ShareMode::Shared | ShareMode::Aliased | ShareMode::SharedAliased));
    if tag == 0 && between_processes {
        return named(types::SHARED_MEMORY, Confidence::Likely, Rule::ShareMode);
    }
    tags::label(tag)
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
        0 => types::RESERVED,
        STACK => types::STACK_GUARD,
        _ => match tags::tag(tag)?.family {
            Family::Malloc => RegionType::named("MALLOC guard page", Family::Reserved),
            _ => return None,
        },
    })
}

fn named(region_type: RegionType, confidence: Confidence, rule: Rule) -> Label {
    Label { region_type, detail: None, confidence, rule }
}

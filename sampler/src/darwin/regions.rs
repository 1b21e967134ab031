//! Turns leaves of the walk into regions.

use std::collections::HashMap;
use std::sync::Arc;

use crate::darwin::entry::{Leaf, Purge};
use crate::darwin::label::{ImagePaths, label};
use crate::darwin::{flags, paths, tags};
use crate::label::Label;
use crate::quantity::{Quantities, Quantity};
use crate::region::{Identity, Object, Protection, Provenance, Region, ShareMode};

/// Turns `leaves` into regions. Unchanged ones share their identity with `before` (ascending).
pub(crate) fn regions(mut leaves: Vec<Leaf>, page_bytes: u64, before: &[Region]) -> Vec<Region> {
    paths::keep_own(&mut leaves);
    let images =
        ImagePaths::of(leaves.iter().map(|leaf| (leaf.path.as_ref(), leaf.entry.rights())));
    let mut objects = HashMap::new();
    leaves
        .iter()
        .map(|leaf| {
            let object = leaf.path.as_ref().map(|path| {
                let object = objects.entry(Arc::clone(path)).or_insert_with(|| object(path));
                Arc::clone(object)
            });
            let share_mode = leaf.entry.share();
            let identity = identity(leaf, object, share_mode, &images);
            Region {
                identity: kept(identity, before),
                share_mode,
                provenance: Provenance::Measured,
                quantities: quantities(leaf, page_bytes),
            }
        })
        .collect()
}

/// The kernel returns only the path: no device or inode number.
fn object(path: &Arc<str>) -> Arc<Object> {
    Arc::new(Object { name: Arc::clone(path), device: (0, 0), inode: 0, deleted: false })
}

fn identity(
    leaf: &Leaf,
    object: Option<Arc<Object>>,
    share: Option<ShareMode>,
    images: &ImagePaths,
) -> Identity {
    let entry = &leaf.entry;
    let mut identity = Identity {
        range: entry.range(),
        protection: entry.rights(),
        max_protection: Some(Protection::from_bits(entry.max_protection)),
        object,
        offset: entry.offset,
        flags: flags::words(leaf),
        label: tags::label(entry.user_tag),
    };
    identity.label = label(&identity, share, images);
    identity
}

/// Returns the identity of `before` that equals `identity`, or that itself.
fn kept(identity: Identity, before: &[Region]) -> Arc<Identity> {
    let start = identity.range.start;
    let at = before.partition_point(|region| region.identity.range.start < start);
    match before.get(at) {
        Some(region) if *region.identity == identity => Arc::clone(&region.identity),
        _ => Arc::new(identity),
    }
}

/// Returns the labels of recorded regions of macOS by the current rules, without the user's own.
pub fn labels(regions: &[Region]) -> Vec<Label> {
    let images = ImagePaths::of(regions.iter().map(|region| {
        let identity = &region.identity;
        (identity.object.as_deref().map(|object| &object.name), identity.protection)
    }));
    regions.iter().map(|region| label(&region.identity, region.share_mode, &images)).collect()
}

/// Returns the sizes of `leaf`. Sizes that the kernel does not report stay unknown: PSS,
/// referenced, anonymous and huge pages, and which of the dirty ones are private.
pub(crate) fn quantities(leaf: &Leaf, page_bytes: u64) -> Quantities {
    let entry = &leaf.entry;
    let bytes = |pages: u32| u64::from(pages).saturating_mul(page_bytes);
    let resident = bytes(entry.pages_resident);
    let taken_at_will = leaf.purge.is_some_and(Purge::is_reclaimable);
    let mut quantities = Quantities::UNKNOWN
        .with(Quantity::Resident, resident)
        .with(Quantity::Dirty, bytes(entry.pages_dirtied))
        .with(Quantity::Swapped, bytes(entry.pages_swapped_out))
        .with(
            Quantity::Reclaimable,
            if taken_at_will { resident } else { bytes(entry.pages_reusable) },
        )
        .with(Quantity::Locked, if entry.user_wired_count > 0 { resident } else { 0 });
    if let Some(pages) = private_pages(leaf) {
        quantities.set(Quantity::Private, bytes(pages));
    }
    quantities
}

/// Returns the resident pages that no other process maps, unknown if the kernel does not report
/// them.
///
/// Inside a submap there is no TOP_INFO: there the share mode decides, and for copy-on-write memory
/// the number of copied pages.
fn private_pages(leaf: &Leaf) -> Option<u32> {
    let entry = &leaf.entry;
    if let Some(pages) = leaf.private_pages {
        // The two answers are from slightly different moments.
        return Some(pages.min(entry.pages_resident));
    }
    if entry.depth == 0 {
        return (entry.pages_resident == 0).then_some(0);
    }
    match entry.share()? {
        ShareMode::Private | ShareMode::PrivateAliased | ShareMode::LargePage => {
            Some(entry.pages_resident)
        }
        ShareMode::CopyOnWrite => Some(entry.pages_shared_now_private.min(entry.pages_resident)),
        ShareMode::Empty | ShareMode::Shared | ShareMode::Aliased | ShareMode::SharedAliased => {
            Some(0)
        }
    }
}

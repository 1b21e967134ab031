//! Turns leaves of the walk into regions.

use std::sync::Arc;

use crate::darwin::entry::{Leaf, Purge};
use crate::darwin::images::Images;
use crate::darwin::images::named::NamedImages;
use crate::darwin::label::{ImagePaths, label};
use crate::darwin::{flags, images, tags};
use crate::label::Label;
use crate::quantity::{Quantities, Quantity};
use crate::region::{Identity, Protection, Provenance, Region, ShareMode};
use crate::rule::Rule;

/// Turns `leaves` into regions, with the names of `images` where they are known. Unchanged ones share
/// their identity with `before` (ascending).
pub(crate) fn regions(
    leaves: &[Leaf],
    page_bytes: u64,
    images: Option<&Images>,
    before: &[Region],
) -> Vec<Region> {
    let paths = ImagePaths::of(
        leaves.iter().map(|leaf| (leaf.object.as_deref().map(|o| &o.name), leaf.entry.rights())),
    );
    let mut named = NamedImages::new(images, leaves);
    leaves
        .iter()
        .map(|leaf| {
            let share_mode = leaf.entry.share();
            let earlier = earlier(leaf.entry.start, before);
            let mut identity = identity(leaf, images);
            let is_named = named.apply(&mut identity);
            if let Some(earlier) = earlier {
                settle(&mut identity, earlier);
            }
            if !is_named {
                identity.label = label(&identity, share_mode, &paths);
                named.describe(&mut identity, earlier.map(|earlier| &earlier.label));
            }
            Region {
                identity: kept(identity, earlier),
                share_mode,
                provenance: Provenance::Measured,
                quantities: quantities(leaf, page_bytes),
            }
        })
        .collect()
}

/// Returns the identity of the region that began at `start` before.
fn earlier(start: u64, before: &[Region]) -> Option<&Arc<Identity>> {
    let at = before.partition_point(|region| region.identity.range.start < start);
    before.get(at).map(|region| &region.identity).filter(|it| it.range.start == start)
}

/// Returns the identity of `leaf` with the label of its tag.
fn identity(leaf: &Leaf, images: Option<&Images>) -> Identity {
    let entry = &leaf.entry;
    let in_cache = images.is_some_and(|images| images.in_cache(entry.range()));
    Identity {
        range: entry.range(),
        protection: entry.rights(),
        max_protection: Some(Protection::from_bits(entry.max_protection)),
        object: leaf.object.clone(),
        offset: entry.offset,
        flags: flags::words(leaf, in_cache),
        label: tags::label(entry.user_tag),
    }
}

/// Gives `identity` the attributes of `earlier` where they differ only because the process wrote to
/// the region.
fn settle(identity: &mut Identity, earlier: &Identity) {
    let rights = |identity: &Identity| (identity.protection, identity.max_protection);
    if identity.range != earlier.range || rights(identity) != rights(earlier) {
        return;
    }
    // Offsets are those in the first object: a copy made by the first write begins at 0 again.
    let same_file = identity.object.is_some() && identity.object == earlier.object;
    let words = flags::settled(&earlier.flags, Arc::clone(&identity.flags), same_file);
    if words == earlier.flags && (same_file || identity.object == earlier.object) {
        identity.flags = words;
        if same_file {
            identity.offset = earlier.offset;
        }
    }
}

/// Returns the identity of `earlier` if it equals `identity`, else that itself.
fn kept(identity: Identity, earlier: Option<&Arc<Identity>>) -> Arc<Identity> {
    match earlier {
        Some(earlier) if **earlier == identity => Arc::clone(earlier),
        _ => Arc::new(identity),
    }
}

/// Returns the labels of recorded regions of macOS by the current rules, without the user's own.
///
/// The names of dyld's list stay: it was read then and is not there now.
pub fn labels(regions: &[Region]) -> Vec<Label> {
    let images = ImagePaths::of(regions.iter().map(|region| {
        let identity = &region.identity;
        (identity.object.as_deref().map(|object| &object.name), identity.protection)
    }));
    let again = |region: &Region| {
        let old = &region.identity.label;
        if images::named::is_from_list(old) {
            return old.clone();
        }
        let mut label = label(&region.identity, region.share_mode, &images);
        if label.rule == Rule::SharedCache && old.rule == Rule::SharedCache {
            label.detail.clone_from(&old.detail);
        }
        label
    };
    regions.iter().map(again).collect()
}

/// Returns the sizes of `leaf`. Sizes that the kernel does not report stay unknown: PSS,
/// referenced, anonymous and huge pages, and mostly which of the dirty ones are private.
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
    if let Some(private) = private_bytes(leaf, page_bytes) {
        quantities.set(Quantity::Private, private);
    }
    if let Some(written) = private_dirty_pages(leaf) {
        quantities.set(Quantity::PrivateDirty, bytes(written));
    }
    quantities
}

/// Returns the written pages that no other process maps: known where the kernel counts the pages that
/// this process maps, of memory that is not shared, or where no page is written.
fn private_dirty_pages(leaf: &Leaf) -> Option<u32> {
    let entry = &leaf.entry;
    let is_shared = match entry.share() {
        Some(ShareMode::Shared | ShareMode::Aliased | ShareMode::SharedAliased) | None => true,
        Some(_) => false,
    };
    let is_own = !is_shared || entry.is_owned_unmapped() || entry.pages_dirtied == 0;
    (leaf.by_footprint && is_own).then_some(entry.pages_dirtied)
}

/// Returns the resident bytes that no other process maps, unknown if the kernel does not report
/// them.
///
/// At the top level TOP_INFO counts the pages of the whole object, cut at the region's size: too
/// many for a part of a larger object. Inside a submap there is no TOP_INFO: there the share mode
/// decides, and for copy-on-write memory the number of copied pages.
fn private_bytes(leaf: &Leaf, page_bytes: u64) -> Option<u64> {
    let entry = &leaf.entry;
    let bytes = |pages: u32| u64::from(pages).saturating_mul(page_bytes);
    let resident = bytes(entry.pages_resident);
    if let Some(private) = leaf.private_bytes {
        // The two answers are from slightly different moments, and count in different pages
        // where the process has smaller ones than the kernel (Rosetta).
        return Some(private.min(resident));
    }
    if entry.depth == 0 {
        return (entry.pages_resident == 0).then_some(0);
    }
    match entry.share()? {
        ShareMode::Private | ShareMode::PrivateAliased | ShareMode::LargePage => Some(resident),
        ShareMode::CopyOnWrite => Some(bytes(entry.pages_shared_now_private).min(resident)),
        ShareMode::Empty | ShareMode::Shared | ShareMode::Aliased | ShareMode::SharedAliased => {
            Some(0)
        }
    }
}

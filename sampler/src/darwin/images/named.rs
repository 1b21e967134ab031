//! Gives regions the names of the images and segments they are parts of.

use std::collections::HashMap;
use std::sync::Arc;

use crate::darwin::entry::{Leaf, SHARED_PMAP, UNSHARED_PMAP};
use crate::darwin::flags;
use crate::darwin::images::{Image, Images};
use crate::label::{Confidence, Label};
use crate::region::{Identity, Object};
use crate::rule::Rule;
use crate::vocabulary::{Family, RegionType};

/// Tags that memory of an image may have: none, the shared cache's, the dynamic linker's.
const TAGS: [u32; 4] = [0, SHARED_PMAP, 33, UNSHARED_PMAP];

/// The images of a process with the files that the kernel found behind them.
pub(crate) struct NamedImages<'a> {
    images: Option<&'a Images>,
    /// The file of each image, by the address of its header.
    objects: HashMap<u64, Arc<Object>>,
}

impl<'a> NamedImages<'a> {
    /// Finds the files of `images` among those of `leaves` (ascending).
    pub(crate) fn new(images: Option<&'a Images>, leaves: &[Leaf]) -> Self {
        let all = images.map(|images| &*images.images).unwrap_or_default();
        let file = |image: &Image| {
            let header = image.entry.load_address;
            let after = leaves.partition_point(|leaf| leaf.entry.start <= header);
            let leaf = leaves[..after].last().filter(|leaf| leaf.entry.range().end > header)?;
            Some((header, Arc::clone(leaf.object.as_ref()?)))
        };
        Self { images, objects: all.iter().filter_map(file).collect() }
    }

    /// Gives `identity` the name and the file of the segment that all of it lies in; returns whether
    /// there is one.
    pub(crate) fn apply(&mut self, identity: &mut Identity) -> bool {
        let tag = flags::tag(&identity.flags).unwrap_or(0);
        let found = self.images.and_then(|images| images.segment(identity.range));
        let Some((image, segment)) = found.filter(|_| TAGS.contains(&tag)) else { return false };
        identity.label = Label {
            region_type: RegionType::named(&segment.name, Family::Image),
            detail: None,
            confidence: Confidence::Sure,
            rule: Rule::Image,
        };
        // Written and zero-filled parts have no file of their own.
        if identity.object.is_none() {
            let object = self.objects.entry(image.entry.load_address).or_insert_with(|| {
                let name = Arc::clone(&image.loaded.path);
                Arc::new(Object { name, device: (0, 0), inode: 0, deleted: false })
            });
            identity.object = Some(Arc::clone(object));
        }
        true
    }

    /// Adds to the label of a part of the shared cache how many libraries are in it. The number of
    /// `earlier` stays: a library that is loaded elsewhere makes no other region of it.
    pub(crate) fn describe(&self, identity: &mut Identity, earlier: Option<&Label>) {
        if identity.label.rule != Rule::SharedCache {
            return;
        }
        let stays = |earlier: &&Label| {
            let label = &identity.label;
            (&earlier.region_type, &earlier.rule) == (&label.region_type, &label.rule)
                && earlier.detail.is_some()
        };
        identity.label.detail = match earlier.filter(stays) {
            Some(earlier) => earlier.detail.clone(),
            None => self.images.map(|images| match images.count(identity.range) {
                0 if images.in_common(identity.range) => {
                    "dyld shared cache combined __LINKEDIT".into()
                }
                0 => "dyld shared cache".into(),
                1 => "dyld shared cache, 1 library".into(),
                count => format!("dyld shared cache, {count} libraries").into(),
            }),
        };
    }
}

/// Returns whether a label is the name of a segment in dyld's list.
pub(crate) fn is_from_list(label: &Label) -> bool {
    (&label.rule, label.confidence) == (&Rule::Image, Confidence::Sure)
}

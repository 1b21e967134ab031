//! The images of a process: its executable, its libraries and their segments, as dyld lists them
//! in the process's own memory.
//!
//! All that is read was written by the process: every offset, count and length is checked against
//! a limit, and memory that cannot be read costs a name, never the sample. The layouts are those
//! of dyld's `dyld_images.h` and `dyld_cache_format.h`, and of `mach-o/loader.h`, for 64 bits.

pub(crate) mod bytes;
pub(crate) mod cache;
pub(crate) mod header;
pub(crate) mod list;
pub(crate) mod named;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use crate::darwin::images::bytes::Memory;
use crate::darwin::images::cache::SharedCache;
use crate::darwin::images::list::Entry;
use crate::loaded::{LoadedImages, LoadedSegment};
use crate::region::AddressRange;

pub(crate) use crate::darwin::images::bytes::Read;
pub(crate) use crate::darwin::images::header::Image;

/// Where dyld keeps its list: `task_dyld_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DyldInfo {
    /// The address of `dyld_all_image_infos`; 0 before dyld runs.
    pub address: u64,
    /// Whether its fields are of 64 bits; lists of 32 bits are not read.
    pub is_64_bit: bool,
}

/// The images of a process at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Images {
    /// When dyld last changed its list, on its own clock.
    changed: u64,
    /// The images, the executable first.
    pub images: Vec<Image>,
    /// The same, as they are kept with a sample.
    pub loaded: LoadedImages,
    /// The shared cache; `None` if the process has none, or not where it says.
    pub cache: Option<SharedCache>,
    /// The segments that are an image's own, by ascending start: index of the image, segment.
    /// Segments that several images share are not among them.
    by_start: Vec<(usize, LoadedSegment)>,
    /// The segment that all images of the shared cache have in common.
    common: Option<AddressRange>,
}

impl Images {
    /// Reads the images that `info` leads to. Those of `before` are taken over where dyld did not
    /// change its list, and stay while it is changing it. `None` if there are none to read.
    pub(crate) fn read(
        read: &mut impl Read,
        info: DyldInfo,
        before: Option<&Arc<Self>>,
    ) -> Option<Arc<Self>> {
        if info.address == 0 || !info.is_64_bit {
            return None;
        }
        let mut memory = Memory::new(read);
        let Some(list) = list::List::read(&mut memory, info.address) else {
            return before.cloned();
        };
        match before {
            Some(before) if list.changed != 0 && list.changed == before.changed => {
                return Some(Arc::clone(before));
            }
            _ => {}
        }
        let Some(entries) = list.entries(&mut memory) else { return before.cloned() };
        let known: HashMap<Entry, &Image> = before
            .iter()
            .flat_map(|before| &before.images)
            .filter(|image| !image.loaded.segments.is_empty())
            .map(|image| (image.entry, image))
            .collect();
        let images: Vec<Image> = entries
            .into_iter()
            .map(|entry| match known.get(&entry) {
                Some(image) => (*image).clone(),
                None => header::image(&mut memory, entry),
            })
            .collect();
        let loaded = images.iter().map(|image| Arc::clone(&image.loaded)).collect();
        let cache = list.cache_base.and_then(|base| {
            let known = before.and_then(|before| before.cache).filter(|it| it.range.start == base);
            known.or_else(|| SharedCache::read(&mut memory, base))
        });
        let (by_start, common) = own_segments(&images, cache.as_ref());
        Some(Arc::new(Self { changed: list.changed, images, loaded, cache, by_start, common }))
    }

    /// Returns the image and the segment that all of `range` lies in.
    pub(crate) fn segment(&self, range: AddressRange) -> Option<(&Image, &LoadedSegment)> {
        let after =
            self.by_start.partition_point(|(_, segment)| segment.range.start <= range.start);
        let (image, segment) = self.by_start[..after].last()?;
        let is_inside = range.start < range.end && range.end <= segment.range.end;
        is_inside.then(|| (&self.images[*image], segment))
    }

    /// Returns how many images have a segment of their own in `range`.
    pub(crate) fn count(&self, range: AddressRange) -> usize {
        let before_end =
            self.by_start.partition_point(|(_, segment)| segment.range.start < range.end);
        let mut images: Vec<usize> = self.by_start[..before_end]
            .iter()
            .rev()
            // Own segments do not overlap, so their ends ascend too.
            .take_while(|(_, segment)| segment.range.end > range.start)
            .map(|(image, _)| *image)
            .collect();
        images.sort_unstable();
        images.dedup();
        images.len()
    }

    /// Returns whether all of `range` lies in the segment that all images of the shared cache have.
    pub(crate) fn in_common(&self, range: AddressRange) -> bool {
        self.common.is_some_and(|common| common.start <= range.start && range.end <= common.end)
    }

    /// Returns whether all of `range` lies in the shared cache.
    pub(crate) fn in_cache(&self, range: AddressRange) -> bool {
        self.cache
            .is_some_and(|cache| cache.range.start <= range.start && range.end <= cache.range.end)
    }
}

/// Returns the segments by ascending start, without those that overlap another's, and the one that
/// all images of the shared cache have in common: symbols and fix-ups.
fn own_segments(
    images: &[Image],
    cache: Option<&SharedCache>,
) -> (Vec<(usize, LoadedSegment)>, Option<AddressRange>) {
    const COMMON: &str = "__LINKEDIT";
    let mut segments: Vec<(usize, LoadedSegment)> = Vec::new();
    let mut common: Option<AddressRange> = None;
    for (at, image) in images.iter().enumerate() {
        let in_cache = cache.is_some_and(|cache| cache.contains(image.entry.load_address));
        for segment in &image.loaded.segments {
            if in_cache && *segment.name == *COMMON {
                common.get_or_insert(segment.range);
            } else {
                segments.push((at, segment.clone()));
            }
        }
    }
    segments.sort_by_key(|(_, segment)| (segment.range.start, segment.range.end));
    let mut end = 0;
    segments.retain(|(_, segment)| {
        let is_apart = segment.range.start >= end;
        if is_apart {
            end = segment.range.end;
        }
        is_apart
    });
    (segments, common)
}

//! vmmap's rows of libraries: a region that holds the segments of several images, as those of
//! macOS's shared cache do, is shown as its parts, each with its segment's name and its image's path.
//!
//! Segments there end within pages. The sizes in memory of a part are exact if the states of the
//! region's pages are known, or if all or nothing of the region is in memory; else unknown.

use std::sync::Arc;

use vmrec_sampler::{
    AddressRange, Confidence, Detail, Family, Identity, Label, LoadedImage, LoadedImages,
    LoadedSegment, Object, Protection, Quantities, Quantity, Region, RegionPages, RegionType, Rule,
    Snapshot, sort_by_key,
};

/// The sizes of a part that the page shows.
const SIZES: [Quantity; 3] = [Quantity::Resident, Quantity::Dirty, Quantity::Swapped];
/// The segment that all images of the shared cache have in common.
const COMMON: &str = "__LINKEDIT";

/// The regions of a page, and those of them that are parts of one.
pub(crate) struct Parts {
    pub(crate) regions: Vec<Region>,
    /// Whether the sizes in memory of each part are known; `None` if there are none.
    pub(crate) known: Option<bool>,
}

/// A segment, and the image it is of; of the shared cache's common segment none.
struct Segment<'a> {
    range: AddressRange,
    name: &'a str,
    image: Option<&'a LoadedImage>,
}

/// Returns the ranges of the regions that the page divides, so that their pages may be read.
pub fn divided_ranges(snapshot: &Snapshot) -> Vec<AddressRange> {
    let segments = segments(snapshot.images.as_ref());
    let divided = |region: &&Region| is_divided(region, &segments);
    snapshot.regions.iter().filter(divided).map(|region| region.identity.range).collect()
}

impl Parts {
    /// Divides the regions of `snapshot`, of some of which the `pages` are known.
    pub(crate) fn of(snapshot: &Snapshot, pages: &[RegionPages]) -> Self {
        let segments = segments(snapshot.images.as_ref());
        let mut all = Self { regions: Vec::with_capacity(snapshot.regions.len()), known: None };
        for region in &snapshot.regions {
            if !is_divided(region, &segments) {
                all.regions.push(region.clone());
                continue;
            }
            let pages = pages.iter().find(|pages| pages.range() == region.identity.range);
            for part in divide(region, &segments, pages) {
                let is_known = SIZES.iter().all(|size| part.quantities.get(*size).is_some());
                all.known = Some(all.known.unwrap_or(true) && is_known);
                all.regions.push(part);
            }
        }
        all
    }
}

/// Returns the segments of `images` by ascending address, without those that overlap another's.
fn segments(images: Option<&LoadedImages>) -> Vec<Segment<'_>> {
    let mut all: Vec<Segment<'_>> =
        images.into_iter().flat_map(|images| images.iter()).flat_map(of_image).collect();
    sort_by_key(&mut all, |segment| (segment.range.start, segment.range.end));
    let mut apart: Vec<Segment<'_>> = Vec::with_capacity(all.len());
    for segment in all {
        match apart.last_mut() {
            Some(last) if segment.range.start < last.range.end => {
                if segment.name == COMMON && (last.name, last.range) == (COMMON, segment.range) {
                    last.image = None;
                }
            }
            _ => apart.push(segment),
        }
    }
    apart
}

fn of_image(image: &Arc<LoadedImage>) -> impl Iterator<Item = Segment<'_>> {
    image.segments.iter().map(|LoadedSegment { range, name }| Segment {
        range: *range,
        name,
        image: Some(image),
    })
}

/// Returns the segments that have addresses in `range`.
fn within<'a, 'b>(segments: &'a [Segment<'b>], range: AddressRange) -> &'a [Segment<'b>] {
    // They do not overlap, so their ends ascend too.
    let first = segments.partition_point(|segment| segment.range.end <= range.start);
    let after = segments.partition_point(|segment| segment.range.start < range.end);
    &segments[first.min(after)..after]
}

/// Returns whether a region is one of the shared cache, or of an image by its rights alone, and the
/// segments in it are known.
fn is_divided(region: &Region, segments: &[Segment<'_>]) -> bool {
    let Identity { range, label, .. } = &*region.identity;
    match label.rule {
        Rule::SharedCache => !segments.is_empty(),
        Rule::Image => label.confidence != Confidence::Sure && !within(segments, *range).is_empty(),
        _ => false,
    }
}

/// Returns the parts of a region: one for each segment, and those between that no image has.
fn divide(region: &Region, segments: &[Segment<'_>], pages: Option<&RegionPages>) -> Vec<Region> {
    let range = region.identity.range;
    let mut parts = Vec::new();
    let mut at = range.start;
    for segment in within(segments, range) {
        let start = segment.range.start.max(at);
        let end = segment.range.end.min(range.end);
        if at < start {
            parts.push(part(region, AddressRange::new(at, start), None, pages));
        }
        parts.push(part(region, AddressRange::new(start, end), Some(segment), pages));
        at = end;
    }
    if at < range.end {
        parts.push(part(region, AddressRange::new(at, range.end), None, pages));
    }
    parts
}

fn part(
    region: &Region,
    range: AddressRange,
    segment: Option<&Segment<'_>>,
    pages: Option<&RegionPages>,
) -> Region {
    let mut identity = (*region.identity).clone();
    let quantities = pages
        .and_then(|pages| pages.quantities(range))
        .unwrap_or_else(|| evident(region, range.virtual_bytes()));
    identity.offset = identity.offset.wrapping_add(range.start - identity.range.start);
    identity.range = range;
    match segment {
        Some(segment) => {
            let detail: Option<Detail> = match segment.image {
                Some(_) => None,
                None => Some("dyld shared cache combined __LINKEDIT".into()),
            };
            let object = |image: &LoadedImage| match &identity.object {
                Some(object) if object.name == image.path => Arc::clone(object),
                _ => {
                    let name = Arc::clone(&image.path);
                    Arc::new(Object { name, device: (0, 0), inode: 0, deleted: false })
                }
            };
            identity.object = segment.image.map(object);
            identity.label = of_image_label(segment.name, detail);
        }
        None if identity.label.rule == Rule::SharedCache => {
            let writable = identity.max_protection.unwrap_or(identity.protection);
            let kind = match writable.contains(Protection::WRITE) {
                true => "__DATA",
                false => "__TEXT",
            };
            let detail = match quantities.get(Quantity::Dirty) {
                Some(1..) => format!("on dirty page  unused system shared lib {kind}"),
                _ => format!("unused  unknown system shared lib {kind}"),
            };
            identity.object = None;
            identity.label = of_image_label(&format!("unused {kind}"), Some(detail.into()));
        }
        None => {}
    }
    Region { identity: Arc::new(identity), quantities, ..region.clone() }
}

fn of_image_label(name: &str, detail: Option<Detail>) -> Label {
    Label {
        region_type: RegionType::named(name, Family::Image),
        detail,
        confidence: Confidence::Sure,
        rule: Rule::Image,
    }
}

/// Returns the sizes of a part of `bytes` that follow from those of the whole: where nothing of the
/// region is in memory nothing of the part is, and where all is, all.
fn evident(region: &Region, bytes: u64) -> Quantities {
    let all = region.identity.range.virtual_bytes();
    let mut known = Quantities::UNKNOWN;
    for quantity in SIZES {
        match region.quantities.get(quantity) {
            Some(0) => known.set(quantity, 0),
            Some(of_all) if of_all == all => known.set(quantity, bytes),
            _ => {}
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vmrec_sampler::{ProcessTotals, types};

    use super::*;
    use crate::fixture::{region, snapshot};

    const PAGE: u64 = 0x4000;

    fn cache(start: u64, end: u64, known: &[(Quantity, u64)]) -> Region {
        let mut region = region(start..end, types::DATA, None, known);
        let identity = Arc::make_mut(&mut region.identity);
        identity.label.rule = Rule::SharedCache;
        identity.label.detail = Some("dyld shared cache, 2 libraries".into());
        region
    }

    fn image(path: &str, segments: &[(&str, u64, u64)]) -> Arc<LoadedImage> {
        let segment = |&(name, start, end): &(&str, u64, u64)| LoadedSegment {
            range: AddressRange::new(start, end),
            name: name.into(),
        };
        let segments = segments.iter().map(segment).collect();
        Arc::new(LoadedImage { path: path.into(), uuid: None, address: 1, segments })
    }

    fn taken(regions: Vec<Region>, images: Vec<Arc<LoadedImage>>) -> Snapshot {
        Snapshot { images: Some(images.into()), ..snapshot(0, ProcessTotals::default(), regions) }
    }

    /// What each part is: addresses, type, what lies behind it, resident bytes.
    fn shown(parts: &Parts) -> Vec<String> {
        let line = |region: &Region| {
            let Identity { range, label, object, .. } = &*region.identity;
            let behind = object.as_ref().map(|object| object.name.to_string());
            let behind = behind.or(label.detail.as_ref().map(ToString::to_string));
            let resident = region.quantities.get(Quantity::Resident);
            format!("{range} {} {} {resident:?}", label.region_type, behind.unwrap_or_default())
        };
        parts.regions.iter().map(line).collect()
    }

    #[test]
    fn libraries_of_the_shared_cache_have_rows_of_their_own() {
        let known = [(Quantity::Resident, PAGE), (Quantity::Dirty, PAGE), (Quantity::Swapped, 0)];
        let regions = vec![
            cache(0x10_0000, 0x10_0000 + 2 * PAGE, &known),
            cache(0x20_0000, 0x20_0000 + PAGE, &known),
        ];
        let common = ("__LINKEDIT", 0x20_0000, 0x30_0000);
        let images = vec![
            image("/usr/lib/a", &[("__DATA", 0x10_0010, 0x10_0f00), common]),
            image("/usr/lib/b", &[("__DATA_DIRTY", 0x10_0f00, 0x10_4100), common]),
            image("/bin/liar", &[("__TEXT", 0x10_0020, 0x10_0030)]),
        ];
        let all = taken(regions, images);
        let ranges: Vec<_> = all.regions.iter().map(|region| region.identity.range).collect();
        assert_eq!(divided_ranges(&all), ranges);
        let states = RegionPages::new(ranges[0], PAGE, vec![0x9, 0]).unwrap();
        let parts = Parts::of(&all, &[states]);
        assert_eq!(parts.known, Some(true));
        insta::assert_snapshot!(shown(&parts).join("\n"), @r"
        100000-100010 unused __DATA on dirty page  unused system shared lib __DATA Some(16)
        100010-100f00 __DATA /usr/lib/a Some(3824)
        100f00-104100 __DATA_DIRTY /usr/lib/b Some(12544)
        104100-108000 unused __DATA unused  unknown system shared lib __DATA Some(0)
        200000-204000 __LINKEDIT dyld shared cache combined __LINKEDIT Some(16384)
        ");
        // Without the states of pages what part of a region is in memory is not known.
        let parts = Parts::of(&all, &[]);
        assert_eq!(parts.known, Some(false));
        insta::assert_snapshot!(shown(&parts).join("\n"), @r"
        100000-100010 unused __DATA unused  unknown system shared lib __DATA None
        100010-100f00 __DATA /usr/lib/a None
        100f00-104100 __DATA_DIRTY /usr/lib/b None
        104100-108000 unused __DATA unused  unknown system shared lib __DATA None
        200000-204000 __LINKEDIT dyld shared cache combined __LINKEDIT Some(16384)
        ");
    }

    #[test]
    fn regions_of_one_image_or_of_none_stay_whole() {
        let mut sure = region(0x1000..0x9000, types::TEXT, Some("/bin/a"), &[]);
        Arc::make_mut(&mut sure.identity).label.rule = Rule::Image;
        let heap = region(0x1_0000..0x2_0000, types::VM_ALLOCATE, None, &[]);
        let segments = [("__TEXT", 0x1000, 0x5000), ("__DATA", 0x1_0000, 0x1_8000)];
        let all = taken(vec![sure.clone(), heap], vec![image("/bin/a", &segments)]);
        assert!(divided_ranges(&all).is_empty());
        assert_eq!(Parts::of(&all, &[]).known, None);
        // By its rights alone it is no one segment.
        Arc::make_mut(&mut sure.identity).label.confidence = Confidence::Likely;
        let all = taken(vec![sure], vec![image("/bin/a", &segments)]);
        assert_eq!(
            shown(&Parts::of(&all, &[])),
            ["1000-5000 __TEXT /bin/a None", "5000-9000 __TEXT /bin/a None"]
        );
        // Where no list is known, the cache stays as it is.
        let all = Snapshot { images: None, ..taken(vec![cache(0, PAGE, &[])], Vec::new()) };
        assert_eq!(Parts::of(&all, &[]).known, None);
    }

    proptest! {
        /// Whatever segments a process claims to have, the parts are the region, once each.
        #[test]
        fn parts_are_the_whole_region(
            segments in proptest::collection::vec((0_u64..0x4_0000, 0_u64..0x9000), 0..20),
            start in 0_u64..8, pages in 1_u64..8,
        ) {
            let (start, end) = (start * PAGE, (start + pages) * PAGE);
            let segments: Vec<_> =
                segments.iter().map(|(at, bytes)| ("__DATA", *at, at + bytes)).collect();
            let whole = cache(start, end, &[(Quantity::Resident, end - start)]);
            let parts = Parts::of(&taken(vec![whole], vec![image("/a", &segments)]), &[]);
            let mut at = start;
            for part in &parts.regions {
                let range = part.identity.range;
                prop_assert!(range.start == at && range.end > at);
                prop_assert_eq!(part.quantities.get(Quantity::Resident), Some(range.virtual_bytes()));
                at = range.end;
            }
            prop_assert_eq!(at, end);
        }
    }
}

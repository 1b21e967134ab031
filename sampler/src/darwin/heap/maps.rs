//! Which regions are images, and which others may hold pointers.

use crate::heap::maps::{Maps, range_of};
use crate::heap::roots::ThreadRoots;
use crate::region::{AddressRange, Protection, Region, ShareMode};
use crate::vocabulary::Family;

/// Sorts regions, which ascend.
pub(crate) fn maps(regions: &[Region]) -> Maps {
    let mut maps = Maps::default();
    for region in regions {
        let identity = &region.identity;
        let Some(range) = identity.range.placed() else { continue };
        let has = |right| identity.protection.contains(right);
        if !has(Protection::READ) {
            if identity.protection == Protection::NONE {
                maps.guard_ends.push(range.end);
            }
            continue;
        }
        let is_shared = matches!(
            region.share_mode,
            Some(ShareMode::Shared | ShareMode::SharedAliased | ShareMode::Aliased)
        );
        match identity.label.region_type.family() {
            Family::Image => {
                maps.images.push(range);
                if has(Protection::WRITE) {
                    maps.data.push(range);
                }
            }
            // Memory of devices, and what the process owns and maps nowhere.
            Family::Kernel => {}
            // Files that are only read hold no addresses of this process.
            _ if identity.object.is_some() && !has(Protection::WRITE) => {}
            _ if is_shared || !has(Protection::WRITE) => maps.other.push(range),
            _ => maps.anonymous.push(range),
        }
    }
    maps
}

/// Gives threads the ends of the stacks that they are on, so that what lies below their stack pointers
/// does not count.
pub(crate) fn place(threads: &mut [ThreadRoots], maps: &Maps, regions: &[Region]) {
    let is_stack = |range: AddressRange| {
        let at = regions.partition_point(|region| region.identity.range.start < range.start);
        let of = regions.get(at).map(|region| region.identity.label.region_type.family());
        of == Some(Family::Stack)
    };
    for thread in threads {
        let stack = thread.stack_pointer.and_then(|pointer| range_of(&maps.anonymous, pointer));
        // Its own description lies above its stack.
        thread.thread_pointer =
            stack.filter(|range| is_stack(*range)).map(|range| range.end.saturating_sub(8));
    }
}

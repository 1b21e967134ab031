//! Turns pasted mappings of Linux into regions, by the rules for names, flags and shapes.

use std::sync::Arc;

use crate::order::sort_by_key;
use crate::pasted::model::{BadPaste, PastedSnapshot};
use crate::pasted::text::Line;
use crate::procfs::consistency::check;
use crate::procfs::mapping::DELETED;
use crate::procfs::sizes::{Field, Sizes};
use crate::procfs::smaps::Record;
use crate::quantity::{Quantities, Quantity};
use crate::region::{Object, Region, ShareMode};
use crate::snapshot::ProcessTotals;
use crate::stable_hash::stable_hash;
use crate::tracker::RegionTracker;

/// The maximum number of mappings: a kernel's default limit is 65530.
const MAX_MAPPINGS: usize = 4 << 20;
/// The device of files whose device and inode a paste does not say; the rules need one.
const NO_DEVICE: u32 = 0xffff_ffff;

/// One mapping of a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastedMapping {
    /// Where it is in the paste.
    pub(crate) line: usize,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// `rw-p`.
    pub(crate) rights: String,
    pub(crate) offset: u64,
    /// Major and minor number; `None` where the paste does not say.
    pub(crate) device: Option<(u32, u32)>,
    pub(crate) inode: u64,
    /// Its object's name, empty for anonymous memory.
    pub(crate) name: String,
    pub(crate) flags: Option<String>,
    pub(crate) sizes: Sizes,
    /// The written bytes, where only their sum is printed.
    pub(crate) dirty_bytes: Option<u64>,
}

/// Returns the snapshot of these mappings.
pub(crate) fn snapshot(
    mappings: &[PastedMapping],
    lines: &[Line],
    taken_utc_ns: Option<i64>,
) -> Result<PastedSnapshot, BadPaste> {
    let mut ordered: Vec<&PastedMapping> = mappings.iter().collect();
    sort_by_key(&mut ordered, |mapping| (mapping.start, mapping.end));
    ordered.truncate(MAX_MAPPINGS);
    let mut tracker = RegionTracker::new();
    tracker.begin();
    for mapping in &ordered {
        let header = header(mapping);
        let record = Record {
            header: header.as_bytes(),
            flags: mapping.flags.as_ref().map(String::as_bytes),
            sizes: sizes(mapping),
        };
        if !tracker.push(&record) {
            let line = lines.iter().find(|line| line.number == mapping.line);
            let text =
                line.map_or_else(String::new, |line| crate::pasted::model::shortened(&line.text));
            let problem = "these are no addresses and rights of a mapping";
            return Err(BadPaste::Line { line: mapping.line, text, problem });
        }
    }
    let mut regions = tracker.finish();
    let consistency = check(tracker.mappings(), None, None);
    let only_dirty = ordered.iter().any(|mapping| mapping.dirty_bytes.is_some());
    for region in &mut regions {
        if only_dirty {
            region.quantities = without(&region.quantities, Quantity::PrivateDirty);
            region.share_mode = region.share_mode.filter(|mode| *mode == ShareMode::Shared);
        }
        forget_device(region);
    }
    let totals = totals(&ordered, &regions);
    Ok(PastedSnapshot { taken_utc_ns, consistency, totals, regions })
}

/// Returns the mapping as the kernel writes it.
fn header(mapping: &PastedMapping) -> String {
    let PastedMapping { start, end, rights, offset, name, .. } = mapping;
    let is_file = !name.is_empty() && !name.starts_with('[');
    let (device, inode) = match mapping.device {
        Some(device) => (device, mapping.inode),
        None if is_file => ((NO_DEVICE, NO_DEVICE), number_of(name)),
        None => ((0, 0), 0),
    };
    format!("{start:x}-{end:x} {rights} {offset:x} {:x}:{:x} {inode} {name}", device.0, device.1)
}

/// Returns a number that names of one file share.
fn number_of(name: &str) -> u64 {
    let name = name.strip_suffix(DELETED).unwrap_or(name);
    stable_hash(name.bytes()) | 1
}

fn sizes(mapping: &PastedMapping) -> Sizes {
    let mut sizes = mapping.sizes;
    if let Some(dirty) = mapping.dirty_bytes {
        // The sum goes through the rules as one of its parts; `snapshot` takes that back.
        sizes.set(Field::PrivateDirty, dirty);
        sizes.set(Field::SharedDirty, 0);
    }
    sizes
}

/// Takes back the device and the number of a file that only the rules needed.
fn forget_device(region: &mut Region) {
    let is_made_up =
        |object: &Arc<Object>| object.device == (NO_DEVICE, NO_DEVICE) && object.inode != 0;
    if region.identity.object.as_ref().is_some_and(is_made_up) {
        let identity = Arc::make_mut(&mut region.identity);
        if let Some(object) = &mut identity.object {
            let object = Arc::make_mut(object);
            (object.device, object.inode) = ((0, 0), 0);
        }
    }
}

fn without(quantities: &Quantities, unknown: Quantity) -> Quantities {
    Quantity::ALL.into_iter().filter(|quantity| *quantity != unknown).fold(
        Quantities::UNKNOWN,
        |all, quantity| match quantities.get(quantity) {
            Some(bytes) => all.with(quantity, bytes),
            None => all,
        },
    )
}

/// Returns the totals that are sums over the regions; unknown where one of them is.
fn totals(mappings: &[&PastedMapping], regions: &[Region]) -> ProcessTotals {
    let swapped = mappings.iter().map(|mapping| mapping.sizes.get(Field::Swap));
    ProcessTotals {
        swapped_bytes: sum(swapped),
        footprint_bytes: sum(regions.iter().map(Region::footprint_bytes)),
        ..ProcessTotals::default()
    }
}

fn sum(mut values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.try_fold(0_u64, |sum, bytes| Some(sum.saturating_add(bytes?)))
}

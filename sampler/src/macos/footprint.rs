//! The way the kernel counts the pages of regions: a choice for all of this process, so that no two
//! of its samples are counted in different ways.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::macos::ffi::sysctl;

static COUNTS: AtomicBool = AtomicBool::new(false);

/// Makes all samples from now on count the pages that a process maps, as its footprint does, not
/// those of the objects in its regions; returns whether the kernel can.
pub fn count_as_footprint() -> bool {
    let can = sysctl::count_as_footprint(true);
    COUNTS.store(can, Ordering::Relaxed);
    can
}

/// Returns whether pages are counted so.
pub(crate) fn counts_footprint() -> bool {
    COUNTS.load(Ordering::Relaxed)
}

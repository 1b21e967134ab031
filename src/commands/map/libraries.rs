//! The pages of regions that the page divides by library: read of a process of macOS that runs.

use vmrec_sampler::{RegionPages, Sampler, Snapshot};

/// Returns the states of those pages of the process that `sampler` took `snapshot` of, if a page is
/// what is `wanted`.
#[cfg(target_os = "macos")]
pub(crate) fn pages(wanted: bool, sampler: &Sampler, snapshot: &Snapshot) -> Vec<RegionPages> {
    match wanted {
        true => sampler.pages(&vmrec_report::divided_ranges(snapshot)),
        false => Vec::new(),
    }
}

/// Returns none: no other system has regions that hold several libraries.
#[cfg(not(target_os = "macos"))]
pub(crate) const fn pages(_: bool, _: &Sampler, _: &Snapshot) -> Vec<RegionPages> {
    Vec::new()
}

//! Clusters of cells, and the free address space between regions.

use vmrec_sampler::{AddressRange, Snapshot};

use crate::address_map::cells::Cell;

/// A gap of more than this ends a cluster: 1 GiB.
const GAP: u64 = 1 << 30;

/// Cells near each other, with the gap before them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    pub(crate) cells: Vec<Cell>,
    /// Free address space between the cluster before and this one.
    pub(crate) gap_bytes: u64,
}

/// Groups cells in the order of addresses.
pub(crate) fn clusters(cells: Vec<Cell>) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut end = 0;
    for cell in cells {
        let gap_bytes = cell.range.start.saturating_sub(end);
        // A cell of many regions stands where the first of them is.
        let reach = match cell.count {
            1 => cell.range.end,
            _ => cell.range.start.saturating_add(cell.virtual_bytes).min(cell.range.end),
        };
        end = end.max(reach);
        match clusters.last_mut() {
            Some(cluster) if gap_bytes <= GAP => cluster.cells.push(cell),
            last => {
                let gap_bytes = if last.is_some() { gap_bytes } else { 0 };
                clusters.push(Cluster { cells: vec![cell], gap_bytes });
            }
        }
    }
    clusters
}

/// The largest stretch of addresses without a region, and the sum of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Free {
    pub(crate) largest: AddressRange,
    pub(crate) sum_bytes: u64,
    /// The power of two below which they lie.
    pub(crate) bits: u32,
}

/// Returns the free address space of a snapshot, below the end of what a process of its width has.
pub(crate) fn free(snapshot: &Snapshot) -> Option<Free> {
    let ranges = || snapshot.regions.iter().map(|region| region.identity.range);
    // The kernel's own page at the top of all addresses is no part of the process's.
    let highest = ranges().map(|range| range.end).filter(|end| *end <= 1 << 56).max()?;
    let bits = [32, 47, 48, 52, 56].into_iter().find(|bits| highest <= 1 << bits)?;
    let limit = 1u64 << bits;
    let mut sorted: Vec<AddressRange> = ranges().filter(|range| range.start < limit).collect();
    sorted.sort_unstable();
    sorted.push(AddressRange::new(limit, limit));
    let (mut end, mut sum_bytes) = (0u64, 0u64);
    let mut largest = AddressRange::new(0, 0);
    for range in sorted {
        let gap = AddressRange::new(end, range.start.max(end));
        sum_bytes += gap.virtual_bytes();
        if gap.virtual_bytes() > largest.virtual_bytes() {
            largest = gap;
        }
        end = end.max(range.end);
    }
    Some(Free { largest, sum_bytes, bits })
}

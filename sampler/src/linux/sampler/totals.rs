//! The figures of a sample for the process as a whole.

use crate::linux::system::{page_size_bytes, ticks_per_second};
use crate::procfs::stat::Stat;
use crate::procfs::statm::Statm;
use crate::procfs::status::Status;
use crate::quantity::Quantity;
use crate::region::Region;
use crate::snapshot::ProcessTotals;

/// Combines the process files of one reading with its regions.
pub(crate) fn totals(
    stat: &Stat,
    status: &Status,
    statm: &Statm,
    regions: &[Region],
) -> ProcessTotals {
    let page = page_size_bytes();
    let sum = |of: fn(&Region) -> Option<u64>| {
        regions.iter().try_fold(0_u64, |sum, region| Some(sum.saturating_add(of(region)?)))
    };
    // The kernel counts pages of hugetlb apart, and swapped shared memory (VmSwap) not at all.
    let resident_bytes = resident_bytes(statm, status);
    let swapped_bytes = sum(|region| region.quantities.get(Quantity::Swapped));
    ProcessTotals {
        virtual_bytes: Some(statm.size.saturating_mul(page)),
        resident_bytes: Some(resident_bytes),
        peak_resident_bytes: status.peak_resident_bytes.map(|peak| peak.max(resident_bytes)),
        anonymous_resident_bytes: status.anonymous_bytes,
        file_resident_bytes: status.file_bytes,
        shmem_resident_bytes: status.shmem_bytes,
        swapped_bytes,
        page_table_bytes: status.page_table_bytes,
        footprint_bytes: sum(Region::footprint_bytes),
        threads: status.threads.or(Some(stat.threads)),
        minor_faults: Some(stat.minor_faults),
        major_faults: Some(stat.major_faults),
        cpu_ns: stat.cpu_ticks.checked_mul(1_000_000_000 / ticks_per_second()),
        ..ProcessTotals::default()
    }
}

/// Returns the resident bytes of the process as those of regions are counted: with hugetlb.
pub(crate) fn resident_bytes(statm: &Statm, status: &Status) -> u64 {
    let hugetlb = status.hugetlb_bytes.unwrap_or(0);
    statm.resident.saturating_mul(page_size_bytes()).saturating_add(hugetlb)
}

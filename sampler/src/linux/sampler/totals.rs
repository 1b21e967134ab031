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
    let footprint_bytes = regions.iter().try_fold(0_u64, |sum, region| {
        let dirty = region.quantities.get(Quantity::PrivateDirty)?;
        let swapped = region.quantities.get(Quantity::Swapped)?;
        Some(sum.saturating_add(dirty).saturating_add(swapped))
    });
    ProcessTotals {
        virtual_bytes: Some(statm.size.saturating_mul(page)),
        resident_bytes: Some(statm.resident.saturating_mul(page)),
        peak_resident_bytes: status.peak_resident_bytes,
        anonymous_resident_bytes: status.anonymous_bytes,
        file_resident_bytes: status.file_bytes,
        shmem_resident_bytes: status.shmem_bytes,
        swapped_bytes: status.swapped_bytes,
        page_table_bytes: status.page_table_bytes,
        footprint_bytes,
        threads: status.threads.or(Some(stat.threads)),
        minor_faults: Some(stat.minor_faults),
        major_faults: Some(stat.major_faults),
        cpu_ns: stat.cpu_ticks.checked_mul(1_000_000_000 / ticks_per_second()),
    }
}

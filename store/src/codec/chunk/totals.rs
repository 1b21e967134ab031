//! The kernel's totals of the process, and the cost of taking each sample.
//!
//! ```text
//! totals = cost of CPU, cost of wall clock, then one column for each of [`FIELDS`]
//! ```

use vmrec_sampler::{Cost, ProcessTotals};

use crate::codec::chunk::column::Column;
use crate::codec::varint::{Cursor, Malformed};
use crate::recording::Sample;

/// How many totals there are.
pub(crate) const FIELDS: usize = 33;

/// Returns the bytes of the totals of `samples`.
pub(crate) fn encode(samples: &[Sample]) -> Vec<u8> {
    let mut out = Vec::new();
    let column = |value: &dyn Fn(&Sample) -> Option<u64>| samples.iter().map(value).collect();
    let costs: [Column; 2] =
        [column(&|sample| Some(sample.cost.cpu_ns)), column(&|sample| Some(sample.cost.wall_ns))];
    for column in costs {
        column.put(&mut out);
    }
    for field in 0..FIELDS {
        let value = |sample: &Sample| *fields(&mut { sample.totals })[field];
        let values: Column = samples.iter().map(value).collect();
        values.put(&mut out);
    }
    out
}

/// Returns cost and totals of each of `count` samples.
pub(crate) fn decode(count: usize, data: &[u8]) -> Result<Vec<(Cost, ProcessTotals)>, Malformed> {
    let mut cursor = Cursor(data);
    let cpu = Column::take_known(&mut cursor, count)?;
    let wall = Column::take_known(&mut cursor, count)?;
    let mut all: Vec<_> = cpu
        .into_iter()
        .zip(wall)
        .map(|(cpu_ns, wall_ns)| (Cost { cpu_ns, wall_ns }, ProcessTotals::default()))
        .collect();
    for field in 0..FIELDS {
        let mut rows = all.iter_mut();
        Column::read(&mut cursor, count, |value, times| {
            for (_, totals) in rows.by_ref().take(times) {
                *fields(totals)[field] = value;
            }
        })?;
    }
    if !cursor.is_empty() {
        return Err(Malformed("bytes after its end"));
    }
    Ok(all)
}

/// Returns cost and totals of the sample at `index` of `count`, without building the others.
pub(crate) fn decode_at(
    count: usize,
    index: usize,
    data: &[u8],
) -> Result<(Cost, ProcessTotals), Malformed> {
    let mut cursor = Cursor(data);
    let mut take = || {
        let (mut at, mut found) = (0, None);
        Column::read(&mut cursor, count, |value, times| {
            if (at..at + times).contains(&index) {
                found = value;
            }
            at += times;
        })?;
        Ok(found)
    };
    let unknown = Malformed("an unknown cost");
    let cpu_ns = take()?.ok_or(unknown)?;
    let wall_ns = take()?.ok_or(unknown)?;
    let mut totals = ProcessTotals::default();
    for field in fields(&mut totals) {
        *field = take()?;
    }
    if !cursor.is_empty() {
        return Err(Malformed("bytes after its end"));
    }
    Ok((Cost { cpu_ns, wall_ns }, totals))
}

/// The totals in the order they are stored in.
pub(crate) const fn fields(totals: &mut ProcessTotals) -> [&mut Option<u64>; FIELDS] {
    [
        &mut totals.virtual_bytes,
        &mut totals.resident_bytes,
        &mut totals.peak_resident_bytes,
        &mut totals.anonymous_resident_bytes,
        &mut totals.file_resident_bytes,
        &mut totals.shmem_resident_bytes,
        &mut totals.swapped_bytes,
        &mut totals.page_table_bytes,
        &mut totals.footprint_bytes,
        &mut totals.peak_footprint_bytes,
        &mut totals.purgeable_footprint_bytes,
        &mut totals.network_footprint_bytes,
        &mut totals.media_footprint_bytes,
        &mut totals.graphics_footprint_bytes,
        &mut totals.neural_footprint_bytes,
        &mut totals.threads,
        &mut totals.minor_faults,
        &mut totals.major_faults,
        &mut totals.cpu_ns,
        &mut totals.max_mappings,
        &mut totals.address_space_limit_bytes,
        &mut totals.data_limit_bytes,
        &mut totals.cgroup_bytes,
        &mut totals.cgroup_peak_bytes,
        &mut totals.cgroup_max_bytes,
        &mut totals.cgroup_anonymous_bytes,
        &mut totals.cgroup_file_bytes,
        &mut totals.cgroup_kernel_bytes,
        &mut totals.cgroup_slab_bytes,
        &mut totals.cgroup_socket_bytes,
        &mut totals.cgroup_oom_kills,
        &mut totals.cgroup_some_stalled_ns,
        &mut totals.cgroup_all_stalled_ns,
    ]
}

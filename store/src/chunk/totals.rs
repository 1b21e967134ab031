//! What the kernel said of the whole process, and what taking each sample cost.
//!
//! ```text
//! totals = cost of CPU, cost of wall clock, then one column for each of [`FIELDS`]
//! ```

use vmrec_sampler::{Cost, ProcessTotals};

use super::Column;
use crate::frame::Malformed;
use crate::frame::varint::Cursor;
use crate::recording::Sample;

const FIELDS: usize = 13;

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
        let values: Column = samples.iter().map(|sample| fields(sample.totals)[field]).collect();
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
        .map(|(cpu_ns, wall_ns)| (Cost { cpu_ns, wall_ns }, [None; FIELDS]))
        .collect();
    for field in 0..FIELDS {
        let mut rows = all.iter_mut();
        Column::read(&mut cursor, count, |value| {
            if let Some((_, fields)) = rows.next() {
                fields[field] = value;
            }
        })?;
    }
    if !cursor.is_empty() {
        return Err(Malformed("bytes after its end"));
    }
    Ok(all.into_iter().map(|(cost, fields)| (cost, totals(fields))).collect())
}

/// The totals in the order they are stored in.
const fn fields(totals: ProcessTotals) -> [Option<u64>; FIELDS] {
    [
        totals.virtual_bytes,
        totals.resident_bytes,
        totals.peak_resident_bytes,
        totals.anonymous_resident_bytes,
        totals.file_resident_bytes,
        totals.shmem_resident_bytes,
        totals.swapped_bytes,
        totals.page_table_bytes,
        totals.footprint_bytes,
        totals.threads,
        totals.minor_faults,
        totals.major_faults,
        totals.cpu_ns,
    ]
}

const fn totals(fields: [Option<u64>; FIELDS]) -> ProcessTotals {
    let [
        virtual_bytes,
        resident_bytes,
        peak_resident_bytes,
        anonymous_resident_bytes,
        file_resident_bytes,
        shmem_resident_bytes,
        swapped_bytes,
        page_table_bytes,
        footprint_bytes,
        threads,
        minor_faults,
        major_faults,
        cpu_ns,
    ] = fields;
    ProcessTotals {
        virtual_bytes,
        resident_bytes,
        peak_resident_bytes,
        anonymous_resident_bytes,
        file_resident_bytes,
        shmem_resident_bytes,
        swapped_bytes,
        page_table_bytes,
        footprint_bytes,
        threads,
        minor_faults,
        major_faults,
        cpu_ns,
    }
}

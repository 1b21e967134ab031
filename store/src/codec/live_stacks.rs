//! The parts of each stack and type of several metrics, as bytes.
//!
//! ```text
//! data   = zstd of plain
//! plain  = version, counts, types, parts, changes of blocks as blocks.rs defines them
//! counts = period, known faults, sampled faults, lost faults, 1 if faults in the kernel are seen, known lost calls, blocks
//! known  = 1 if it is known, number
//! blocks = mean bytes, or 0 if blocks are not recorded, lost samples, lost ends, 1 if all could be read
//! types  = count, count × text
//! parts  = count, count × (name of the metric, rows)
//! rows   = count, count × (stack − stack before, type, samples, bytes, variance)
//! ```
//!
//! Numbers are varints, text is preceded by its length. Rows are in the order of their stacks; those of
//! metrics that this version does not know are left out. Files are untrusted: memory is allocated only as the bytes justify it, and they are bounded by
//! [`MAX_BYTES`].

use std::io::Read;

use vmrec_sampler::{AllocCounts, BlockChanges, LiveStack, StackCounts, StackMetric};

use crate::codec::blocks;
use crate::codec::varint::{Cursor, Malformed, put};

/// The maximum decompressed size.
const MAX_BYTES: u64 = 16 << 20;
/// The largest window, as a power of two.
const MAX_WINDOW_LOG: u32 = MAX_BYTES.ilog2();
/// The version of the encoding.
const VERSION: u64 = 2;
/// The bytes that a row has at least.
const MIN_ROW_BYTES: usize = 5;

/// The parts of stacks at a sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveStacks {
    /// How complete they are.
    pub counts: StackCounts,
    /// By metric, stack and type, in the order of metrics and stacks.
    pub rows: Vec<LiveStack>,
    /// The sampled blocks that came and went since the stacks before.
    pub blocks: BlockChanges,
}

impl LiveStacks {
    /// Returns the metric that explains memory over time: of page faults, or of blocks.
    pub const fn leading(&self) -> StackMetric {
        if self.counts.allocs.is_some() { StackMetric::Live } else { StackMetric::Resident }
    }

    /// Returns whether a metric was recorded.
    pub const fn has(&self, metric: StackMetric) -> bool {
        match metric {
            StackMetric::Resident => self.counts.allocs.is_none(),
            StackMetric::Live | StackMetric::Allocated => self.counts.allocs.is_some(),
            StackMetric::Mapped
            | StackMetric::Births
            | StackMetric::Deaths
            | StackMetric::Released => self.counts.lost_calls.is_some(),
        }
    }
}

/// Encodes the rows, which are in the order of their metrics and stacks.
pub(crate) fn encode(
    counts: &StackCounts,
    rows: &[LiveStack],
    changes: &BlockChanges,
) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(rows.len() * 12);
    let known = |number: Option<u64>| [number.is_some().into(), number.unwrap_or_default()];
    let ([has_faults, faults], [has_calls, lost_calls]) =
        (known(counts.faults), known(counts.lost_calls));
    let numbers = [
        VERSION,
        counts.period,
        has_faults,
        faults,
        counts.sampled_faults,
        counts.lost_faults,
        counts.sees_kernel.into(),
        has_calls,
        lost_calls,
        counts.allocs.map_or(0, |allocs| allocs.mean_bytes),
        counts.allocs.map_or(0, |allocs| allocs.lost_samples),
        counts.allocs.map_or(0, |allocs| allocs.lost_ends),
        counts.allocs.is_some_and(|allocs| allocs.is_whole).into(),
    ];
    numbers.into_iter().for_each(|number| put(&mut plain, number));
    let mut types: Vec<&str> = rows.iter().map(|row| row.region_type.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    put(&mut plain, types.len() as u64);
    types.iter().for_each(|name| put_text(&mut plain, name));
    let parts = || rows.chunk_by(|one, other| one.metric == other.metric);
    put(&mut plain, parts().count() as u64);
    for rows in parts() {
        put_text(&mut plain, rows.first().map_or("", |row| row.metric.name()));
        put(&mut plain, rows.len() as u64);
        let mut before = 0;
        for row in rows {
            let name = types.binary_search(&row.region_type.as_str()).unwrap_or_default();
            put(&mut plain, u64::from(row.stack - before));
            before = row.stack;
            [name as u64, row.samples, row.bytes, row.variance]
                .into_iter()
                .for_each(|number| put(&mut plain, number));
        }
    }
    blocks::encode(&mut plain, changes);
    zstd::bulk::compress(&plain, 3)
}

fn put_text(plain: &mut Vec<u8>, text: &str) {
    put(plain, text.len() as u64);
    plain.extend_from_slice(text.as_bytes());
}

/// Decodes such bytes.
pub(crate) fn decode(data: &[u8]) -> Result<LiveStacks, Malformed> {
    let no_zstd = |_| Malformed("no zstd data");
    let mut decoder = zstd::stream::read::Decoder::with_buffer(data).map_err(no_zstd)?;
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(no_zstd)?;
    let mut plain = Vec::new();
    let broken = |_| Malformed("broken zstd data");
    decoder.take(MAX_BYTES + 1).read_to_end(&mut plain).map_err(broken)?;
    if plain.len() as u64 > MAX_BYTES {
        return Err(Malformed("more bytes than stacks have"));
    }
    let mut cursor = Cursor(&plain);
    if cursor.take()? != VERSION {
        return Err(Malformed("stacks of another version"));
    }
    let counts = StackCounts {
        period: cursor.take()?,
        faults: known(&mut cursor)?,
        sampled_faults: cursor.take()?,
        lost_faults: cursor.take()?,
        sees_kernel: cursor.take()? == 1,
        lost_calls: known(&mut cursor)?,
        allocs: allocs(&mut cursor)?,
    };
    let count = cursor.take_count(cursor.len())?;
    let types = (0..count).map(|_| cursor.take_text()).collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    for _ in 0..cursor.take_count(cursor.len())? {
        let metric = StackMetric::from_name(cursor.take_text()?);
        let count = cursor.take_count(cursor.len() / MIN_ROW_BYTES)?;
        let mut stack = 0_u32;
        for _ in 0..count {
            let step = u32::try_from(cursor.take()?).ok();
            stack =
                step.and_then(|step| stack.checked_add(step)).ok_or(Malformed("no such stack"))?;
            let name = usize::try_from(cursor.take()?).ok().and_then(|index| types.get(index));
            let name = *name.ok_or(Malformed("no such type"))?;
            let [samples, bytes, variance] = [cursor.take()?, cursor.take()?, cursor.take()?];
            let row = |metric| LiveStack {
                metric,
                stack,
                region_type: name.to_owned(),
                samples,
                bytes,
                variance,
            };
            rows.extend(metric.map(row));
        }
    }
    let blocks = blocks::decode(&mut cursor)?;
    if cursor.is_empty() {
        Ok(LiveStacks { counts, rows, blocks })
    } else {
        Err(Malformed("too long"))
    }
}

fn allocs(cursor: &mut Cursor<'_>) -> Result<Option<AllocCounts>, Malformed> {
    let allocs = AllocCounts {
        mean_bytes: cursor.take()?,
        lost_samples: cursor.take()?,
        lost_ends: cursor.take()?,
        is_whole: cursor.take()? == 1,
    };
    Ok(Some(allocs).filter(|allocs| allocs.mean_bytes > 0))
}

fn known(cursor: &mut Cursor<'_>) -> Result<Option<u64>, Malformed> {
    let (is_known, number) = (cursor.take()? == 1, cursor.take()?);
    Ok(is_known.then_some(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stacks() -> impl Strategy<Value = LiveStacks> {
        let metric = (0..StackMetric::ALL.len()).prop_map(|index| StackMetric::ALL[index]);
        let row = (metric, 0_u32..300, "[a-c]{1,2}", 0_u64..99, any::<u64>(), any::<u64>());
        (proptest::collection::vec(row, 0..30), any::<[u64; 4]>(), any::<bool>()).prop_map(
            |(mut rows, [period, faults, sampled_faults, lost_faults], sees_kernel)| {
                rows.sort();
                let row = |(metric, stack, region_type, samples, bytes, variance)| LiveStack {
                    metric,
                    stack,
                    region_type,
                    samples,
                    bytes,
                    variance,
                };
                LiveStacks {
                    counts: StackCounts {
                        period,
                        faults: sees_kernel.then_some(faults),
                        sampled_faults,
                        lost_faults,
                        sees_kernel,
                        lost_calls: (!sees_kernel).then_some(faults),
                        allocs: sees_kernel.then_some(AllocCounts {
                            mean_bytes: period.max(1),
                            lost_samples: lost_faults,
                            lost_ends: faults,
                            is_whole: period % 2 == 0,
                        }),
                    },
                    rows: rows.into_iter().map(row).collect(),
                    blocks: BlockChanges { left_out: faults, ..BlockChanges::default() },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn stacks_come_back(stacks in stacks()) {
            let data = encode(&stacks.counts, &stacks.rows, &stacks.blocks).unwrap();
            prop_assert_eq!(decode(&data).unwrap(), stacks);
        }

        #[test]
        fn metrics_of_later_versions_are_left_out(stacks in stacks()) {
            let mut plain =
                zstd::bulk::decompress(&encode(&stacks.counts, &stacks.rows, &stacks.blocks).unwrap(), 1 << 20).unwrap();
            let (known, new) = (StackMetric::Deaths.name().as_bytes(), b"dreams");
            for at in 0..plain.len().saturating_sub(known.len()) {
                if plain[at..].starts_with(known) {
                    plain[at..at + new.len()].copy_from_slice(new);
                }
            }
            let rows = stacks.rows.iter().filter(|row| row.metric != StackMetric::Deaths);
            let left = LiveStacks { rows: rows.cloned().collect(), ..stacks.clone() };
            prop_assert_eq!(decode(&zstd::bulk::compress(&plain, 1).unwrap()).unwrap(), left);
        }

        #[test]
        fn any_plain_bytes_are_stacks_or_refused(plain in proptest::collection::vec(0_u8..9, 0..80)) {
            let _ = decode(&zstd::bulk::compress(&plain, 1).unwrap());
            let _ = decode(&plain);
        }
    }
}

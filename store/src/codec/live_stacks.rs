//! The pages of each stack and type that are present, as bytes.
//!
//! ```text
//! data   = zstd of plain
//! plain  = version, counts, types, rows
//! counts = period, 1 if faults are known, faults, sampled faults, lost faults, 1 if faults in the kernel are seen
//! types  = count, count × text
//! rows   = count, count × (stack − stack before, type, samples, bytes, variance)
//! ```
//!
//! Numbers are varints, text is preceded by its length. Rows are in the order of their stacks. Files
//! are untrusted: memory is allocated only as the bytes justify it, and they are bounded by
//! [`MAX_BYTES`].

use std::io::Read;

use vmrec_sampler::{LiveStack, StackCounts};

use crate::codec::varint::{Cursor, Malformed, put};

/// The maximum decompressed size.
const MAX_BYTES: u64 = 16 << 20;
/// The largest window, as a power of two.
const MAX_WINDOW_LOG: u32 = MAX_BYTES.ilog2();
/// The version of the encoding.
const VERSION: u64 = 1;
/// The bytes that a row has at least.
const MIN_ROW_BYTES: usize = 5;

/// The stacks whose pages are present at a sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveStacks {
    /// How complete they are.
    pub counts: StackCounts,
    /// By stack and type, in the order of stacks.
    pub rows: Vec<LiveStack>,
}

/// Encodes the rows, which are in the order of their stacks.
pub(crate) fn encode(counts: &StackCounts, rows: &[LiveStack]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(rows.len() * 12);
    let numbers = [
        VERSION,
        counts.period,
        counts.faults.is_some().into(),
        counts.faults.unwrap_or_default(),
        counts.sampled_faults,
        counts.lost_faults,
        counts.sees_kernel.into(),
    ];
    numbers.into_iter().for_each(|number| put(&mut plain, number));
    let mut types: Vec<&str> = rows.iter().map(|row| row.region_type.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    put(&mut plain, types.len() as u64);
    for name in &types {
        put(&mut plain, name.len() as u64);
        plain.extend_from_slice(name.as_bytes());
    }
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
    zstd::bulk::compress(&plain, 3)
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
    let (period, is_known, faults) = (cursor.take()?, cursor.take()? == 1, cursor.take()?);
    let counts = StackCounts {
        period,
        faults: is_known.then_some(faults),
        sampled_faults: cursor.take()?,
        lost_faults: cursor.take()?,
        sees_kernel: cursor.take()? == 1,
    };
    let count = cursor.take_count(cursor.len())?;
    let types = (0..count).map(|_| cursor.take_text()).collect::<Result<Vec<_>, _>>()?;
    let count = cursor.take_count(cursor.len() / MIN_ROW_BYTES)?;
    let mut rows = Vec::new();
    let mut stack = 0_u32;
    for _ in 0..count {
        let step = u32::try_from(cursor.take()?).ok();
        stack = step.and_then(|step| stack.checked_add(step)).ok_or(Malformed("no such stack"))?;
        let name = usize::try_from(cursor.take()?).ok().and_then(|index| types.get(index));
        rows.push(LiveStack {
            stack,
            region_type: (*name.ok_or(Malformed("no such type"))?).to_owned(),
            samples: cursor.take()?,
            bytes: cursor.take()?,
            variance: cursor.take()?,
        });
    }
    if cursor.is_empty() { Ok(LiveStacks { counts, rows }) } else { Err(Malformed("too long")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stacks() -> impl Strategy<Value = LiveStacks> {
        let row = (0_u32..300, "[a-c]{1,2}", 0_u64..99, any::<u64>(), any::<u64>());
        (proptest::collection::vec(row, 0..30), any::<[u64; 4]>(), any::<bool>()).prop_map(
            |(mut rows, [period, faults, sampled_faults, lost_faults], sees_kernel)| {
                rows.sort();
                let row = |(stack, region_type, samples, bytes, variance)| LiveStack {
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
                    },
                    rows: rows.into_iter().map(row).collect(),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn stacks_come_back(stacks in stacks()) {
            let data = encode(&stacks.counts, &stacks.rows).unwrap();
            prop_assert_eq!(decode(&data).unwrap(), stacks);
        }

        #[test]
        fn any_plain_bytes_are_stacks_or_refused(plain in proptest::collection::vec(0_u8..9, 0..80)) {
            let _ = decode(&zstd::bulk::compress(&plain, 1).unwrap());
            let _ = decode(&plain);
        }
    }
}

//! The sampled blocks that came and went, as bytes of the stacks of a sample.
//!
//! ```text
//! blocks = begun, ended, left out
//! begun  = count, count × (number − number before, address, bytes, time, stack)
//! ended  = count, count × (number − number before, 1 + time, or 0 if it is unknown, stack)
//! ```
//!
//! Numbers are varints. Times are on the clock of samples.

use vmrec_sampler::{BlockBegin, BlockChanges, BlockEnd};

use crate::codec::varint::{Cursor, Malformed, put};

/// The bytes that an entry has at least.
const MIN_BEGIN_BYTES: usize = 5;
const MIN_END_BYTES: usize = 3;

/// Appends blocks; those in the order of their numbers take less.
pub(crate) fn encode(plain: &mut Vec<u8>, blocks: &BlockChanges) {
    let mut put_all = |numbers: &[u64]| numbers.iter().for_each(|number| put(plain, *number));
    put_all(&[blocks.begun.len() as u64]);
    let mut before = 0_u64;
    for BlockBegin { id, address, bytes, time_ns, stack } in &blocks.begun {
        put_all(&[id.wrapping_sub(before), *address, *bytes, *time_ns, (*stack).into()]);
        before = *id;
    }
    put_all(&[blocks.ended.len() as u64]);
    before = 0;
    for BlockEnd { id, time_ns, stack } in &blocks.ended {
        let time = time_ns.map_or(0, |time_ns| time_ns.saturating_add(1));
        put_all(&[id.wrapping_sub(before), time, (*stack).into()]);
        before = *id;
    }
    put_all(&[blocks.left_out]);
}

/// Decodes such bytes.
pub(crate) fn decode(cursor: &mut Cursor<'_>) -> Result<BlockChanges, Malformed> {
    let stack = |number: u64| u32::try_from(number).map_err(|_| Malformed("no such stack"));
    let mut blocks = BlockChanges::default();
    let mut id = 0_u64;
    for _ in 0..cursor.take_count(cursor.len() / MIN_BEGIN_BYTES)? {
        id = id.wrapping_add(cursor.take()?);
        blocks.begun.push(BlockBegin {
            id,
            address: cursor.take()?,
            bytes: cursor.take()?,
            time_ns: cursor.take()?,
            stack: stack(cursor.take()?)?,
        });
    }
    id = 0;
    for _ in 0..cursor.take_count(cursor.len() / MIN_END_BYTES)? {
        id = id.wrapping_add(cursor.take()?);
        let time_ns = cursor.take()?.checked_sub(1);
        blocks.ended.push(BlockEnd { id, time_ns, stack: stack(cursor.take()?)? });
    }
    blocks.left_out = cursor.take()?;
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks() -> impl Strategy<Value = BlockChanges> {
        let begin = (any::<u64>(), any::<u64>(), 0_u64..9999, 0..u64::MAX, any::<u32>());
        let begin = begin.prop_map(|(id, address, bytes, time_ns, stack)| BlockBegin {
            id,
            address,
            bytes,
            time_ns,
            stack,
        });
        let end = (any::<u64>(), proptest::option::of(0..u64::MAX), any::<u32>());
        let end = end.prop_map(|(id, time_ns, stack)| BlockEnd { id, time_ns, stack });
        let all = |begun, ended, left_out| BlockChanges { begun, ended, left_out };
        (
            proptest::collection::vec(begin, 0..20),
            proptest::collection::vec(end, 0..20),
            any::<u64>(),
        )
            .prop_map(move |(begun, ended, left_out)| all(begun, ended, left_out))
    }

    proptest! {
        #[test]
        fn blocks_come_back(blocks in blocks()) {
            let mut plain = Vec::new();
            encode(&mut plain, &blocks);
            let mut cursor = Cursor(&plain);
            prop_assert_eq!(decode(&mut cursor).unwrap(), blocks);
            prop_assert!(cursor.is_empty());
        }

        #[test]
        fn any_bytes_are_blocks_or_refused(plain in proptest::collection::vec(0_u8..9, 0..80)) {
            let _ = decode(&mut Cursor(&plain));
        }
    }
}

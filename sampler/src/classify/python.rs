//! CPython's own memory: arenas of small objects (R14c) and stacks of frames (R14d).

use crate::classify::reader::PAGE;
use crate::classify::work::Work;

/// Bytes of a pool and of its arena: since 3.10, and before.
const SIZES: [(u64, u64); 2] = [(16 << 10, 1 << 20), (4 << 10, 256 << 10)];
/// The number of pools of an arena to check: the first may not be in use yet.
const POOLS: u64 = 4;
/// Bytes of a pool's header.
const POOL_HEADER: u64 = 48;
const SIZE_CLASSES: u64 = 64;
/// Frame stacks are multiples of the first, up to the second.
const CHUNK_UNIT: u64 = 16 << 10;
const CHUNK_BYTES: u64 = 4 << 20;

/// Returns the bytes of the arena that begins at page `at`.
pub(crate) fn arena_at(work: &mut Work<'_, '_>, at: u64, end: u64) -> Option<u64> {
    SIZES.into_iter().find_map(|(pool, arena)| {
        let after = at.checked_add(arena)?;
        if after > end {
            return None;
        }
        let first = at.checked_next_multiple_of(pool)?;
        (0..POOLS)
            .filter_map(|index| first.checked_add(index * pool))
            .any(|at| pool_at(work, at) == Some(pool))
            .then_some(arena)
    })
}

/// Returns the bytes of the pool whose header is at `at`.
fn pool_at(work: &mut Work<'_, '_>, at: u64) -> Option<u64> {
    // struct pool_header: uses (32 bits), free block, two links, then four numbers of 32 bits.
    let [uses, free, _, _, place_and_class, offsets] = work.reader.words::<6>(at)?;
    let (uses, class) = (uses & u64::from(u32::MAX), place_and_class >> 32);
    let (next, last) = (offsets & u64::from(u32::MAX), offsets >> 32);
    if class >= SIZE_CLASSES {
        return None;
    }
    let sound = |pool: u64, unit: u64| {
        let block = (class + 1) * unit;
        last == pool - block
            && (POOL_HEADER..=pool + block).contains(&next)
            && uses <= pool / unit
            && at.is_multiple_of(pool)
            && (free == 0 || at < free && free - at < pool)
    };
    let pools = SIZES.map(|(pool, _)| pool).into_iter();
    pools.into_iter().find(|pool| sound(*pool, 16) || sound(*pool, 8))
}

/// Returns the bytes of the chunk of a frame stack at `at`.
pub(crate) fn frame_chunk_at(work: &mut Work<'_, '_>, at: u64, end: u64) -> Option<u64> {
    // struct _stack_chunk: the chunk before, the size in bytes, the words in use.
    let [before, size, used] = work.reader.words::<3>(at)?;
    let sound = size != 0
        && size.is_multiple_of(CHUNK_UNIT)
        && size <= CHUNK_BYTES
        && at.checked_add(size).is_some_and(|after| after <= end)
        && used <= size / 8
        && before.is_multiple_of(PAGE)
        && (before == 0 || work.claims.at(before).is_some());
    sound.then_some(size)
}

//! The small objects of CPython, which lie in pools of an allocator of its own (pymalloc).

pub(crate) mod object;
pub(crate) mod pool;

use std::collections::HashMap;

use crate::heap::block::Tally;
use crate::heap::gather::FirstWords;
use crate::heap::mapped::without;
use crate::heap::maps::Maps;
use crate::heap::python::object::HEAD_WORDS;
use crate::heap::python::pool::{HEADER_BYTES, Header};
use crate::heap::snapshot::{PoolGroup, Pools};
use crate::heap::target::{Late, Pages, Target};
use crate::order::sort_by_key;
use crate::region::AddressRange;

/// The bytes of a pool: since 3.10, and before.
const POOL_BYTES: [u64; 2] = [16 << 10, 4 << 10];
const PAGE: u64 = 4096;

/// Finds the pools in anonymous memory outside of `occupied`, and counts the objects in them.
pub(crate) fn find(
    target: &mut Target<'_>,
    maps: &Maps,
    occupied: &[AddressRange],
    keys: &mut FirstWords,
) -> Result<Option<Pools>, Late> {
    let mut sums = Sums::default();
    let mut bytes = vec![0; POOL_BYTES[0] as usize];
    for range in without(&maps.anonymous, occupied) {
        let mut after = range.start;
        for part in target.populated(range, Pages::Any) {
            let mut at = part.start.max(after).next_multiple_of(PAGE);
            while at < part.end.min(range.end) {
                target.check_time()?;
                let found = POOL_BYTES.into_iter().find(|pool_bytes| {
                    at.is_multiple_of(*pool_bytes)
                        && at + pool_bytes <= range.end
                        && sums.pool(target, maps, at, &mut bytes[..*pool_bytes as usize], keys)
                });
                at += found.unwrap_or(PAGE);
                after = at;
            }
        }
    }
    Ok(sums.finish())
}

/// The pools found so far.
#[derive(Debug, Default)]
struct Sums {
    pools: u64,
    bytes: u64,
    free_bytes: u64,
    used: Tally,
    /// By class and the bytes of a block.
    groups: HashMap<(u32, u64), Tally>,
}

impl Sums {
    /// Counts the blocks of a pool at `at`, if there is one.
    fn pool(
        &mut self,
        target: &mut Target<'_>,
        maps: &Maps,
        at: u64,
        bytes: &mut [u8],
        keys: &mut FirstWords,
    ) -> bool {
        let Some(words) = target.words::<6>(at) else { return false };
        let Some(header) = Header::read(words, at, bytes.len()) else { return false };
        // A pool that is not in use has no blocks, and may be of any size next.
        if header.used == 0 {
            return false;
        }
        let carved = &mut bytes[..header.carved_bytes];
        target.read_or_zero(at, carved);
        let Some(free) = header.free(at, carved) else { return false };
        for offset in header.in_use(&free) {
            let end = (offset + header.block_bytes).min(offset + HEAD_WORDS * 8);
            let mut head = [0; HEAD_WORDS];
            for (word, bytes) in head.iter_mut().zip(carved[offset..end].as_chunks().0) {
                *word = u64::from_ne_bytes(*bytes);
            }
            let class = keys.python_class(maps, head);
            let block_bytes = header.block_bytes as u64;
            self.groups.entry((class, block_bytes)).or_default().add(block_bytes);
            self.used.add(block_bytes);
        }
        self.pools += 1;
        self.bytes += bytes.len() as u64;
        self.free_bytes += (bytes.len() - HEADER_BYTES - header.used * header.block_bytes) as u64;
        true
    }

    fn finish(self) -> Option<Pools> {
        let Self { pools, bytes, free_bytes, used, groups } = self;
        let mut groups: Vec<PoolGroup> = groups
            .into_iter()
            .map(|((class, block_bytes), tally)| PoolGroup { class, block_bytes, tally })
            .collect();
        sort_by_key(&mut groups, |group| (group.class, group.block_bytes));
        (pools > 0).then_some(Pools { pools, bytes, free_bytes, used, groups })
    }
}

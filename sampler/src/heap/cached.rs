//! Chunks that are marked as in use but free: those on lists of fast chunks, and those that
//! threads keep for themselves (tcache). A thread's table of them is a chunk itself, which is
//! recognised by its size, its counts and its lists, so that no thread's registers are needed.

use crate::heap::arena::Arena;
use crate::heap::block::Block;
use crate::heap::block_set::BlockSet;
use crate::heap::chain::{Links, members};
use crate::heap::layout::{HEADER_BYTES, MIN_CHUNK_BYTES};
use crate::heap::target::{Late, Target};

/// A table of a thread: a number for each list, then the heads of the lists.
struct Table {
    lists: usize,
    /// Whether the numbers count the room left, not the members.
    counts_room: bool,
}

/// Releases 2.30 to 2.41, and those since.
const TABLES: [Table; 2] =
    [Table { lists: 64, counts_room: false }, Table { lists: 76, counts_room: true }];
/// The lists of chunks of one size each; those beyond are of ranges of sizes.
const LISTS_OF_ONE_SIZE: usize = 64;

impl Table {
    /// The bytes of the chunk that holds it.
    fn chunk_bytes(&self) -> u64 {
        (self.lists as u64 * 10 + 8).next_multiple_of(16)
    }
}

/// The chunks that are free though marked as in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cached {
    /// Their users' addresses, ascending: those of threads …
    pub(crate) of_threads: Vec<u64>,
    /// … and those on lists of fast chunks.
    pub(crate) fast: Vec<u64>,
    /// The tables of threads that have chunks.
    pub(crate) tables: u64,
    /// Lists that do not end as they should.
    pub(crate) broken_lists: u64,
}

impl Cached {
    /// Returns the indices of the cached ones in `blocks`, which ascend.
    pub(crate) fn indices(&self, blocks: &[Block]) -> BlockSet {
        let mut indices = BlockSet::new(blocks.len());
        for address in self.of_threads.iter().chain(&self.fast) {
            if let Ok(at) = blocks.binary_search_by_key(address, |block| block.address()) {
                indices.insert(at as u32);
            }
        }
        indices
    }

    /// Returns whether the chunk of that address is on a list of fast ones.
    pub(crate) fn is_fast(&self, address: u64) -> bool {
        self.fast.binary_search(&address).is_ok()
    }
}

/// Finds the cached chunks among `blocks`, which ascend by address.
pub(crate) fn find(
    target: &mut Target<'_>,
    arenas: &[Arena],
    blocks: &[Block],
) -> Result<Cached, Late> {
    let mut cached = Cached::default();
    let bytes_at = |address: u64| {
        let at = blocks.binary_search_by_key(&address, |block| block.address()).ok()?;
        blocks.get(at).map(|block| block.bytes())
    };
    for head in arenas.iter().flat_map(|arena| &arena.fast).filter(|head| **head != 0) {
        target.check_time()?;
        let accepts = |at: u64| bytes_at(at).is_some();
        // A list's links are the first words of its chunks' users, its heads the chunks.
        let list = [Links::Masked, Links::Plain]
            .into_iter()
            .find_map(|links| members(target, *head, HEADER_BYTES, links, &accepts));
        match list {
            Some(list) => cached.fast.extend(list),
            None => cached.broken_lists += 1,
        }
    }
    for table in &TABLES {
        let bytes = table.chunk_bytes();
        for block in blocks.iter().filter(|block| block.bytes() == bytes) {
            target.check_time()?;
            let list = [Links::Masked, Links::Plain]
                .into_iter()
                .find_map(|links| table_members(target, table, block.address(), links, &bytes_at));
            if let Some(list) = list.filter(|list| !list.is_empty()) {
                cached.tables += 1;
                cached.of_threads.extend(list);
            }
        }
    }
    for list in [&mut cached.fast, &mut cached.of_threads] {
        list.sort_unstable();
        list.dedup();
    }
    Ok(cached)
}

/// Returns the chunks of all lists of the table at `address`; `None` if it is none.
fn table_members(
    target: &mut Target<'_>,
    table: &Table,
    address: u64,
    links: Links,
    bytes_at: &dyn Fn(u64) -> Option<u64>,
) -> Option<Vec<u64>> {
    let lists = table.lists;
    let mut bytes = vec![0; lists * 10];
    target.read(address, &mut bytes)?;
    let (counts, heads) = bytes.split_at(lists * 2);
    let counts: Vec<usize> = counts
        .chunks_exact(2)
        .map(|count| usize::from(count.try_into().map_or(0, u16::from_ne_bytes)))
        .collect();
    let heads = heads.chunks_exact(8).map(|head| head.try_into().map_or(0, u64::from_ne_bytes));
    let heads: Vec<u64> = heads.collect();
    // Most chunks of that size are no table: look at all heads before the first list is read.
    let agrees = counts.iter().zip(&heads).all(|(count, head)| {
        head.is_multiple_of(16) && (table.counts_room || (*count == 0) == (*head == 0))
    });
    if !agrees {
        return None;
    }
    let mut all = Vec::new();
    let mut room = None;
    for (index, (count, head)) in counts.iter().zip(&heads).enumerate() {
        let accepts = |at: u64| {
            bytes_at(at).is_some_and(|bytes| {
                if index < LISTS_OF_ONE_SIZE {
                    bytes == MIN_CHUNK_BYTES + index as u64 * 16
                } else {
                    bytes > MIN_CHUNK_BYTES + (LISTS_OF_ONE_SIZE as u64 - 1) * 16
                }
            })
        };
        let list = members(target, *head, 0, links, &accepts)?;
        let sound = match table.counts_room {
            true => *room.get_or_insert(list.len() + count) == list.len() + count,
            false => list.len() == *count,
        };
        if !sound {
            return None;
        }
        all.extend(list);
    }
    Some(all)
}

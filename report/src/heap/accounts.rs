//! malloc's own accounts, and Python's: what they have from the system, and for what.

use vmrec_sampler::{Heap, RangeKind, Tally};

/// What a malloc has its memory in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Carved {
    /// Arenas of glibc.
    #[default]
    Arenas,
    /// Zones of macOS, which have no caches and lists of free chunks that are known.
    Zones,
    /// Groups of slots of musl, likewise.
    Groups,
}

/// Sums over all ranges of a heap. All but `mapped` are of arenas and sum to their memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accounts {
    /// Blocks in use within arenas.
    pub used: Tally,
    /// Free chunks that threads keep.
    pub cached: Tally,
    /// Free chunks on lists of fast chunks.
    pub fast: Tally,
    /// Other free chunks.
    pub free: Tally,
    /// The uppermost chunks.
    pub top_bytes: u64,
    /// Descriptions and gaps.
    pub overhead_bytes: u64,
    /// Bytes behind breaks.
    pub unwalked_bytes: u64,
    /// All memory of arenas.
    pub arena_bytes: u64,
    /// What the ranges are.
    pub carved: Carved,
    /// Blocks with mappings of their own.
    pub mapped: Tally,
    /// Blocks in Python's pools.
    pub pooled: Tally,
    /// All memory of those pools.
    pub pool_bytes: u64,
}

impl Accounts {
    /// Sums up the ranges of a heap.
    pub(crate) fn of(heap: &Heap) -> Self {
        let pools = heap.pools.as_ref();
        let mut sums = Self {
            pooled: pools.map_or(Tally::default(), |pools| pools.used),
            pool_bytes: pools.map_or(0, |pools| pools.bytes),
            ..Self::default()
        };
        for range in &heap.ranges {
            if range.kind == RangeKind::Mapped {
                sums.mapped.add_all(range.used);
                continue;
            }
            sums.carved = match range.kind {
                RangeKind::Zone(_) => Carved::Zones,
                RangeKind::Group => Carved::Groups,
                _ => sums.carved,
            };
            sums.used.add_all(range.used);
            sums.cached.add_all(range.cached);
            sums.fast.add_all(range.fast);
            sums.free.add_all(range.free);
            for (sum, bytes) in [
                (&mut sums.top_bytes, range.top_bytes),
                (&mut sums.overhead_bytes, range.overhead_bytes),
                (&mut sums.unwalked_bytes, range.unwalked_bytes),
                (&mut sums.arena_bytes, range.range.virtual_bytes()),
            ] {
                *sum = sum.saturating_add(bytes);
            }
        }
        sums
    }

    /// Returns all blocks in use.
    pub(crate) fn in_use(&self) -> Tally {
        let mut all = self.used;
        all.add_all(self.mapped);
        all.add_all(self.pooled);
        all
    }

    /// Returns the memory that malloc and Python's pools have from the system.
    pub(crate) fn system_bytes(&self) -> u64 {
        self.arena_bytes.saturating_add(self.mapped.bytes).saturating_add(self.pool_bytes)
    }

    /// Returns the bytes in use of arenas as malloc_stats and mallinfo2 count them: with chunks
    /// that threads keep, and with the allocator's own descriptions.
    pub(crate) fn malloc_stats_in_use_bytes(&self) -> Option<u64> {
        let counted = [self.used.bytes, self.cached.bytes, self.overhead_bytes];
        (self.unwalked_bytes == 0 && self.carved == Carved::Arenas)
            .then(|| counted.into_iter().fold(0, u64::saturating_add))
    }
}

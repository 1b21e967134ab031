//! A heap at one moment: its blocks, their classes, and the sums of malloc's own accounts.

use std::time::Duration;

use crate::heap::block::{Block, Tally};
use crate::heap::leaks::Leak;
use crate::heap::texts::Copies;
use crate::process::ProcessInfo;
use crate::region::AddressRange;
use crate::snapshot::Timestamp;

/// Who carves up a range of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeKind {
    /// The main arena, which grows by brk.
    Main,
    /// Another arena, by its number in glibc's list; the main one is 0.
    Arena(u32),
    /// A chunk with a mapping of its own.
    Mapped,
    /// A group of slots of one size, of musl.
    Group,
    /// A zone of malloc of macOS, by its number in the list of zones.
    Zone(u32),
}

/// A range of memory of malloc. Its tallies and bytes sum to the size of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapRange {
    /// The addresses.
    pub range: AddressRange,
    /// Who carves it up.
    pub kind: RangeKind,
    /// Blocks in use.
    pub used: Tally,
    /// Free chunks that threads keep for their next use (tcache).
    pub cached: Tally,
    /// Free chunks on lists of fast chunks.
    pub fast: Tally,
    /// Other free chunks, without the uppermost one; of zones the stretches without a block.
    pub free: Tally,
    /// The uppermost chunk, which is free.
    pub top_bytes: u64,
    /// The allocator's own descriptions, and gaps of alignment.
    pub overhead_bytes: u64,
    /// The bytes behind a place where the chain of chunks breaks.
    pub unwalked_bytes: u64,
}

/// Blocks of one class and size in pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGroup {
    /// Their index in the classes, or [`Block::NO_CLASS`].
    pub class: u32,
    /// The bytes of each.
    pub block_bytes: u64,
    /// The blocks.
    pub tally: Tally,
}

/// The pools of small blocks that Python's own allocator has in use, besides malloc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pools {
    /// How many there are.
    pub pools: u64,
    /// Their bytes: blocks in use, free ones, and headers of 48 bytes.
    pub bytes: u64,
    /// The bytes of them that are in no block in use and no header.
    pub free_bytes: u64,
    /// Blocks in use.
    pub used: Tally,
    /// Those by class and size.
    pub groups: Vec<PoolGroup>,
}

/// A doubt about a walk, or a mistake in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapProblem {
    /// Groups of musl's malloc do not point back to the records that describe them.
    GroupsBroken {
        /// How many.
        groups: u64,
    },
    /// A chain of chunks breaks.
    Broken {
        /// The chunk whose size, or whose neighbour's, is invalid.
        address: u64,
        /// The bytes from there on that are not walked.
        bytes: u64,
    },
    /// An arena has memory that was not found.
    Missing {
        /// The arena's number.
        arena: u32,
        /// The bytes that it counts.
        counted_bytes: u64,
        /// The bytes that were found.
        found_bytes: u64,
    },
    /// The list of arenas breaks.
    ArenasBroken,
    /// Lists of free chunks break: some of their chunks are shown as in use.
    ListsBroken {
        /// How many.
        lists: u64,
    },
    /// There are more pointers than are kept: leaks cannot be derived.
    TooManyPointers,
    /// Threads wait inside the kernel, so that their registers are unknown.
    RegistersUnknown {
        /// How many.
        threads: u64,
    },
    /// A runtime of the process keeps pointers compressed or encoded, where they do not count.
    PackedPointers,
    /// Zones of other allocators, whose blocks cannot be listed.
    ZonesUnknown {
        /// How many.
        zones: u64,
    },
    /// The allocator lists blocks that cannot be: within others, or at no block's place.
    BlocksOdd {
        /// How many, which are left out.
        blocks: u64,
    },
    /// Other mapped chunks were found than the allocator counts.
    MappedDiffer {
        /// By its own count.
        counted: Tally,
        /// As found.
        found: Tally,
    },
}

impl HeapProblem {
    /// Returns whether blocks are missing, so that leaks cannot be derived.
    pub fn hides_blocks(&self) -> bool {
        matches!(
            self,
            Self::Broken { .. }
                | Self::ArenasBroken
                | Self::GroupsBroken { .. }
                | Self::Missing { .. }
                | Self::TooManyPointers
        )
    }

    /// Returns whether the process may have been in the middle of a change: another try may differ.
    pub(crate) fn may_pass(self) -> bool {
        match self {
            Self::Broken { .. } | Self::ArenasBroken | Self::ListsBroken { .. } => true,
            Self::MappedDiffer { .. } | Self::BlocksOdd { .. } => true,
            Self::GroupsBroken { .. } => true,
            Self::ZonesUnknown { .. } => false,
            Self::Missing { .. } | Self::PackedPointers => false,
            Self::TooManyPointers | Self::RegistersUnknown { .. } => false,
        }
    }
}

/// The heap of a process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heap {
    /// The allocator, with the releases that have its layout.
    pub allocator: String,
    /// The number of arenas.
    pub arenas: u32,
    /// All ranges, ascending.
    pub ranges: Vec<HeapRange>,
    /// All blocks in use, ascending.
    pub blocks: Vec<Block>,
    /// The pools of Python's own allocator, if there are any; their blocks are not of `blocks`.
    pub pools: Option<Pools>,
    /// The names of classes by their index in blocks; `None` for none.
    pub classes: Vec<Option<String>>,
    /// Blocks that nothing reaches, if they were looked for and could be found; each with those
    /// that only it leads to.
    pub leaks: Option<Vec<Leak>>,
    /// Blocks by the text they hold, those that waste most first, if they were looked for.
    pub copies: Option<Vec<Copies>>,
    /// The texts of the first of `copies`, if they were asked for.
    pub texts: Vec<String>,
    /// The faults found.
    pub problems: Vec<HeapProblem>,
}

/// How a heap is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapRequest {
    /// How long the process may be stopped at a time.
    pub max_stop: Duration,
    /// Whether leaks are looked for.
    pub leaks: bool,
    /// Whether texts are looked for, and how many of them are read.
    pub texts: Option<usize>,
}

/// A heap, and the stops it took to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoppedHeap {
    /// The process.
    pub process: ProcessInfo,
    /// The heap.
    pub heap: Heap,
    /// When the last stop began.
    pub taken: Timestamp,
    /// How often the process was stopped.
    pub stops: u32,
    /// How long the last stop lasted, in nanoseconds.
    pub stopped_ns: u64,
    /// The threads that were stopped.
    pub threads: u64,
}

//! `vmrec heap --json`.

use serde::{Deserialize, Serialize};
use vmrec_sampler::{HeapProblem, HeapRange, Pools, RangeKind, StoppedHeap, Tally};

use crate::heap::accounts::{Accounts, Carved};
use crate::heap::group::{HeapGroup, by_class, by_size};
use crate::heap::head::HeapHead;
use crate::heap::problem::problem_text;

fn address(address: u64) -> String {
    format!("{address:#x}")
}

/// A heap as a document.
#[derive(Serialize)]
pub struct HeapDocument<'a> {
    #[serde(flatten)]
    head: HeapHead<'a>,
    in_use: Sum,
    malloc: MallocSums,
    python: Option<PoolSums>,
    classes: Vec<Group>,
    sizes: Vec<Group>,
    regions: Vec<Region>,
    problems: Vec<String>,
}

/// Blocks and their bytes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Sum {
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

impl Sum {
    /// Adds other blocks.
    pub(crate) fn add(&mut self, other: Self) {
        self.blocks = self.blocks.saturating_add(other.blocks);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Returns the sums of several at both of two times.
    pub(crate) fn of_all(all: impl IntoIterator<Item = [Self; 2]>) -> [Self; 2] {
        let mut sums = [Self::default(); 2];
        for ends in all {
            sums.iter_mut().zip(ends).for_each(|(sum, end)| sum.add(end));
        }
        sums
    }
}

impl From<Tally> for Sum {
    fn from(tally: Tally) -> Self {
        Self { blocks: tally.blocks, bytes: tally.bytes }
    }
}

/// malloc's own accounts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct MallocSums {
    pub(crate) arena_bytes: u64,
    used: Sum,
    // Of arenas alone.
    cached: Option<Sum>,
    fast: Option<Sum>,
    free: Sum,
    top_bytes: Option<u64>,
    overhead_bytes: u64,
    unwalked_bytes: u64,
    pub(crate) mapped: Sum,
    malloc_stats_in_use_bytes: Option<u64>,
}

impl From<&Accounts> for MallocSums {
    fn from(sums: &Accounts) -> Self {
        Self {
            arena_bytes: sums.arena_bytes,
            used: sums.used.into(),
            cached: (sums.carved == Carved::Arenas).then(|| sums.cached.into()),
            fast: (sums.carved == Carved::Arenas).then(|| sums.fast.into()),
            free: sums.free.into(),
            top_bytes: (sums.carved == Carved::Arenas).then_some(sums.top_bytes),
            overhead_bytes: sums.overhead_bytes,
            unwalked_bytes: sums.unwalked_bytes,
            mapped: sums.mapped.into(),
            malloc_stats_in_use_bytes: sums.malloc_stats_in_use_bytes(),
        }
    }
}

/// The pools of Python's own allocator.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct PoolSums {
    pools: u64,
    pub(crate) bytes: u64,
    used: Sum,
    free_bytes: u64,
}

impl From<&Pools> for PoolSums {
    fn from(pools: &Pools) -> Self {
        let Pools { pools, bytes, free_bytes, used, .. } = *pools;
        Self { pools, bytes, used: used.into(), free_bytes }
    }
}

/// Blocks of one class or size.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Group {
    pub(crate) class: Option<String>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

impl Group {
    /// Returns its blocks.
    pub(crate) const fn sum(&self) -> Sum {
        Sum { blocks: self.blocks, bytes: self.bytes }
    }
}

impl From<HeapGroup> for Group {
    fn from(group: HeapGroup) -> Self {
        let Tally { blocks, bytes } = group.tally;
        Self { class: group.class, max_bytes: group.max_bytes, blocks, bytes }
    }
}

#[derive(Serialize)]
struct Region {
    start: String,
    end: String,
    kind: &'static str,
    arena: Option<u32>,
    used: Sum,
    cached: Option<Sum>,
    fast: Option<Sum>,
    free: Sum,
    top_bytes: Option<u64>,
    overhead_bytes: u64,
    unwalked_bytes: u64,
}

impl From<&HeapRange> for Region {
    fn from(range: &HeapRange) -> Self {
        let (kind, arena) = match range.kind {
            RangeKind::Main => ("arena", Some(0)),
            RangeKind::Arena(number) => ("arena", Some(number)),
            RangeKind::Mapped => ("mapped", None),
            RangeKind::Group => ("group", None),
            RangeKind::Zone(number) => ("zone", Some(number)),
        };
        let of_arenas = !matches!(range.kind, RangeKind::Zone(_) | RangeKind::Group);
        Self {
            start: address(range.range.start),
            end: address(range.range.end),
            kind,
            arena,
            used: range.used.into(),
            cached: of_arenas.then(|| range.cached.into()),
            fast: of_arenas.then(|| range.fast.into()),
            free: range.free.into(),
            top_bytes: of_arenas.then_some(range.top_bytes),
            overhead_bytes: range.overhead_bytes,
            unwalked_bytes: range.unwalked_bytes,
        }
    }
}

impl<'a> HeapDocument<'a> {
    /// Creates the document of a heap.
    pub fn new(found: &'a StoppedHeap) -> Self {
        let heap = &found.heap;
        let sums = Accounts::of(heap);
        Self {
            head: HeapHead::of(found, true),
            in_use: sums.in_use().into(),
            malloc: (&sums).into(),
            python: heap.pools.as_ref().map(PoolSums::from),
            classes: by_class(heap).into_iter().map(Group::from).collect(),
            sizes: by_size(heap).into_iter().map(Group::from).collect(),
            regions: heap.ranges.iter().map(Region::from).collect(),
            problems: heap.problems.iter().map(|it: &HeapProblem| problem_text(it)).collect(),
        }
    }
}

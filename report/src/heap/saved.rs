//! A report on a heap as a recording keeps it: blocks by class, or leaks, and never their contents.

use serde::{Deserialize, Serialize};
use vmrec_sampler::{Heap, HeapProblem, Leak, StoppedHeap};

use crate::error::Error;
use crate::heap::accounts::Accounts;
use crate::heap::document::{Group, MallocSums, PoolSums, Sum};
use crate::heap::group::by_class;
use crate::heap::leaks::{Group as LeakGroup, LeakSums, groups};
use crate::heap::problem::problem_text;

/// The maximum number of classes that are kept by name; smaller ones are summed up.
const MAX_GROUPS: usize = 4000;

/// The facts of the stop in which a heap was read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
struct Stop {
    allocator: String,
    threads: u64,
    stops: u32,
    stopped_ns: u64,
    problems: Vec<String>,
}

impl Stop {
    fn of(found: &StoppedHeap) -> Self {
        Self {
            allocator: found.heap.allocator.clone(),
            threads: found.threads,
            stops: found.stops,
            stopped_ns: found.stopped_ns,
            problems: problems(&found.heap.problems),
        }
    }
}

fn problems(problems: &[HeapProblem]) -> Vec<String> {
    problems.iter().map(problem_text).collect()
}

/// All blocks in use, by class.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct SavedHeap {
    stop: Stop,
    pub(crate) in_use: Sum,
    pub(crate) malloc: MallocSums,
    python: Option<PoolSums>,
    pub(crate) classes: Vec<Group>,
}

impl SavedHeap {
    /// Creates the report of a heap.
    pub fn new(found: &StoppedHeap) -> Self {
        Self { stop: Stop::of(found), ..Self::of(&found.heap) }
    }

    fn of(heap: &Heap) -> Self {
        let sums = Accounts::of(heap);
        let mut classes: Vec<Group> = by_class(heap).into_iter().map(Group::from).collect();
        let rest = classes.split_off(classes.len().min(MAX_GROUPS));
        if !rest.is_empty() {
            let mut sum = Sum::default();
            rest.iter().for_each(|group| sum.add(group.sum()));
            classes.push(Group { blocks: sum.blocks, bytes: sum.bytes, ..Group::default() });
        }
        Self {
            stop: Stop::default(),
            in_use: sums.in_use().into(),
            malloc: (&sums).into(),
            python: heap.pools.as_ref().map(PoolSums::from),
            classes,
        }
    }

    /// Reads a report that a file holds.
    ///
    /// # Errors
    ///
    /// Fails if it is not such a report.
    pub fn read(document: &str) -> Result<Self, Error> {
        serde_json::from_str(document).map_err(Error::HeapReport)
    }

    /// Returns the doubts about the walk.
    pub fn problems(&self) -> &[String] {
        &self.stop.problems
    }

    /// Returns the memory that malloc and Python's pools have from the system.
    pub(crate) fn system_bytes(&self) -> u64 {
        let pools = self.python.as_ref().map_or(0, |pools| pools.bytes);
        let malloc = self.malloc.arena_bytes.saturating_add(self.malloc.mapped.bytes);
        malloc.saturating_add(pools)
    }
}

/// Blocks that nothing reaches, by class and size.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct SavedLeaks {
    stop: Stop,
    pub(crate) blocks_in_use: u64,
    pub(crate) leaked: Sum,
    pub(crate) groups: Vec<LeakGroup>,
}

impl SavedLeaks {
    /// Creates the report of a heap's leaks.
    pub fn new(found: &StoppedHeap, leaks: &[Leak]) -> Self {
        let mut all: Vec<LeakGroup> =
            groups(found, leaks).into_iter().map(LeakGroup::from).collect();
        let rest = all.split_off(all.len().min(MAX_GROUPS));
        if !rest.is_empty() {
            all.push(LeakGroup::of_all(&rest));
        }
        Self {
            stop: Stop::of(found),
            blocks_in_use: found.heap.blocks.len() as u64,
            leaked: LeakSums::of(leaks).all().into(),
            groups: all,
        }
    }

    /// Reads a report that a file holds.
    ///
    /// # Errors
    ///
    /// Fails if it is not such a report.
    pub fn read(document: &str) -> Result<Self, Error> {
        serde_json::from_str(document).map_err(Error::HeapReport)
    }

    /// Returns the doubts about the walk.
    pub fn problems(&self) -> &[String] {
        &self.stop.problems
    }
}

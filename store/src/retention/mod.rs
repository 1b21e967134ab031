//! Retention: deletes old samples, or thins them to one a minute, in steps so
//! small that a recorder runs one between two ticks.
//!
//! Each step is a transaction that leaves a consistent file, so that it may be
//! the last one. A chunk that lost all samples becomes an empty one and absorbs
//! its empty neighbours: whatever is pruned, chunks cover all numbers. Samples
//! that are still rows are never touched.

pub(crate) mod cascade;
pub(crate) mod load;
pub(crate) mod orphans;
pub(crate) mod plan;
#[cfg(test)]
mod plan_tests;
pub(crate) mod policy;
pub(crate) mod reduce;

use std::collections::{HashSet, VecDeque};

use crate::retention::orphans::Sweep;
use crate::retention::plan::{PruneStep, Tried};
use crate::retention::policy::{Pruned, Retention};

/// The state of pruning.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    pub(crate) policy: Retention,
    pub(crate) steps: VecDeque<PruneStep>,
    pub(crate) tried: Tried,
    /// The number of chunks reduced since the last sweep, and the kinds they referred to.
    pub(crate) loose: (u64, HashSet<i64>),
    pub(crate) sweep: Option<Sweep>,
    /// Whether there may be objects that no kind refers to.
    pub(crate) unreferenced: bool,
    /// Whether something changed since the last plan.
    pub(crate) changed: bool,
    /// When the plan was made, in monotonic time.
    pub(crate) planned_ns: Option<u64>,
    pub(crate) gone: Pruned,
}

impl Pruning {
    /// Records that a chunk was made.
    pub(crate) const fn chunk_made(&mut self) {
        self.changed = true;
    }
}

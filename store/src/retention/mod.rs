//! Retention: old samples go, or become one a minute, in steps so small that a recorder takes one
//! between two ticks.
//!
//! Each step is a transaction that leaves a whole file behind, so that it may be the last one.
//! A chunk that lost all samples becomes an empty one, which takes in those beside it: whatever is
//! pruned, chunks stand for all numbers. Samples that are rows still are never touched.

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

/// What is under way.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    pub(crate) policy: Retention,
    pub(crate) steps: VecDeque<PruneStep>,
    pub(crate) tried: Tried,
    /// How many chunks were reduced since the last sweep, and the kinds they named.
    pub(crate) loose: (u64, HashSet<i64>),
    pub(crate) sweep: Option<Sweep>,
    /// Whether objects may be left that no kind refers to.
    pub(crate) unreferenced: bool,
    /// Whether something changed since the last plan.
    pub(crate) changed: bool,
    /// When that was made, by the monotonic clock.
    pub(crate) planned_ns: Option<u64>,
    pub(crate) gone: Pruned,
}

impl Pruning {
    /// Takes note that a chunk was made.
    pub(crate) const fn chunk_made(&mut self) {
        self.changed = true;
    }
}

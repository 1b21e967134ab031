//! Retention: deletes old samples, or thins them to one a minute, in steps so
//! small that a recorder runs one between two ticks.
//!
//! Each step is a transaction that leaves a consistent file, so that it may be
//! the last one. A chunk that lost all samples becomes an empty one and absorbs
//! its empty neighbours: whatever is pruned, chunks cover all numbers. Samples
//! that are still rows are never touched.

pub(crate) mod cascade;
pub(crate) mod evidence_gaps;
pub(crate) mod growth;
pub(crate) mod kind_uses;
pub(crate) mod load;
pub(crate) mod oldest;
pub(crate) mod orphans;
pub(crate) mod plan;
#[cfg(test)]
mod plan_tests;
pub(crate) mod policy;
pub(crate) mod reduce;
pub(crate) mod step;

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::recording::RecordingId;
use crate::retention::growth::Growth;
use crate::retention::kind_uses::KindUses;
use crate::retention::oldest::Group;
use crate::retention::orphans::Sweep;
use crate::retention::plan::{PruneStep, Tried};
use crate::retention::policy::{Pruned, REST, Retention};

/// The state of pruning.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    pub(crate) policy: Retention,
    /// The recordings that may lose samples; `None` for all.
    pub(crate) only: Option<Vec<RecordingId>>,
    pub(crate) steps: VecDeque<PruneStep>,
    pub(crate) tried: Tried,
    /// The chunks that may go for the size of the file, the next one first; `None` before they are
    /// listed.
    pub(crate) oldest: Option<VecDeque<Group>>,
    /// Whether a chunk was deleted for the size of the file since the last one was made.
    pub(crate) deleted_since_chunk: bool,
    /// The references to kinds, while nothing is recorded.
    pub(crate) uses: Option<KindUses>,
    /// Whether all that earlier pruning may have left was searched for: it goes before any sample.
    pub(crate) leftovers_found: bool,
    /// Whether kinds were deleted whose numbers a recorder may remember.
    pub(crate) kinds_deleted: bool,
    /// The number of chunks reduced since the last sweep, and the kinds they referred to.
    pub(crate) loose: (u64, HashSet<i64>),
    pub(crate) sweep: Option<Sweep>,
    /// Kinds without a reference that had to stay: searched for again when more is deleted.
    pub(crate) unused: HashSet<i64>,
    /// Whether there may be objects that no kind refers to.
    pub(crate) unreferenced: bool,
    /// Whether the last plan had steps: what they leave may be empty now.
    pub(crate) unfinished: bool,
    /// Whether a chunk was made since the last plan.
    pub(crate) grown: bool,
    /// When the plan was made, in monotonic time.
    pub(crate) planned_ns: Option<u64>,
    /// The making of that plan.
    pub(crate) planning: Option<Survey>,
    /// The listing of the chunks that may go for the size of the file.
    pub(crate) listing: Option<Survey>,
    pub(crate) gone: Pruned,
    pub(crate) growth: Growth,
}

/// A reading of all recordings of the file, which may be many thousands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Survey {
    begun: Instant,
    took: Duration,
}

impl Survey {
    /// Ends one.
    pub(crate) fn since(begun: Instant) -> Self {
        Self { begun, took: begun.elapsed() }
    }

    /// Returns whether it is too early for another one.
    pub(crate) fn is_recent(self) -> bool {
        self.begun.elapsed() < self.took * REST
    }
}

impl Pruning {
    /// Returns the state before the first step.
    pub(crate) fn of(policy: &Retention, only: Option<&[RecordingId]>) -> Self {
        Self { policy: *policy, only: only.map(<[RecordingId]>::to_vec), ..Self::default() }
    }

    /// Records that a chunk was made.
    pub(crate) fn chunk_made(&mut self) {
        self.grown = true;
        self.deleted_since_chunk = false;
        let used_up = self.oldest.as_ref().is_none_or(VecDeque::is_empty);
        if used_up || !self.listing.is_some_and(Survey::is_recent) {
            self.oldest = None;
        }
    }

    /// Returns whether a recording may lose samples.
    pub(crate) fn may_lose(&self, id: RecordingId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&id))
    }
}

//! Retention: old samples go, or become one a minute, in steps so small that a recorder takes one
//! between two ticks.
//!
//! Each step is a transaction that leaves a whole file behind, so that it may be the last one.
//! A chunk that lost all samples becomes an empty one, which takes in those beside it: whatever is
//! pruned, chunks stand for all numbers. Samples that are rows still are never touched.

mod known;
mod plan;
#[cfg(test)]
mod plan_tests;
mod reduce;
mod run;
mod sweep;
mod trail;
mod would;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use vmrec_sampler::Timestamp;

use self::plan::{Step, Tried};
use self::sweep::Sweep;
use crate::error::Error;
use crate::recording::RecordingId;
use crate::writer::Writer;

pub(crate) use self::run::vacuum;

/// What is kept on either side of a mark, nanoseconds.
const MARK_NS: i64 = 60_000_000_000;
/// Rows deleted in one step.
const BATCH: u32 = 500;
/// Pages given back to the file system in one step.
const VACUUM_PAGES: u64 = 64;
/// Free pages that a recording under way keeps for the samples to come.
const SLACK_PAGES: u64 = 256;
/// Bytes of the write-ahead log that count: more is there only while a reader holds on to it, and
/// no sample that goes would make it smaller.
const MOST_LOG_BYTES: u64 = 1 << 20;
/// How long nothing is planned anew unless a chunk was made.
const PLAN_EVERY_NS: u64 = 60_000_000_000;
/// Chunks reduced, as a part of those left, before regions that nothing names are looked for:
/// that reads all that is left.
const SWEEP_PART: u64 = 8;

/// What is kept of recordings.
///
/// It is applied chunk by chunk, which are some 300 samples each: one goes, or is thinned, once all
/// of it is older. Samples of a recording under way that are in no chunk yet always stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Samples older than that go, by the wall clock.
    pub older_than: Option<Duration>,
    /// Of samples older than that one a minute stays; missed ones all do.
    pub thin_after: Option<Duration>,
    /// The oldest samples go while the file, as it is with free pages given back, has more bytes,
    /// those of recordings that have ended first.
    pub max_bytes: Option<u64>,
    /// Samples within a minute of a mark stay, unless the file cannot be small enough without.
    pub keep_marks: bool,
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Samples, missed ones included.
    pub samples: u64,
    /// Recordings of which nothing was left.
    pub recordings: u64,
    /// Regions that no sample names any longer.
    pub regions: u64,
    /// Bytes of the file and its log before.
    pub bytes_before: u64,
    /// Bytes after; not known of what was not done.
    pub bytes_after: u64,
    /// Whether the file is larger than it should be, with nothing left that may go.
    pub too_large: bool,
}

/// What is under way.
#[derive(Debug, Default)]
pub(crate) struct Pruning {
    policy: Retention,
    steps: VecDeque<Step>,
    tried: Tried,
    /// By recording, how many chunks were reduced and the regions they named.
    loose: HashMap<RecordingId, (u64, HashSet<i64>)>,
    sweep: Option<Sweep>,
    /// Regions that nothing names, to be deleted.
    unnamed: Vec<i64>,
    /// Whether objects or kinds may be left that no region refers to.
    unreferenced: bool,
    /// Whether something changed since the last plan.
    changed: bool,
    /// When that was made, by the monotonic clock.
    planned_ns: Option<u64>,
    gone: Pruned,
}

impl Pruning {
    /// Takes note that a chunk was made.
    pub(crate) const fn chunk_made(&mut self) {
        self.changed = true;
    }
}

impl Writer {
    /// Applies `policy` to every recording of the file, none of which may be under way, and gives
    /// what became free back to the file system.
    pub fn prune(&mut self, policy: &Retention, now: Timestamp) -> Result<Pruned, Error> {
        let bytes_before = self.file_bytes();
        self.tidy()?;
        self.pruning = Pruning { changed: true, ..Pruning::default() };
        self.pruning.policy = *policy;
        self.look_for_loose_regions()?;
        while self.step(policy, now, true)? {}
        let used = self.used_bytes()?;
        let too_large = policy.max_bytes.is_some_and(|most| used > most);
        // Readers may hold on to the log; whoever closes the file last tidies up.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let bytes_after = self.file_bytes();
        Ok(Pruned { bytes_before, bytes_after, too_large, ..self.pruning.gone })
    }

    /// Does at most one small part of what [`Writer::prune`] does, also while recording; `false` if
    /// there was nothing to do.
    pub fn prune_step(&mut self, policy: &Retention, now: Timestamp) -> Result<bool, Error> {
        if self.pruning.policy != *policy {
            self.pruning = Pruning { policy: *policy, ..Pruning::default() };
        }
        self.step(policy, now, false)
    }
}

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
mod sweep;
mod trail;

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use rusqlite::Connection;
use vmrec_sampler::Timestamp;

use self::known::Pages;
use self::plan::{Keep, Step, Tried, plan};
use self::reduce::Reader;
use self::sweep::{Found, Sweep};
use crate::address::from_column;
use crate::error::Error;
use crate::recording::RecordingId;
use crate::store::Store;
use crate::writer::{Writer, in_transaction};

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
    /// Whether objects may be left that no region refers to.
    objects: bool,
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

    /// Does one step. `all` leaves nothing for later that would be more worth while then.
    fn step(&mut self, policy: &Retention, now: Timestamp, all: bool) -> Result<bool, Error> {
        if let Some(step) = self.pruning.steps.pop_front() {
            self.pruning.changed = true;
            self.take(step, policy)?;
            return Ok(true);
        }
        let ago = |planned: u64| now.monotonic_ns.abs_diff(planned);
        let due = |planned| !all && ago(planned) >= PLAN_EVERY_NS;
        if self.pruning.changed || self.pruning.planned_ns.is_none_or(due) {
            self.pruning.steps = self.plan(policy, now)?.into();
            self.pruning.changed = false;
            self.pruning.planned_ns = Some(now.monotonic_ns);
            return Ok(true);
        }
        Ok(self.sweep(all)? || self.vacuum_step(policy, all)?)
    }

    fn plan(&self, policy: &Retention, now: Timestamp) -> Result<Vec<Step>, Error> {
        let used = if policy.max_bytes.is_some() { self.used_bytes()? } else { 0 };
        let excess = policy.max_bytes.map_or(0, |most| used.saturating_sub(most));
        let running = self.current.as_ref().map(|current| current.id);
        let known = known::all(&self.connection, policy, running, excess > 0)
            .map_err(|source| Error::sql(&self.path, source))?;
        Ok(plan(&known, policy, now.utc_ns, excess, &self.pruning.tried))
    }

    fn take(&mut self, step: Step, policy: &Retention) -> Result<(), Error> {
        let sql = |source| Error::sql(&self.path, source);
        match step {
            Step::Reduce { recording, last, keep } => {
                let running = self.current.as_ref().map(|current| current.id);
                let known =
                    known::one(&self.connection, recording, policy, running).map_err(sql)?;
                let reader = Reader { connection: &self.connection, path: &self.path };
                self.pruning.tried.insert((recording, last, keep));
                let Some(reduced) = reader.reduce(&known, last, keep)? else { return Ok(()) };
                in_transaction(&mut self.connection, |transaction| reduced.write(transaction))
                    .map_err(sql)?;
                self.pruning.gone.samples += reduced.samples;
                let (chunks, regions) = self.pruning.loose.entry(recording).or_default();
                *chunks += 1;
                regions.extend(reduced.regions);
            }
            Step::Trail(recording) => {
                let known = known::one(&self.connection, recording, policy, None).map_err(sql)?;
                let first = known::first_sample(&self.connection, recording).map_err(sql)?;
                let Some(first) = first else { return Ok(()) };
                let rows = in_transaction(&mut self.connection, |transaction| {
                    trail::trail(transaction, recording, known.begun, first)
                })
                .map_err(sql)?;
                if rows > 0 {
                    self.pruning.steps.push_front(step);
                }
            }
            Step::Delete(recording) => {
                let gone = in_transaction(&mut self.connection, |transaction| {
                    trail::delete(transaction, recording)
                })
                .map_err(sql)?;
                if gone {
                    self.pruning.gone.recordings += 1;
                    self.pruning.loose.remove(&recording);
                    self.pruning.sweep.take_if(|sweep| sweep.recording == recording);
                    self.pruning.objects = true;
                } else {
                    self.pruning.steps.push_front(step);
                }
            }
        }
        Ok(())
    }

    /// Looks on for what nothing names, or deletes some of it.
    fn sweep(&mut self, all: bool) -> Result<bool, Error> {
        let sql = |source| Error::sql(&self.path, source);
        if !self.pruning.unnamed.is_empty() {
            let from = self.pruning.unnamed.len().saturating_sub(BATCH as usize);
            let batch = self.pruning.unnamed.split_off(from);
            let rows = in_transaction(&mut self.connection, |transaction| {
                sweep::delete_regions(transaction, &batch)
            })
            .map_err(sql)?;
            self.pruning.gone.regions += rows;
            self.pruning.objects |= rows > 0;
            return Ok(true);
        }
        if self.pruning.objects {
            let rows = sweep::delete_objects(&mut self.connection).map_err(sql)?;
            self.pruning.objects = rows == BATCH as usize;
            return Ok(true);
        }
        if self.pruning.sweep.is_none() {
            self.pruning.sweep = self.next_sweep(all)?;
        }
        let Some(sweep) = &mut self.pruning.sweep else { return Ok(false) };
        let reader = Reader { connection: &self.connection, path: &self.path };
        match sweep.look(&reader)? {
            Found::Waiting => return Ok(false),
            Found::More => {}
            Found::Unnamed(regions) => {
                let recording = sweep.recording;
                self.pruning.sweep = None;
                // From here on none of them is named again: one that comes back gets a new number.
                if let Some(current) =
                    self.current.as_mut().filter(|current| current.id == recording)
                {
                    current.interner.forget(&regions);
                }
                self.pruning.unnamed = regions.into_iter().collect();
                self.pruning.unnamed.sort_unstable_by(|a, b| b.cmp(a));
            }
        }
        Ok(true)
    }

    /// Begins the search of a recording for which that is worth while.
    fn next_sweep(&mut self, all: bool) -> Result<Option<Sweep>, Error> {
        for (recording, (chunks, _)) in &self.pruning.loose {
            let left: u64 = self
                .connection
                .prepare_cached("SELECT count(*) FROM chunk WHERE recording = ?")
                .and_then(|mut statement| {
                    statement.query_row([recording.0], |row| row.get(0).map(from_column))
                })
                .map_err(|source| Error::sql(&self.path, source))?;
            if all || chunks.saturating_mul(SWEEP_PART) >= left {
                let recording = *recording;
                let (_, regions) = self.pruning.loose.remove(&recording).unwrap_or_default();
                return Ok(Some(Sweep::new(recording, regions)));
            }
        }
        Ok(None)
    }

    /// Takes note of all regions of recordings that were pruned before: who did that may have been
    /// killed, or had other things to do.
    fn look_for_loose_regions(&mut self) -> Result<(), Error> {
        let sql = |source| Error::sql(&self.path, source);
        let pruned: Vec<i64> = self
            .connection
            .prepare(
                "SELECT recording FROM chunk GROUP BY recording HAVING sum(samples) < max(last)",
            )
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(sql)?;
        for recording in pruned.into_iter().map(RecordingId) {
            let regions = sweep::regions_of(&self.connection, recording).map_err(sql)?;
            self.pruning.loose.insert(recording, (0, regions));
            self.pruning.steps.push_back(Step::Trail(recording));
        }
        Ok(())
    }

    /// Gives some free pages back to the file system, where they are worth it.
    fn vacuum_step(&self, policy: &Retention, all: bool) -> Result<bool, Error> {
        let sql = |source| Error::sql(&self.path, source);
        let pages = Pages::of(&self.connection).map_err(sql)?;
        let too_large = policy.max_bytes.is_some_and(|most| pages.count * pages.bytes > most);
        if pages.free == 0 || !(all || too_large || pages.free > SLACK_PAGES) {
            return Ok(false);
        }
        vacuum(&self.connection, VACUUM_PAGES).map_err(sql)?;
        // A file without the mode for it keeps its free pages.
        let left = Pages::of(&self.connection).map_err(sql)?;
        Ok(left.free < pages.free)
    }

    /// Returns the bytes the file has once free pages are given back and, while recording, its log.
    fn used_bytes(&self) -> Result<u64, Error> {
        let pages = Pages::of(&self.connection).map_err(|source| Error::sql(&self.path, source))?;
        let log = if self.current.is_some() { self.log_bytes().min(MOST_LOG_BYTES) } else { 0 };
        Ok(pages.used_bytes().saturating_add(log))
    }
}

impl Store {
    /// Returns what [`Writer::prune`] would do, as far as that can be told beforehand: samples that
    /// are no chunk yet are not looked at, and bytes are estimated.
    pub fn would_prune(&self, policy: &Retention, now: Timestamp) -> Result<Pruned, Error> {
        let mut gone = Pruned { bytes_before: self.file_bytes(), ..Pruned::default() };
        if self.schema_version() < 3 {
            return Ok(gone);
        }
        let sql = |source| Error::sql(&self.path, source);
        let _transaction = self.transaction().map_err(sql)?;
        let used = Pages::of(&self.connection).map_err(sql)?.used_bytes();
        let excess = policy.max_bytes.map_or(0, |most| used.saturating_sub(most));
        let running = self.newest_running()?;
        let known = known::all(&self.connection, policy, running, excess > 0).map_err(sql)?;
        let steps = plan(&known, policy, now.utc_ns, excess, &Tried::default());
        let reader = Reader { connection: &self.connection, path: &self.path };
        for known in &known {
            let (mut left, mut looked_at) = (0, 0);
            for head in known.chunks.iter().map(|piece| &piece.head) {
                let keep = steps.iter().find_map(|step| match step {
                    Step::Reduce { recording, last, keep }
                        if (*recording, *last) == (known.id, head.last) =>
                    {
                        Some(*keep)
                    }
                    _ => None,
                });
                let lost = match keep {
                    None => 0,
                    Some(Keep::Nothing) => head.samples,
                    Some(keep) => reader.count(known, head.last, keep)?,
                };
                gone.samples += lost;
                left += head.samples - lost.min(head.samples);
                looked_at += 1;
            }
            let whole = looked_at > 0 && left == 0 && !known.tail && !known.running;
            gone.recordings += u64::from(whole || steps.contains(&Step::Delete(known.id)));
        }
        gone.bytes_after = gone.bytes_before;
        Ok(gone)
    }

    fn newest_running(&self) -> Result<Option<RecordingId>, Error> {
        if self.being_recorded() { self.newest() } else { Ok(None) }
    }
}

/// Gives at most `pages` free pages back to the file system.
pub(crate) fn vacuum(connection: &Connection, pages: u64) -> rusqlite::Result<()> {
    // Each step of the statement frees a page.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

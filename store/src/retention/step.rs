//! Runs the steps of retention, one after the other.
//!
//! Deletion for the size of the file looks at that size again after each chunk:
//! it deletes the chunk, its evidence, then the kinds that nothing refers to any
//! more, and only then decides whether another chunk goes.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use vmrec_sampler::Timestamp;

use crate::db::integer::from_column;
use crate::db::open;
use crate::db::transaction::in_transaction;
use crate::db::vacuum::vacuum;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::retention::kind_uses::KindUses;
use crate::retention::load::PageCounts;
use crate::retention::oldest::oldest_first;
use crate::retention::orphans::{OrphanScan, Sweep};
use crate::retention::plan::{Keep, PruneStep, limits, plan};
use crate::retention::policy::{PLAN_INTERVAL_NS, SLACK_PAGES, SWEEP_PART};
use crate::retention::policy::{VACUUM_PAGES, VACUUM_PAGES_AT_ONCE, log_counted, log_room};
use crate::retention::reduce::Reader;
use crate::retention::{Pruning, Survey, cascade, evidence_gaps, load, orphans};

/// Prunes a file, step by step.
pub(crate) struct Pruner<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) path: &'a Path,
    /// The canonical path of the file while it is recorded to: then its log counts too.
    pub(crate) recorded: Option<&'a Path>,
    /// The recordings that are being recorded.
    pub(crate) running: Vec<RecordingId>,
    pub(crate) pruning: &'a mut Pruning,
}

impl Pruner<'_> {
    /// Does all that the policy asks for at once, in a file that is not recorded to.
    pub(crate) fn run(&mut self, now: Timestamp) -> Result<(), Error> {
        if !self.pruned()?.is_empty() {
            self.find_leftovers()?;
        }
        while self.step(now, true)? {}
        Ok(())
    }

    /// Does one step; `false` if there was nothing to do. With `all`, no work is put off until it is
    /// more worthwhile.
    pub(crate) fn step(&mut self, now: Timestamp, all: bool) -> Result<bool, Error> {
        if let Some(step) = self.pruning.steps.pop_front() {
            self.take(step)?;
            return Ok(true);
        }
        let ago = |planned: u64| now.monotonic_ns.abs_diff(planned);
        let due = |planned| !all && ago(planned) >= PLAN_INTERVAL_NS;
        let rests = !all && self.pruning.planning.is_some_and(Survey::is_recent);
        let grown = self.pruning.grown && !rests;
        if self.pruning.unfinished || grown || self.pruning.planned_ns.is_none_or(due) {
            self.plan(now)?;
            return Ok(true);
        }
        if self.shrink_log()? {
            return Ok(true);
        }
        let too_large = self.excess_bytes()? > 0;
        // Unused kinds go first, so that no more samples are deleted for the bytes of these.
        if self.sweep(all || too_large)? {
            return Ok(true);
        }
        if too_large && self.next_oldest()? {
            return Ok(true);
        }
        self.vacuum_step(all)
    }

    /// Plans what goes for its age.
    fn plan(&mut self, now: Timestamp) -> Result<(), Error> {
        let (policy, begun) = (self.pruning.policy, Instant::now());
        let limits = limits(&policy, now.utc_ns);
        let mut known = load::aged(self.connection, &policy, &self.running, limits).at(self.path)?;
        known.retain(|known| self.pruning.may_lose(known.id));
        let steps = plan(&known, &policy, now.utc_ns, &self.pruning.tried);
        (self.pruning.unfinished, self.pruning.grown) = (!steps.is_empty(), false);
        self.pruning.steps = steps.into();
        self.pruning.planned_ns = Some(now.monotonic_ns);
        self.pruning.planning = Some(Survey::since(begun));
        Ok(())
    }

    /// Plans the deletion of the oldest chunk that may go; `false` if there is none.
    fn next_oldest(&mut self) -> Result<bool, Error> {
        // The bytes of its kinds are known only after the search; meanwhile one chunk suffices.
        if self.pruning.sweep.is_some() && self.pruning.deleted_since_chunk {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.pruning.leftovers_found, true) {
            self.find_leftovers()?;
            return Ok(true);
        }
        if self.pruning.oldest.is_none() {
            let (policy, begun) = (self.pruning.policy, Instant::now());
            let known = load::all(self.connection, &policy, &self.running).at(self.path)?;
            self.pruning.oldest = Some(oldest_first(&known, |id| self.pruning.may_lose(id)));
            self.pruning.listing = Some(Survey::since(begun));
        }
        let next = self.pruning.oldest.as_mut().and_then(std::collections::VecDeque::pop_front);
        let Some(group) = next else { return Ok(false) };
        self.pruning.deleted_since_chunk = true;
        self.pruning.steps.extend(group);
        Ok(true)
    }

    fn take(&mut self, step: PruneStep) -> Result<(), Error> {
        match step {
            PruneStep::Reduce { recording, last, keep } => self.reduce(recording, last, keep)?,
            PruneStep::Between { recording, last } => {
                let reader = Reader { connection: self.connection, path: self.path };
                let key = |first| evidence_gaps::key(reader.connection, recording, first);
                let Some(left) = reader.left_near(recording, last, key)? else {
                    return Ok(());
                };
                let rows = in_transaction(self.connection, |transaction| {
                    cascade::between(transaction, recording, &left)
                })
                .at(self.path)?;
                if rows > 0 {
                    self.pruning.steps.push_front(step);
                }
            }
            PruneStep::Cascade(recording) => {
                let first = load::first_sample(self.connection, recording).at(self.path)?;
                let Some(first) = first else { return Ok(()) };
                let rows = in_transaction(self.connection, |transaction| {
                    cascade::trail(transaction, recording, first)
                })
                .at(self.path)?;
                if rows > 0 {
                    self.pruning.steps.push_front(step);
                }
            }
            // Its headers may not have shown samples near marks.
            PruneStep::Delete(recording)
                if load::has_samples(self.connection, recording).at(self.path)? => {}
            PruneStep::Delete(recording) => {
                let gone = in_transaction(self.connection, |transaction| {
                    cascade::delete(transaction, recording)
                })
                .at(self.path)?;
                if gone {
                    self.pruning.gone.recordings += 1;
                    self.pruning.tried.retain(|(id, ..)| *id != recording);
                    self.pruning.loose.1.extend(self.pruning.unused.drain());
                } else {
                    self.pruning.steps.push_front(step);
                }
            }
        }
        Ok(())
    }

    fn reduce(&mut self, id: RecordingId, last: u64, keep: Keep) -> Result<(), Error> {
        let policy = self.pruning.policy;
        let known = load::one(self.connection, id, &policy, &self.running).at(self.path)?;
        let reader = Reader { connection: self.connection, path: self.path };
        let reduced = reader.reduce(&known, last, keep);
        if !matches!(reduced, Ok(Some(_))) {
            self.pruning.tried.insert((id, last, keep));
        }
        let Some(reduced) = reduced? else { return Ok(()) };
        in_transaction(self.connection, |transaction| reduced.write(transaction)).at(self.path)?;
        self.pruning.gone.samples += reduced.samples;
        self.pruning.steps.push_front(PruneStep::Between { recording: id, last });
        match &mut self.pruning.uses {
            Some(uses) if keep == Keep::Nothing => uses.remove(&reduced.kinds),
            uses => *uses = None,
        }
        let (chunks, kinds) = &mut self.pruning.loose;
        *chunks += 1;
        kinds.extend(reduced.kinds);
        kinds.extend(self.pruning.unused.drain());
        Ok(())
    }

    /// Continues the search for unreferenced kinds, or deletes some of them.
    fn sweep(&mut self, now: bool) -> Result<bool, Error> {
        if self.pruning.unreferenced {
            self.pruning.unreferenced =
                orphans::delete_unreferenced(self.connection).at(self.path)?;
            return Ok(true);
        }
        let scan = match self.pruning.sweep.take() {
            Some(sweep) => self.search(sweep)?,
            None => match self.unnamed(now)? {
                Some(scan) => scan,
                None => return Ok(false),
            },
        };
        match scan {
            OrphanScan::Waiting => Ok(false),
            OrphanScan::More => Ok(true),
            OrphanScan::Unnamed(kinds) => {
                let found = kinds.len();
                // At once: a sample stored in between might reuse one of them.
                let stay = in_transaction(self.connection, |transaction| {
                    orphans::delete_kinds(transaction, kinds)
                })
                .at(self.path)?;
                let deleted = found - stay.len();
                self.pruning.kinds_deleted |= deleted > 0;
                self.pruning.gone.kinds += deleted as u64;
                self.pruning.unreferenced |= deleted > 0;
                self.pruning.unused.extend(stay);
                Ok(true)
            }
        }
    }

    fn search(&mut self, mut sweep: Sweep) -> Result<OrphanScan, Error> {
        let reader = Reader { connection: self.connection, path: self.path };
        match sweep.search(&reader) {
            // What a damaged chunk refers to is unknown. It must not keep others from being deleted.
            Err(Error::Damaged { .. }) => {
                self.pruning.unused.extend(sweep.into_kinds());
                Ok(OrphanScan::Unnamed(HashSet::new()))
            }
            Ok(unnamed @ OrphanScan::Unnamed(_)) => Ok(unnamed),
            other => {
                self.pruning.sweep = Some(sweep);
                other
            }
        }
    }

    /// Finds the unreferenced among the kinds that deleted chunks referred to, if there are any and
    /// that is worthwhile, or required `now`.
    fn unnamed(&mut self, now: bool) -> Result<Option<OrphanScan>, Error> {
        let (chunks, kinds) = &mut self.pruning.loose;
        if kinds.is_empty() {
            return Ok(None);
        }
        let left: u64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM chunk")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0).map(from_column)))
            .at(self.path)?;
        if !now && chunks.saturating_mul(SWEEP_PART) < left {
            return Ok(None);
        }
        *chunks = 0;
        let kinds = std::mem::take(kinds);
        if self.recorded.is_none() && self.pruning.uses.is_none() {
            let reader = Reader { connection: self.connection, path: self.path };
            self.pruning.uses = match KindUses::count(&reader) {
                Err(Error::Damaged { .. }) => None,
                uses => uses?,
            };
        }
        match &self.pruning.uses {
            Some(uses) => Ok(Some(OrphanScan::Unnamed(uses.unnamed(kinds)))),
            None => self.search(Sweep::new(kinds)).map(Some),
        }
    }

    /// Returns the recordings that were pruned before.
    fn pruned(&self) -> Result<Vec<RecordingId>, Error> {
        self.connection
            .prepare(
                "SELECT recording FROM chunk GROUP BY recording HAVING sum(samples) < max(last)",
            )
            .and_then(|mut statement| {
                statement.query_map([], |row| row.get(0).map(RecordingId))?.collect()
            })
            .at(self.path)
    }

    /// Plans the deletion of all that may be left of earlier pruning, which may have been killed:
    /// evidence, and kinds and objects that nothing refers to.
    fn find_leftovers(&mut self) -> Result<(), Error> {
        self.pruning.leftovers_found = true;
        self.pruning.steps.extend(self.pruned()?.into_iter().map(PruneStep::Cascade));
        self.pruning.loose.1 = orphans::all_kinds(self.connection).at(self.path)?;
        self.pruning.unreferenced = true;
        Ok(())
    }

    /// Moves the log to the file if both together are too large, and returns whether they became
    /// smaller.
    fn shrink_log(&self) -> Result<bool, Error> {
        let (Some(max), Some(file)) = (self.pruning.policy.max_bytes, self.recorded) else {
            return Ok(false);
        };
        let before = open::file_bytes(file);
        let pages = PageCounts::of(self.connection).at(self.path)?;
        let log = open::log_bytes(file);
        let worthwhile = log > log_room(max) || before - log > pages.count * pages.bytes;
        if before + self.room_bytes() <= max || !worthwhile {
            return Ok(false);
        }
        // Readers keep the log; they are not waited for.
        self.connection.busy_timeout(Duration::ZERO).at(self.path)?;
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.connection.busy_timeout(open::BUSY_TIMEOUT).at(self.path)?;
        Ok(open::file_bytes(file) < before)
    }

    /// Returns some free pages to the file system, if there are enough.
    fn vacuum_step(&self, all: bool) -> Result<bool, Error> {
        let pages = PageCounts::of(self.connection).at(self.path)?;
        let excess = match self.pruning.policy.max_bytes {
            Some(max) => pages.excess_bytes(self.log_bytes(), self.room_bytes(), max),
            None => 0,
        };
        let wanted = match excess.div_ceil(pages.bytes.max(1)) {
            _ if all => VACUUM_PAGES_AT_ONCE,
            _ if pages.free > SLACK_PAGES => VACUUM_PAGES,
            pages => pages.min(VACUUM_PAGES),
        };
        if pages.free == 0 || wanted == 0 {
            return Ok(false);
        }
        vacuum(self.connection, wanted).at(self.path)?;
        // A file without the mode for it keeps its free pages.
        let left = PageCounts::of(self.connection).at(self.path)?;
        Ok(left.free < pages.free)
    }

    /// Returns the bytes that the log counts for.
    fn log_bytes(&self) -> u64 {
        match (self.recorded, self.pruning.policy.max_bytes) {
            (Some(file), Some(max)) => log_counted(open::log_bytes(file), max),
            _ => 0,
        }
    }

    /// Returns the size of the file without its free pages and, while recording, with its log.
    pub(crate) fn used_bytes(&self) -> Result<u64, Error> {
        let pages = PageCounts::of(self.connection).at(self.path)?;
        Ok(pages.used_bytes().saturating_add(self.log_bytes()))
    }

    /// Returns by how many bytes the file is too large.
    pub(crate) fn excess_bytes(&self) -> Result<u64, Error> {
        match self.pruning.policy.max_bytes {
            Some(max) => {
                Ok(self.used_bytes()?.saturating_add(self.room_bytes()).saturating_sub(max))
            }
            None => Ok(0),
        }
    }

    /// Returns the bytes that are left to the next tick.
    fn room_bytes(&self) -> u64 {
        self.recorded.map_or(0, |_| self.pruning.growth.room_bytes())
    }
}

//! Runs the steps of retention, one after the other.

use vmrec_sampler::Timestamp;

use crate::db::integer::from_column;
use crate::db::transaction::in_transaction;
use crate::db::vacuum::vacuum;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::retention::load::PageCounts;
use crate::retention::orphans::{OrphanScan, Sweep};
use crate::retention::plan::{PruneStep, plan};
use crate::retention::policy::{
    MAX_LOG_BYTES, PLAN_INTERVAL_NS, Pruned, Retention, SLACK_PAGES, SWEEP_PART, VACUUM_PAGES,
};
use crate::retention::reduce::Reader;
use crate::retention::{Pruning, cascade, load, orphans};
use crate::write::writer::Writer;

impl Writer {
    /// Applies `policy` to every recording of the file, none of which may be active, and returns
    /// free pages to the file system.
    pub fn prune(&mut self, policy: &Retention, now: Timestamp) -> Result<Pruned, Error> {
        let bytes_before = self.file_bytes();
        self.tidy()?;
        self.pruning = Pruning { changed: true, ..Pruning::default() };
        self.pruning.policy = *policy;
        self.find_loose_kinds()?;
        while self.step(policy, now, true)? {}
        let used = self.used_bytes()?;
        let too_large = policy.max_bytes.is_some_and(|max| used > max);
        // Readers may keep the log; the last one to close the file removes it.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let bytes_after = self.file_bytes();
        Ok(Pruned { bytes_before, bytes_after, too_large, ..self.pruning.gone })
    }

    /// Does at most one small step of [`Writer::prune`], also while recording; `false` if there was
    /// nothing to do.
    pub fn prune_step(&mut self, policy: &Retention, now: Timestamp) -> Result<bool, Error> {
        if self.pruning.policy != *policy {
            self.pruning = Pruning { policy: *policy, ..Pruning::default() };
        }
        self.step(policy, now, false)
    }

    /// Does one step. With `all`, no work is put off until it is more worthwhile.
    pub(crate) fn step(
        &mut self,
        policy: &Retention,
        now: Timestamp,
        all: bool,
    ) -> Result<bool, Error> {
        if let Some(step) = self.pruning.steps.pop_front() {
            self.pruning.changed = true;
            self.take(step, policy)?;
            return Ok(true);
        }
        // Sweeps first, so that the bytes of unused kinds are free before more samples are deleted
        // for them.
        if all && self.pruning.planned_ns.is_some() && self.sweep(all)? {
            return Ok(true);
        }
        let ago = |planned: u64| now.monotonic_ns.abs_diff(planned);
        let due = |planned| !all && ago(planned) >= PLAN_INTERVAL_NS;
        if self.pruning.changed || self.pruning.planned_ns.is_none_or(due) {
            self.pruning.steps = self.plan(policy, now)?.into();
            self.pruning.changed = false;
            self.pruning.planned_ns = Some(now.monotonic_ns);
            return Ok(true);
        }
        Ok(self.sweep(all)? || self.vacuum_step(policy, all)?)
    }

    fn plan(&self, policy: &Retention, now: Timestamp) -> Result<Vec<PruneStep>, Error> {
        let used = if policy.max_bytes.is_some() { self.used_bytes()? } else { 0 };
        let excess = policy.max_bytes.map_or(0, |max| used.saturating_sub(max));
        let running: Vec<RecordingId> = self.active.keys().copied().collect();
        let known = load::all(&self.connection, policy, &running, excess > 0).at(&self.path)?;
        Ok(plan(&known, policy, now.utc_ns, excess, &self.pruning.tried))
    }

    fn take(&mut self, step: PruneStep, policy: &Retention) -> Result<(), Error> {
        match step {
            PruneStep::Reduce { recording, last, keep } => {
                let running: Vec<RecordingId> = self.active.keys().copied().collect();
                let known =
                    load::one(&self.connection, recording, policy, &running).at(&self.path)?;
                let reader = Reader { connection: &self.connection, path: &self.path };
                self.pruning.tried.insert((recording, last, keep));
                let Some(reduced) = reader.reduce(&known, last, keep)? else { return Ok(()) };
                in_transaction(&mut self.connection, |transaction| reduced.write(transaction))
                    .at(&self.path)?;
                self.pruning.gone.samples += reduced.samples;
                let (chunks, kinds) = &mut self.pruning.loose;
                *chunks += 1;
                kinds.extend(reduced.kinds);
            }
            PruneStep::Cascade(recording) => {
                let first = load::first_sample(&self.connection, recording).at(&self.path)?;
                let Some(first) = first else { return Ok(()) };
                let rows = in_transaction(&mut self.connection, |transaction| {
                    cascade::trail(transaction, recording, first)
                })
                .at(&self.path)?;
                if rows > 0 {
                    self.pruning.steps.push_front(step);
                }
            }
            PruneStep::Delete(recording) => {
                let gone = in_transaction(&mut self.connection, |transaction| {
                    cascade::delete(transaction, recording)
                })
                .at(&self.path)?;
                if gone {
                    self.pruning.gone.recordings += 1;
                } else {
                    self.pruning.steps.push_front(step);
                }
            }
        }
        Ok(())
    }

    /// Continues the search for unreferenced kinds, or deletes some of them.
    fn sweep(&mut self, all: bool) -> Result<bool, Error> {
        if self.pruning.sweep.is_none() && !self.pruning.unreferenced {
            self.pruning.sweep = self.next_sweep(all)?;
        }
        if self.pruning.unreferenced {
            self.pruning.unreferenced =
                orphans::delete_unreferenced(&mut self.connection).at(&self.path)?;
            return Ok(true);
        }
        let Some(sweep) = &mut self.pruning.sweep else { return Ok(false) };
        let reader = Reader { connection: &self.connection, path: &self.path };
        match sweep.search(&reader)? {
            OrphanScan::Waiting => return Ok(false),
            OrphanScan::More => {}
            OrphanScan::Unnamed(kinds) => {
                self.pruning.sweep = None;
                // At once: a sample stored in between might reuse one of them.
                let rows = in_transaction(&mut self.connection, |transaction| {
                    orphans::delete_kinds(transaction, &kinds)
                })
                .at(&self.path)?;
                self.active.values_mut().for_each(|active| active.interner.forget());
                self.pruning.gone.kinds += rows;
                self.pruning.unreferenced |= rows > 0;
            }
        }
        Ok(true)
    }

    /// Starts a search if that is worthwhile.
    fn next_sweep(&mut self, all: bool) -> Result<Option<Sweep>, Error> {
        let (chunks, kinds) = &mut self.pruning.loose;
        if kinds.is_empty() {
            return Ok(None);
        }
        let left: u64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM chunk")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0).map(from_column)))
            .at(&self.path)?;
        if !all && chunks.saturating_mul(SWEEP_PART) < left {
            return Ok(None);
        }
        *chunks = 0;
        Ok(Some(Sweep::new(std::mem::take(kinds))))
    }

    /// Marks all kinds as possibly unreferenced if any recording was pruned before: that pruning
    /// may have been killed or left unfinished.
    pub(crate) fn find_loose_kinds(&mut self) -> Result<(), Error> {
        let pruned: Vec<i64> = self
            .connection
            .prepare(
                "SELECT recording FROM chunk GROUP BY recording HAVING sum(samples) < max(last)",
            )
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .at(&self.path)?;
        if !pruned.is_empty() {
            self.pruning.loose.1 = orphans::all_kinds(&self.connection).at(&self.path)?;
        }
        self.pruning.steps.extend(pruned.into_iter().map(|id| PruneStep::Cascade(RecordingId(id))));
        Ok(())
    }

    /// Returns some free pages to the file system, if there are enough.
    fn vacuum_step(&self, policy: &Retention, all: bool) -> Result<bool, Error> {
        let pages = PageCounts::of(&self.connection).at(&self.path)?;
        let too_large = policy.max_bytes.is_some_and(|max| pages.count * pages.bytes > max);
        if pages.free == 0 || !(all || too_large || pages.free > SLACK_PAGES) {
            return Ok(false);
        }
        vacuum(&self.connection, VACUUM_PAGES).at(&self.path)?;
        // A file without the mode for it keeps its free pages.
        let left = PageCounts::of(&self.connection).at(&self.path)?;
        Ok(left.free < pages.free)
    }

    /// Returns the size of the file without its free pages and, while recording, with its log.
    pub(crate) fn used_bytes(&self) -> Result<u64, Error> {
        let pages = PageCounts::of(&self.connection).at(&self.path)?;
        let log = if !self.active.is_empty() { self.log_bytes().min(MAX_LOG_BYTES) } else { 0 };
        Ok(pages.used_bytes().saturating_add(log))
    }
}

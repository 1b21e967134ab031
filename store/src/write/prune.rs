//! Prunes the writer's file: all at once, or step by step while recording.

use std::path::Path;

use vmrec_sampler::Timestamp;

use crate::db::open;
use crate::error::{At, Error};
use crate::recording::RecordingId;
use crate::retention::Pruning;
use crate::retention::growth::Size;
use crate::retention::load::PageCounts;
use crate::retention::policy::{Pruned, Retention, log_counted, log_room};
use crate::retention::step::Pruner;
use crate::tables::recording;
use crate::write::active::MIN_CHUNK_BYTES;
use crate::write::trial::trial;
use crate::write::writer::Writer;

impl Writer {
    /// Applies `policy` to the recordings `only`, or to all, none of which may be active, and returns
    /// free pages to the file system.
    ///
    /// A limit of the file that cannot be met is refused before anything is deleted.
    pub fn prune(
        &mut self,
        policy: &Retention,
        only: Option<&[RecordingId]>,
        now: Timestamp,
    ) -> Result<Pruned, Error> {
        let bytes_before = self.file_bytes();
        for id in only.unwrap_or_default() {
            if !recording::exists(&self.connection, *id).at(&self.path)? {
                return Err(Error::NoSuchRecording { id: *id, path: self.path.clone() });
            }
        }
        self.tidy()?;
        let used = PageCounts::of(&self.connection).at(&self.path)?.used_bytes();
        if policy.max_bytes.is_some_and(|max| used > max) {
            trial(&self.connection, &self.path, policy, only, &[], now)?;
        }
        self.pruning = Pruning::of(policy, only);
        self.pruner(false).run(now)?;
        self.pruning.uses = None;
        // Readers may keep the log; the last one to close the file removes it.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let bytes_after = self.file_bytes();
        Ok(Pruned { bytes_before, bytes_after, ..self.pruning.gone })
    }

    /// Checks that a file at `path` that is recorded to can be kept to the limit of `policy`, even if
    /// all its samples but the newest are deleted.
    pub fn check_limit(path: &Path, policy: &Retention) -> Result<(), Error> {
        let Some(limit_bytes) = policy.max_bytes else { return Ok(()) };
        let empty = open::lay_out(Path::new(":memory:")).at(path)?;
        let tables = PageCounts::of(&empty).at(path)?.used_bytes();
        let fixed_bytes = tables + log_room(limit_bytes) + MIN_CHUNK_BYTES;
        if fixed_bytes > limit_bytes {
            return Err(Error::LimitTooSmall { path: path.to_owned(), limit_bytes, fixed_bytes });
        }
        Ok(())
    }

    /// Returns by how many bytes the file and its log are larger than the policy allows, with room for
    /// the next tick.
    pub fn excess_bytes(&self) -> Result<u64, Error> {
        let Some(max) = self.pruning.policy.max_bytes else { return Ok(0) };
        let pages = PageCounts::of(&self.connection).at(&self.path)?;
        let log = log_counted(open::log_bytes(&self.real_path), max);
        Ok(pages.excess_bytes(log, self.pruning.growth.room_bytes(), max))
    }

    /// Keeps the file to `policy` from now on, by [`Writer::prune_step`] and by leaving out what can
    /// never fit.
    pub fn retain(&mut self, policy: &Retention) -> Result<(), Error> {
        self.pruning = Pruning::of(policy, None);
        self.active.values_mut().for_each(|active| active.limit(policy.max_bytes));
        if let Some(max) = policy.max_bytes {
            open::limit_log(&self.connection, log_room(max)).at(&self.path)?;
        }
        if let Some(size) = self.size()? {
            self.pruning.growth.settled_at(size);
        }
        Ok(())
    }

    /// Does at most one small step of pruning all recordings, also while recording; `false` if there
    /// was nothing to do.
    pub fn prune_step(&mut self, policy: &Retention, now: Timestamp) -> Result<bool, Error> {
        if self.pruning.policy != *policy || self.pruning.only.is_some() {
            self.retain(policy)?;
        }
        if self.excess_bytes()? > 0 {
            // Only chunks can be deleted.
            self.store_chunks();
        }
        self.note_growth();
        let done = self.pruner(true).step(now, false);
        if let Some(size) = self.size()? {
            self.pruning.growth.settled_at(size);
        }
        if std::mem::take(&mut self.pruning.kinds_deleted) {
            self.active.values_mut().for_each(|active| active.interner.forget());
        }
        done
    }

    /// Notes how much the file has grown since it was pruned, if it has a limit.
    pub(crate) fn note_growth(&mut self) {
        // What is stored is stored, whatever is known of the size.
        if let Ok(Some(size)) = self.size() {
            self.pruning.growth.grown_to(size);
        }
    }

    /// Returns the size of the file, if it has a limit.
    fn size(&self) -> Result<Option<Size>, Error> {
        if self.pruning.policy.max_bytes.is_none() {
            return Ok(None);
        }
        let pages = PageCounts::of(&self.connection).at(&self.path)?;
        let log_bytes = open::log_bytes(&self.real_path);
        let bytes = pages.count * pages.bytes + log_bytes;
        Ok(Some(Size { used_bytes: pages.used_bytes(), bytes }))
    }

    fn pruner(&mut self, recorded: bool) -> Pruner<'_> {
        Pruner {
            connection: &mut self.connection,
            path: &self.path,
            recorded: recorded.then_some(&self.real_path),
            running: self.active.keys().copied().collect(),
            pruning: &mut self.pruning,
        }
    }
}

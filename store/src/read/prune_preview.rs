//! Previews what retention deletes.

use vmrec_sampler::Timestamp;

use crate::error::{At, Error};
use crate::read::store::Store;
use crate::recording::RecordingId;
use crate::retention::load;
use crate::retention::load::PageCounts;
use crate::retention::plan::{Keep, PruneStep, Tried, plan};
use crate::retention::policy::{Pruned, Retention};
use crate::retention::reduce::Reader;
use crate::tables::recording;

impl Store {
    /// Returns what [`crate::write::writer::Writer::prune`] would do, as far as that can be
    /// predicted: samples that are not in a chunk yet are ignored, and bytes are estimated.
    pub fn prune_preview(&self, policy: &Retention, now: Timestamp) -> Result<Pruned, Error> {
        let mut gone = Pruned { bytes_before: self.file_bytes(), ..Pruned::default() };
        let _transaction = self.transaction().at(&self.path)?;
        let used = PageCounts::of(&self.connection).at(&self.path)?.used_bytes();
        let excess = policy.max_bytes.map_or(0, |max| used.saturating_sub(max));
        let running = self.running()?;
        let known = load::all(&self.connection, policy, &running, excess > 0).at(&self.path)?;
        let steps = plan(&known, policy, now.utc_ns, excess, &Tried::default());
        let reader = Reader { connection: &self.connection, path: &self.path };
        for known in &known {
            let (mut left, mut looked_at) = (0, 0);
            for header in known.chunks.iter().map(|piece| &piece.header) {
                let keep = steps.iter().find_map(|step| match step {
                    PruneStep::Reduce { recording, last, keep }
                        if (*recording, *last) == (known.id, header.last) =>
                    {
                        Some(*keep)
                    }
                    _ => None,
                });
                let lost = match keep {
                    None => 0,
                    Some(Keep::Nothing) => header.samples,
                    Some(keep) => reader.count(known, header.last, keep)?,
                };
                gone.samples += lost;
                left += header.samples - lost.min(header.samples);
                looked_at += 1;
            }
            let whole = looked_at > 0 && left == 0 && !known.tail && !known.running;
            gone.recordings += u64::from(whole || steps.contains(&PruneStep::Delete(known.id)));
        }
        gone.bytes_after = gone.bytes_before;
        Ok(gone)
    }

    /// Returns the recordings without an end, if a recorder is writing to the file.
    fn running(&self) -> Result<Vec<RecordingId>, Error> {
        if !self.being_recorded() {
            return Ok(Vec::new());
        }
        self.read(recording::without_end)
    }
}

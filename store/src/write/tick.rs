//! Writes what one tick adds to a session in one transaction: a sample of each of its recordings,
//! with those that begin and those that end.

use std::collections::BTreeMap;

use vmrec_sampler::{Evidence, ProcessInfo, Snapshot, Timestamp};

use crate::db::transaction::Transaction;
use crate::db::vacuum;
use crate::db::vacuum::ALL_PAGES;
use crate::error::Error;
use crate::recording::{RecordingId, SessionId, WhyEnded};
use crate::tables::evidence as evidence_rows;
use crate::tables::recording;
use crate::write::active::{Active, Written};
use crate::write::writer::{Writer, not_begun};

/// The additions of a tick to one recording.
#[derive(Debug)]
pub struct Addition<'a> {
    /// The recording.
    pub to: Continues<'a>,
    /// Its next sample.
    pub sample: Option<NextSample>,
    /// When and why it ends, after that sample.
    pub end: Option<(Timestamp, WhyEnded)>,
}

/// The recording that a tick adds to.
#[derive(Clone, Copy, Debug)]
pub enum Continues<'a> {
    /// One that begins: of this process, by this name, at this time.
    New(&'a ProcessInfo, Option<&'a str>, Timestamp),
    /// One that is active.
    Active(RecordingId),
}

/// A sample to store.
#[derive(Debug)]
pub enum NextSample {
    /// A snapshot, with the evidence of its types if they were classified again.
    Taken(Box<Snapshot>, Option<Box<Evidence>>),
    /// Ticks that passed without a sample.
    Missed {
        /// When the first one was due.
        due: Timestamp,
        /// How many.
        ticks: u64,
        /// The reason.
        reason: String,
    },
}

/// A recording that a tick added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// The recording.
    pub recording: RecordingId,
    /// The number of its sample, if it got one.
    pub number: Option<u64>,
}

impl Writer {
    /// Stores all that a tick adds to the recordings of a session durably in one transaction, all or
    /// nothing, and returns their numbers in the order of `additions`. Each recording may be added to
    /// once.
    ///
    /// Recordings of a process go after that of its parent, which they refer to.
    pub fn tick(
        &mut self,
        session: SessionId,
        additions: Vec<Addition<'_>>,
    ) -> Result<Vec<Added>, Error> {
        let known = |addition: &Addition<'_>| match addition.to {
            Continues::New(..) => true,
            Continues::Active(id) => self.active.contains_key(&id),
        };
        if !additions.iter().all(known) {
            return Err(not_begun(&self.path));
        }
        self.start_chunk_thread();
        let before: Vec<RecordingId> = self.active.keys().copied().collect();
        let max_bytes = self.pruning.policy.max_bytes;
        let written = self.while_held(|transaction, active| {
            let add = |addition| add(transaction, (active, max_bytes), session, addition);
            additions.into_iter().map(add).collect::<rusqlite::Result<Vec<_>>>()
        });
        let written = match written {
            Ok(written) => written,
            Err(error) => {
                self.active.retain(|id, _| before.contains(id));
                self.active.values_mut().for_each(|active| active.evidence.reject());
                return Err(error);
            }
        };
        let mut added = Vec::with_capacity(written.len());
        for (recording, sample, ends) in written {
            let number = sample.map(|written| self.accept(recording, written));
            added.push(Added { recording, number });
            if let Some(mut active) = ends.then(|| self.active.remove(&recording)).flatten()
                && let Some(thread) = &mut self.chunk_thread
            {
                thread.build(recording, &mut active.pending);
            }
        }
        self.store_ready_chunks();
        self.note_growth();
        if self.active.is_empty() && !before.is_empty() {
            self.store_all_chunks();
            // Rows that did not become a chunk are complete as they are.
            let _ = vacuum::vacuum(&self.connection, ALL_PAGES);
        }
        Ok(added)
    }
}

/// Writes one addition; returns its recording, its sample, and whether the recording ends.
fn add(
    transaction: &Transaction<'_>,
    (all, max_bytes): (&mut BTreeMap<RecordingId, Active>, Option<u64>),
    session: SessionId,
    addition: Addition<'_>,
) -> rusqlite::Result<(RecordingId, Option<Written>, bool)> {
    let id = match addition.to {
        Continues::Active(id) => id,
        Continues::New(process, name, begun) => {
            recording::insert_recording(transaction, session, process, name, begun)?
        }
    };
    let active = all.entry(id).or_insert_with(|| Active::new(id, max_bytes));
    let sample = match addition.sample {
        None => None,
        Some(NextSample::Missed { due, ticks, reason }) => {
            Some(active.missed(transaction, due, ticks, &reason)?)
        }
        Some(NextSample::Taken(snapshot, evidence)) => {
            let written = active.append(transaction, *snapshot)?;
            if let Some(evidence) = evidence {
                keep(transaction, active, id, written.0.number, &evidence)?;
            }
            Some(written)
        }
    };
    if let Some((at, why)) = &addition.end {
        recording::end_recording(transaction, id, *at, why)?;
    }
    Ok((id, sample, addition.end.is_some()))
}

/// Writes the evidence of a sample unless it is that of the one before, or excessively large.
fn keep(
    transaction: &Transaction<'_>,
    active: &mut Active,
    id: RecordingId,
    number: u64,
    evidence: &Evidence,
) -> rusqlite::Result<()> {
    let packed = active.evidence.pack(number, evidence);
    let packed = packed.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let Some(new) = packed.filter(|new| !active.is_too_large(new)) else { return Ok(()) };
    evidence_rows::write(transaction, id, number, &new.data)?;
    active.evidence_stored(new.data.len());
    active.evidence.accept(new);
    Ok(())
}

//! The thread that builds chunks, so that sampling does not wait for it. The
//! recordings of a writer share it.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::thread::JoinHandle;

use crate::codec::chunk::builder::{Builder, Built};
use crate::codec::table_diff::{Edit, RegionTable};
use crate::recording::{RecordingId, Sample};

/// A chunk that the thread built.
pub(crate) type Ready = (RecordingId, std::io::Result<Built>);

/// Builds chunks, those of each recording in the order they are given.
#[derive(Debug)]
pub(crate) struct ChunkThread {
    full: Option<Sender<Full>>,
    chunks: Receiver<Ready>,
    /// The number of chunks of each recording that are being built, or ready and not yet taken.
    building: BTreeMap<RecordingId, usize>,
    thread: Option<JoinHandle<()>>,
}

/// The samples of a recording since its last chunk.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Its models are large, and a map of recordings has room for more than it holds.
    builder: Box<Builder>,
    first: u64,
    last: u64,
}

/// The samples of a chunk.
struct Full {
    recording: RecordingId,
    samples: Pending,
}

impl Default for Pending {
    fn default() -> Self {
        Self { builder: Box::default(), first: 1, last: 0 }
    }
}

impl Pending {
    /// Adds a sample with the regions `table`; `edits` turn those before into them.
    pub(crate) fn push(&mut self, sample: Sample, edits: &[Edit], table: &RegionTable) {
        self.last = sample.number;
        self.builder.push_next(sample, edits, table);
    }

    /// Adds a sample without regions.
    pub(crate) fn push_without_regions(&mut self, sample: Sample) {
        self.last = sample.number;
        self.builder.push(sample, None);
    }
}

impl ChunkThread {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (full, waiting) = mpsc::channel::<Full>();
        let (made, chunks) = mpsc::channel();
        let work = move || {
            for Full { recording, samples: Pending { builder, first, last } } in waiting {
                // Nobody receives once the writer is closed.
                let _ = made.send((recording, builder.finish(recording.0, first, last)));
            }
        };
        let thread = thread::Builder::new().name("vmrec-chunks".to_owned()).spawn(work)?;
        let (full, thread) = (Some(full), Some(thread));
        Ok(Self { full, chunks, building: BTreeMap::new(), thread })
    }

    /// Starts building a chunk from all pending samples.
    pub(crate) fn build(&mut self, recording: RecordingId, pending: &mut Pending) {
        if pending.builder.is_empty() {
            return;
        }
        let next = pending.last + 1;
        let none = Pending { builder: Box::default(), first: next, last: pending.last };
        let samples = std::mem::replace(pending, none);
        // If the thread has ended, no chunk is built and its samples stay as rows.
        let full = Full { recording, samples };
        let sent = self.full.as_ref().is_some_and(|thread| thread.send(full).is_ok());
        if sent {
            *self.building.entry(recording).or_default() += 1;
        }
    }

    /// Returns a chunk that is ready, if there is one.
    pub(crate) fn ready(&mut self) -> Option<Ready> {
        let ready = self.chunks.try_recv().ok()?;
        self.built(ready.0);
        Some(ready)
    }

    /// Returns the number of chunks that are being built or are ready.
    pub(crate) fn waiting(&self) -> usize {
        self.building.values().sum()
    }

    /// Waits for a chunk, of whichever recording, while any of `recording` is being built.
    pub(crate) fn wait(&mut self, recording: RecordingId) -> Option<Ready> {
        if !self.building.contains_key(&recording) {
            return None;
        }
        let ready = self.chunks.recv().ok()?;
        self.built(ready.0);
        Some(ready)
    }

    /// Waits for a chunk while any is being built.
    pub(crate) fn wait_any(&mut self) -> Option<Ready> {
        let recording = *self.building.keys().next()?;
        self.wait(recording)
    }

    fn built(&mut self, recording: RecordingId) {
        if let Some(building) = self.building.get_mut(&recording) {
            *building -= 1;
            if *building == 0 {
                self.building.remove(&recording);
            }
        }
    }
}

impl Drop for ChunkThread {
    fn drop(&mut self) {
        self.full = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

//! The thread that makes chunks of what was recorded, so that sampling does not wait for it.

use std::sync::mpsc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::thread::JoinHandle;

use vmrec_sampler::Timestamp;

use crate::codec::chunk::builder::{Builder, Built};
use crate::codec::table_diff::{Edit, Table};
use crate::recording::{RecordingId, Sample};
use crate::tables::rollup;
use crate::tables::rollup::MINUTE_S;

/// Makes chunks of the samples of one recording, in the order they are given.
#[derive(Debug)]
pub(crate) struct Chunker {
    begun: Timestamp,
    builder: Builder,
    /// The number of the first sample of the chunk at hand.
    first: u64,
    /// The number and time of the last sample.
    last: Option<(u64, Timestamp)>,
    full: Option<Sender<Full>>,
    chunks: Receiver<std::io::Result<Built>>,
    thread: Option<JoinHandle<()>>,
}

/// The samples of a chunk.
struct Full {
    builder: Builder,
    first: u64,
    last: u64,
    ends_minute: bool,
}

impl Chunker {
    /// Starts the thread for a recording that began at `begun`.
    pub(crate) fn start(recording: RecordingId, begun: Timestamp) -> std::io::Result<Self> {
        let (full, waiting) = mpsc::channel::<Full>();
        let (made, chunks) = mpsc::channel();
        let work = move || {
            for Full { builder, first, last, ends_minute } in waiting {
                let built = builder.finish(recording.0, first, last);
                // Nobody listens once the recording is over.
                let _ = made.send(built.map(|built| Built { ends_minute, ..built }));
            }
        };
        let thread = thread::Builder::new().name("vmrec-chunks".to_owned()).spawn(work)?;
        let (full, thread) = (Some(full), Some(thread));
        let builder = Builder::default();
        Ok(Self { begun, builder, first: 1, last: None, full, chunks, thread })
    }

    /// Adds a sample with the regions `table`, to which `edits` lead from those before; a chunk
    /// begins with it if it `begins`.
    pub(crate) fn push(&mut self, sample: Sample, edits: &[Edit], table: &Table, begins: bool) {
        if begins {
            let minute = |taken| rollup::place(self.begun, taken, MINUTE_S);
            let ends = self.last.is_some_and(|(_, at)| minute(at) != minute(sample.taken));
            self.close(ends);
        }
        self.last = Some((sample.number, sample.taken));
        self.builder.push_next(sample, edits, table);
    }

    /// Adds a sample without regions.
    pub(crate) fn push_missed(&mut self, sample: Sample) {
        self.last = Some((sample.number, sample.taken));
        self.builder.push(sample, None);
    }

    /// Returns a chunk that is ready.
    pub(crate) fn ready(&self) -> Option<std::io::Result<Built>> {
        self.chunks.try_recv().ok()
    }

    /// Waits for the chunks of all samples that were given.
    pub(crate) fn finish(mut self) -> Vec<std::io::Result<Built>> {
        self.close(true);
        self.full = None;
        let chunks = self.chunks.iter().collect();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        chunks
    }

    /// Lets the thread make a chunk of the samples at hand, of the last of which the minute may end.
    fn close(&mut self, ends_minute: bool) {
        let Some((last, _)) = self.last.filter(|_| !self.builder.is_empty()) else { return };
        let (builder, first) = (std::mem::take(&mut self.builder), self.first);
        self.first = last + 1;
        if let Some(full) = &self.full {
            // A thread that is gone makes no chunk; its samples stay as they are.
            let _ = full.send(Full { builder, first, last, ends_minute });
        }
    }
}

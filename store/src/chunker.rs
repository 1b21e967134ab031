//! The thread that makes chunks of what was recorded, so that sampling does not wait for it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use crate::chunk::{Builder, Built};
use crate::frame::Table;
use crate::recording::{RecordingId, Sample};

/// Samples that may wait for the thread: each keeps its regions in memory.
const WAITING: usize = 4;

/// Makes chunks of the samples of one recording, in the order they are given.
#[derive(Debug)]
pub(crate) struct Chunker {
    samples: Option<SyncSender<Stored>>,
    chunks: Receiver<std::io::Result<Built>>,
    thread: Option<JoinHandle<()>>,
}

/// A sample that is stored for good.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) sample: Sample,
    /// Its regions, unless it was missed.
    pub(crate) table: Option<Arc<Table>>,
    /// Whether a chunk begins with it.
    pub(crate) begins: bool,
}

impl Chunker {
    /// Starts the thread for a recording whose next sample is `first`.
    pub(crate) fn start(recording: RecordingId, first: u64) -> std::io::Result<Self> {
        let (samples, waiting) = mpsc::sync_channel::<Stored>(WAITING);
        let (made, chunks) = mpsc::channel();
        let work = move || {
            let (mut builder, mut first) = (Builder::default(), first);
            let mut last = first;
            let mut close = |builder: &mut Builder, last: u64| {
                if builder.is_empty() {
                    return;
                }
                let built = std::mem::take(builder).finish(recording.0, first, last);
                first = last + 1;
                // Nobody listens once the recording is over.
                let _ = made.send(built);
            };
            for Stored { sample, table, begins } in waiting {
                if begins {
                    close(&mut builder, last);
                }
                last = sample.number;
                let regions =
                    table.as_ref().map(|table| (&table.identities[..], &table.regions[..]));
                builder.push(sample, regions);
            }
            close(&mut builder, last);
        };
        let thread = thread::Builder::new().name("vmrec-chunks".to_owned()).spawn(work)?;
        Ok(Self { samples: Some(samples), chunks, thread: Some(thread) })
    }

    /// Adds a sample, waiting only if the thread is some samples behind.
    pub(crate) fn push(&self, stored: Stored) {
        if let Some(samples) = &self.samples {
            // A thread that is gone makes no chunk; its samples stay as they are.
            let _ = samples.send(stored);
        }
    }

    /// Returns a chunk that is ready.
    pub(crate) fn ready(&self) -> Option<std::io::Result<Built>> {
        self.chunks.try_recv().ok()
    }

    /// Waits for the chunks of all samples that were given.
    pub(crate) fn finish(mut self) -> Vec<std::io::Result<Built>> {
        self.samples = None;
        let chunks = self.chunks.iter().collect();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        chunks
    }
}

//! The thread that makes chunks of what was recorded, so that sampling does not wait for it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, JoinHandle};

use vmrec_sampler::Timestamp;

use crate::chunk::{Builder, Built};
use crate::frame::Table;
use crate::recording::{RecordingId, Sample};
use crate::rollup::{self, MINUTE_S};

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
    /// Starts the thread for a recording that began at `begun`.
    pub(crate) fn start(recording: RecordingId, begun: Timestamp) -> std::io::Result<Self> {
        let (samples, waiting) = mpsc::sync_channel::<Stored>(WAITING);
        let (made, chunks) = mpsc::channel();
        let work = move || {
            let (mut builder, mut first) = (Builder::default(), 1);
            let mut last: Option<(u64, Timestamp)> = None;
            let mut close = |builder: &mut Builder, last, ends_minute| {
                let Some((last, _)) = last else { return };
                if builder.is_empty() {
                    return;
                }
                let built = std::mem::take(builder).finish(recording.0, first, last);
                first = last + 1;
                // Nobody listens once the recording is over.
                let _ = made.send(built.map(|built| Built { ends_minute, ..built }));
            };
            for Stored { sample, table, begins } in waiting {
                if begins {
                    let minute = |taken| rollup::place(begun, taken, MINUTE_S);
                    let ends = last.is_some_and(|(_, at)| minute(at) != minute(sample.taken));
                    close(&mut builder, last, ends);
                }
                last = Some((sample.number, sample.taken));
                let regions =
                    table.as_ref().map(|table| (&table.identities[..], &table.regions[..]));
                builder.push(sample, regions);
            }
            close(&mut builder, last, true);
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

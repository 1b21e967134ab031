//! Lines for standard error while recording, written by a thread of their own:
//! a terminal that is paused, or a pipe that nobody reads, keeps no sample waiting.

use std::fs::File;
use std::io;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::Builder;
use std::time::Duration;

use vmrec_report::escape;

use crate::commands::record::stopped;

/// How many texts wait for a reader at most; more are dropped.
const MAX_WAITING: usize = 64;

/// How long the last texts are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes texts to standard error in their order, none if that is gone.
pub(crate) struct NoteWriter {
    queue: Option<SyncSender<String>>,
    /// Closed once all texts are written.
    done: Receiver<()>,
}

impl NoteWriter {
    /// Starts the thread; without one nothing is shown. With `over`, a line that is written over is taken away
    /// before vmrec is stopped.
    pub(crate) fn start(over: bool) -> Self {
        let (queue, texts) = mpsc::sync_channel::<String>(MAX_WAITING);
        let (writing, done) = mpsc::channel();
        let write_all = move || {
            let _writing: mpsc::Sender<()> = writing;
            // Not by `io::stderr()`, which would stay locked while a write waits for a reader.
            let Ok(descriptor) = io::stderr().as_fd().try_clone_to_owned() else { return };
            let error = Arc::new(Mutex::new(File::from(descriptor)));
            if over {
                stopped::heed(Arc::clone(&error));
            }
            for text in texts {
                let mut error = error.lock().unwrap_or_else(PoisonError::into_inner);
                // A line that cannot be shown is no reason to stop recording.
                let _ = error.write_all(text.as_bytes());
            }
        };
        let started = Builder::new().name("vmrec-notes".to_owned()).spawn(write_all);
        Self { queue: started.is_ok().then_some(queue), done }
    }

    /// Writes each line of a text, escaped.
    pub(crate) fn note(&self, text: &str) {
        self.raw(text.lines().map(|line| format!("{}\n", escape::terminal(line))).collect());
    }

    /// Writes a text as it is.
    pub(crate) fn raw(&self, text: String) {
        if let Some(queue) = &self.queue {
            let _ = queue.try_send(text);
        }
    }
}

impl Drop for NoteWriter {
    /// Waits until all is written, though not for a reader that does not read.
    fn drop(&mut self) {
        self.queue = None;
        let _ = self.done.recv_timeout(PATIENCE);
    }
}

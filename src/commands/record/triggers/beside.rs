//! Programs that run beside the recorder, which never waits for them.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// The ends of programs, as they come.
pub(super) struct Ends<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
}

impl<T: Send + 'static> Ends<T> {
    /// Waits for none yet.
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver }
    }

    /// Starts a program, and returns its process number; `end` waits for it on a thread of its own.
    pub(super) fn start(
        &self,
        command: &mut Command,
        end: impl FnOnce(Child) -> T + Send + 'static,
    ) -> io::Result<u32> {
        // Ctrl-C ends the recording, not the programs beside it.
        command.process_group(0);
        let child = command.spawn()?;
        let (pid, sender) = (child.id(), self.sender.clone());
        thread::spawn(move || {
            // Nobody listens any more once the recording has ended.
            let _ = sender.send(end(child));
        });
        Ok(pid)
    }

    /// Returns the next end, waiting until `deadline`.
    pub(super) fn next(&self, deadline: Instant) -> Option<T> {
        match deadline.saturating_duration_since(Instant::now()) {
            // A wait of no time may still take one.
            Duration::ZERO => self.receiver.try_recv().ok(),
            wait => self.receiver.recv_timeout(wait).ok(),
        }
    }
}

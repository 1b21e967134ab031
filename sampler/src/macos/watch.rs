//! Waits for a process to end.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::error::Error;
use crate::macos::ffi::unix::{exit_queue, wait_exit};
use crate::macos::process::{ended, native, process_info, reused};
use crate::process::ProcessId;

/// How often to poll a process whose end the kernel does not report.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Waits for one process to end, no matter who started it.
#[derive(Debug)]
pub struct ExitWatch {
    id: ProcessId,
    /// The kernel's events of the process; `None` if it may not be watched.
    queue: Option<OwnedFd>,
}

impl ExitWatch {
    /// Watches the process `id`.
    ///
    /// # Errors
    ///
    /// Fails if it has ended already.
    pub fn new(id: &ProcessId) -> Result<Self, Error> {
        let queue = exit_queue(native(id.pid)?).ok();
        // The queue was opened before the start time is read, so both are of one process.
        process_info(id.pid)?;
        if reused(id) {
            return Err(Error::Reused { pid: id.pid });
        }
        if ended(id) {
            return Err(Error::NotFound { pid: id.pid });
        }
        Ok(Self { id: id.clone(), queue })
    }

    /// Waits until the process ends.
    ///
    /// # Errors
    ///
    /// Fails if the kernel does not permit it.
    pub fn wait(&self) -> Result<(), Error> {
        // An event is delivered only once, so an earlier call may have taken it.
        while !ended(&self.id) {
            match &self.queue {
                Some(queue) => match wait_exit(queue) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    waited => {
                        return waited.map_err(|error| Error::Kernel {
                            pid: self.id.pid,
                            call: "kevent",
                            reason: error.to_string(),
                        });
                    }
                },
                None => std::thread::sleep(POLL_INTERVAL),
            }
        }
        Ok(())
    }
}

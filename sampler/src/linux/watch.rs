//! Waits for a process to end.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use crate::error::Error;
use crate::linux::files::{OpenFile, PROC, Refusal};
use crate::linux::process::refused;
use crate::linux::system::{open_process, wait_readable};
use crate::process::ProcessId;

/// How often to poll a kernel without process handles.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Waits for one process to end, no matter who started it.
#[derive(Debug)]
pub struct ExitWatch {
    id: ProcessId,
    stat: OpenFile,
    /// The process's handle, if the kernel supports them.
    handle: Option<OwnedFd>,
}

impl ExitWatch {
    /// Watches the process `id`.
    ///
    /// # Errors
    ///
    /// Fails if it has ended already.
    pub fn new(id: &ProcessId) -> Result<Self, Error> {
        let handle = open_process(id.pid).ok();
        Self::with_handle(id, handle)
    }

    fn with_handle(id: &ProcessId, handle: Option<OwnedFd>) -> Result<Self, Error> {
        let path = Path::new(PROC).join(id.pid.to_string()).join("stat");
        let stat = OpenFile::open(path).map_err(|refusal| refused(refusal, id.pid))?;
        let watch = Self { id: id.clone(), stat, handle };
        // The handle was opened before the start time is read, so both are of one process.
        match watch.stat.stat() {
            Ok(stat) if stat.start_ticks == id.start_ticks => Ok(watch),
            Ok(_) => Err(Error::Reused { pid: id.pid }),
            Err(refusal) => Err(refused(refusal, id.pid)),
        }
    }

    /// Waits until the process ends.
    ///
    /// # Errors
    ///
    /// Fails if the kernel does not permit it.
    pub fn wait(&self) -> Result<(), Error> {
        loop {
            match &self.handle {
                Some(handle) => match wait_readable(handle) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    waited => {
                        let path = self.stat.path().to_owned();
                        return waited.map_err(|source| Error::Io { path, source });
                    }
                },
                None if self.ended()? => return Ok(()),
                None => std::thread::sleep(POLL_INTERVAL),
            }
        }
    }

    fn ended(&self) -> Result<bool, Error> {
        match self.stat.stat() {
            // The first thread may end before the others; the process then still exists.
            Ok(stat) => {
                Ok(stat.start_ticks != self.id.start_ticks || (stat.ended() && stat.threads <= 1))
            }
            Err(Refusal::Gone) => Ok(true),
            Err(refusal) => Err(refused(refusal, self.id.pid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linux::process::process_info;
    use std::process::{Child, Command};

    fn sleeper() -> (Child, ProcessId) {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = process_info(child.id()).unwrap().id;
        (child, id)
    }

    #[test]
    fn an_end_is_seen_with_and_without_a_handle() {
        for by_handle in [true, false] {
            let (mut child, id) = sleeper();
            let handle = by_handle.then(|| open_process(id.pid).unwrap());
            let watch = ExitWatch::with_handle(&id, handle).unwrap();
            let waiting = std::thread::spawn(move || watch.wait());
            std::thread::sleep(Duration::from_millis(150));
            assert!(!waiting.is_finished());
            child.kill().unwrap();
            // Not collected yet: a zombie has ended as well.
            waiting.join().unwrap().unwrap();
            child.wait().unwrap();
            assert!(matches!(ExitWatch::new(&id), Err(Error::NotFound { .. })));
        }
    }

    #[test]
    fn another_process_of_that_number_is_refused() {
        let (mut child, mut id) = sleeper();
        id.start_ticks -= 1;
        assert!(matches!(ExitWatch::new(&id), Err(Error::Reused { .. })));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

//! Records the page faults of processes with their stacks and, if that is wanted, the system calls that
//! map memory, on a thread of its own.

pub(crate) mod calls;
pub(crate) mod code_names;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod launch;
pub(crate) mod machine;
pub(crate) mod modules;
pub(crate) mod pages;
pub(crate) mod process;
pub(crate) mod reader;
pub(crate) mod ring;
pub(crate) mod shared;
pub(crate) mod state;

use std::io;
use std::process::{Child, Command};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;

use crate::error::Error;
use crate::linux::process::process_info;
use crate::linux::stacks::events::Begin;
use crate::linux::stacks::launch::Held;
use crate::linux::stacks::process::Process;
use crate::linux::stacks::reader::{Reader, Shared};
use crate::snapshot::Snapshot;
use crate::stack_refusal::StackRefusal;
use crate::stacks::model::{StackOptions, StackTick};

/// Records which stacks made the memory of processes resident, until it is dropped.
pub struct StackRecorder {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for StackRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackRecorder").finish_non_exhaustive()
    }
}

impl StackRecorder {
    /// Begins to record the page faults of processes, and of those that ticks are asked of. Of several,
    /// those are left out of which that is not permitted.
    ///
    /// # Errors
    ///
    /// Fails if there is no such process, or if the kernel does not permit it.
    pub fn attach(pids: &[u32], options: &StackOptions) -> Result<Self, Error> {
        let first = pids.first().copied().unwrap_or_default();
        let name = match pids {
            [] => String::new(),
            _ => process_info(first)?.name().to_owned(),
        };
        Self::start(pids, options, Begin::Now).map_err(|why| refused(first, name, why))
    }

    /// Starts a command, and records its page faults from the first on. The outer error is that of
    /// starting it.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be started, or if the kernel does not permit to record it; then it is not
    /// started.
    pub fn spawn(
        command: Command,
        options: &StackOptions,
    ) -> io::Result<Result<(Child, Self), Error>> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut held = Held::new(command)?;
        let (started, recorder) = thread::scope(|scope| {
            let (pids, gate) = (held.pids.take(), held.gate.take());
            let attach = scope.spawn(move || {
                let pid = pids.and_then(|pids| pids.pid())?;
                let recorder = Self::start(&[pid], options, Begin::AtExec);
                if recorder.is_ok() {
                    gate?.open();
                }
                Some(recorder.map_err(|why| refused(pid, name, why)))
            });
            let started = held.spawn();
            (started, attach.join().ok().flatten())
        });
        match (started, recorder) {
            (_, Some(Err(refusal))) => Ok(Err(refusal)),
            (Err(error), _) => Err(error),
            (Ok(child), Some(Ok(recorder))) => Ok(Ok((child, recorder))),
            (Ok(_), None) => Err(io::ErrorKind::Interrupted.into()),
        }
    }

    /// Opens the events on the thread that will read them, which owns the buffers.
    fn start(pids: &[u32], options: &StackOptions, begin: Begin) -> Result<Self, StackRefusal> {
        let (answer, answered) = mpsc::channel();
        let (options, pids) = (*options, pids.to_vec());
        thread::spawn(move || match Reader::open(&pids, &options, begin) {
            Err(why) => drop(answer.send(Err(why))),
            Ok(reader) => {
                if answer.send(Ok(reader.shared())).is_ok() {
                    reader.read();
                }
            }
        });
        let shared = answered.recv().unwrap_or(Err(StackRefusal::NoEvents))?;
        Ok(Self { shared })
    }

    /// Returns the stacks of the pages of a process that were present when `snapshot` was taken, and of
    /// its mappings. A process that is not known yet, or `new`, is recorded from now on; `None` if that
    /// is not permitted, or if there are too many.
    pub fn tick(&self, pid: u32, new: bool, snapshot: &Snapshot) -> Option<StackTick> {
        let Shared { state, readings, .. } = &*self.shared;
        readings.catch_up();
        let mut locked = state.lock();
        if locked.follows(pid, new) {
            let files = locked.files.clone();
            drop(locked);
            // Records of others are not to wait for the files of its code.
            let mut process = Process::new(pid, &files);
            process.add_mapped(pid);
            locked = state.lock();
            locked.processes.entry(pid).or_insert(process);
        }
        locked.tick(pid, snapshot)
    }

    /// Makes the next tick of a process name all its stacks again, for a recording that begins.
    pub fn restart(&self, pid: u32) {
        if let Some(process) = self.shared.state.lock().processes.get_mut(&pid) {
            process.restart();
        }
    }
}

impl Drop for StackRecorder {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

fn refused(pid: u32, name: String, why: StackRefusal) -> Error {
    Error::StacksRefused { pid, name, why }
}

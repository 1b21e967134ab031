//! Records the blocks that a command allocates, by the library that it loads: on a thread of its own.

pub(crate) mod library;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod shared;
pub(crate) mod socket;

use std::collections::HashMap;
use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::alloc_refusal::AllocRefusal;
use crate::error::Error;
use crate::linux::allocs::process::Process;
use crate::linux::allocs::shared::Shared;
use crate::linux::allocs::socket::Socket;
use crate::linux::process::process_info;
use crate::linux::stacks::files::Files;
use crate::linux::stacks::launch::wait_readable;
use crate::snapshot::Snapshot;
use crate::stacks::layout::{RING_BYTES, VARIABLE, WITH_CHILDREN};
use crate::stacks::model::{AllocCounts, AllocOptions, StackCounts, StackTick};

/// The times between two readings of the rings: the fuller they are, the sooner.
const MIN_WAIT: Duration = Duration::from_millis(2);
const MAX_WAIT: Duration = Duration::from_millis(10);
/// Rings of more bytes than this are read again sooner.
const BUSY_BYTES: usize = RING_BYTES / 32;
/// The time between two looks for processes that have ended.
const LOOK_FOR_ENDED: Duration = Duration::from_secs(10);
/// The maximum number of processes.
const MAX_PROCESSES: usize = 4096;

/// Records which stacks allocated the blocks of a command, until it is dropped.
pub struct AllocRecorder {
    shared: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

impl std::fmt::Debug for AllocRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AllocRecorder").finish_non_exhaustive()
    }
}

impl AllocRecorder {
    /// Starts a command, and records its blocks from the first on. The outer error is that of starting it.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be started, or if its blocks cannot be recorded; then it is not started.
    pub fn spawn(
        mut command: Command,
        options: &AllocOptions,
    ) -> io::Result<Result<(Child, Self), Error>> {
        let prepare = || -> Result<_, AllocRefusal> {
            program::check(command.get_program())?;
            let library = library::stored(&options.folder)?;
            let socket = Socket::open().map_err(|error| AllocRefusal::Other(error.to_string()))?;
            Ok((library, socket))
        };
        let (library, socket) = match prepare() {
            Ok(prepared) => prepared,
            Err(why) => {
                let name = command.get_program().to_string_lossy().into_owned();
                return Ok(Err(Error::AllocsRefused { name, why }));
            }
        };
        let flags = if options.children { WITH_CHILDREN } else { 0 };
        let (own, mean) = (std::process::id(), options.mean_bytes);
        command.env("LD_PRELOAD", program::preloaded(&library));
        command.env(VARIABLE, format!("{own} {flags} {mean} {}", socket.name));
        let shared = Arc::new(Mutex::new(State::new(mean)));
        let ended = Arc::new(AtomicBool::new(false));
        let (state, ends) = (Arc::clone(&shared), Arc::clone(&ended));
        let recorder = Self { shared, ended };
        thread::spawn(move || read(&state, &socket, &ends));
        Ok(Ok((command.spawn()?, recorder)))
    }

    /// Returns the stacks of the blocks of a process that were allocated when `snapshot` was taken.
    pub fn tick(&self, pid: u32, snapshot: &Snapshot) -> StackTick {
        lock(&self.shared).tick(pid, snapshot)
    }

    /// Returns whether any process loaded the library.
    pub fn has_begun(&self) -> bool {
        lock(&self.shared).has_begun
    }

    /// Makes the next tick of a process name all its stacks again, for a recording that begins.
    pub fn restart(&self, pid: u32) {
        if let Some(process) = lock(&self.shared).processes.get_mut(&pid) {
            process.restart();
        }
    }
}

impl Drop for AllocRecorder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the rings until the recorder ends.
fn read(shared: &Mutex<State>, socket: &Socket, ended: &AtomicBool) {
    let mut wait = MIN_WAIT;
    while !ended.load(Ordering::Relaxed) {
        wait_readable(&[socket.file()], wait);
        let mut state = lock(shared);
        while let Some((pid, file)) = socket.next() {
            if let Some(shared) = file.and_then(Shared::map) {
                state.begin(pid, shared);
            }
        }
        let is_busy = state.drain() > BUSY_BYTES;
        wait = if is_busy { MIN_WAIT } else { (wait * 2).min(MAX_WAIT) };
        state.forget();
    }
}

/// The state that the reading thread and ticks share.
struct State {
    mean_bytes: u64,
    files: Files,
    processes: HashMap<u32, Process>,
    has_begun: bool,
    /// When ended processes were looked for.
    looked: Instant,
}

impl State {
    fn new(mean_bytes: u64) -> Self {
        let (files, processes) = (Files::default(), HashMap::new());
        Self { mean_bytes, files, processes, has_begun: false, looked: Instant::now() }
    }

    /// Takes the memory of a program that begins.
    fn begin(&mut self, pid: u32, shared: Shared) {
        self.has_begun = true;
        if let Some(process) = self.processes.get_mut(&pid) {
            process.exec(shared);
        } else if self.processes.len() < MAX_PROCESSES {
            let process = Process::new(pid, shared, &self.files, self.mean_bytes);
            self.processes.insert(pid, process);
        }
    }

    /// Reads all rings; returns the bytes of the fullest.
    fn drain(&mut self) -> usize {
        self.processes.values_mut().map(Process::drain).max().unwrap_or(0)
    }

    /// Forgets processes that have ended: a last sample of those was taken since.
    fn forget(&mut self) {
        if self.looked.elapsed() >= LOOK_FOR_ENDED {
            self.looked = Instant::now();
            self.processes.retain(|pid, process| !process.ends(process_info(*pid).is_err()));
        }
    }

    fn tick(&mut self, pid: u32, snapshot: &Snapshot) -> StackTick {
        let Some(process) = self.processes.get_mut(&pid) else { return StackTick::default() };
        let (nodes, blocks) = process.tick(snapshot.taken.monotonic_ns, &snapshot.regions);
        let (lost_samples, lost_ends) = process.lost();
        let mut live = blocks.live;
        live.extend(blocks.allocated);
        let allocs = AllocCounts {
            mean_bytes: self.mean_bytes,
            lost_samples,
            lost_ends,
            is_whole: !process.is_broken(),
        };
        let counts = StackCounts { allocs: Some(allocs), ..StackCounts::default() };
        StackTick { nodes, live, counts, blocks: blocks.changes }
    }
}

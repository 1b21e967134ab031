//! Records the page faults of a process with their stacks, on a thread of its own.

pub(crate) mod code_names;
pub(crate) mod events;
pub(crate) mod launch;
pub(crate) mod machine;
pub(crate) mod modules;
pub(crate) mod pages;

use std::io;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::linux::files::PROC;
use crate::linux::process::process_info;
use crate::linux::stacks::events::{Begin, Events};
use crate::linux::stacks::launch::{Held, wait_readable};
use crate::linux::stacks::modules::Modules;
use crate::linux::stacks::pages::Pages;
use crate::linux::system::page_size_bytes;
use crate::snapshot::{Snapshot, Timestamp};
use crate::stack_refusal::StackRefusal;
use crate::stacks::live::{Live, Touch};
use crate::stacks::model::{StackCounts, StackOptions, StackTick};
use crate::stacks::pace::Pace;
use crate::stacks::record::Record;
use crate::stacks::trie::Trie;

/// The time between two readings of the buffers, unless one fills up before.
const READ_AGAIN: Duration = Duration::from_millis(100);
/// The time over which the rate of faults is taken.
const RATE_TIME: Duration = Duration::from_millis(500);

/// Records which stacks made the memory of a process resident, until it is dropped.
pub struct StackRecorder {
    shared: Arc<Mutex<State>>,
    ended: Arc<AtomicBool>,
}

impl std::fmt::Debug for StackRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackRecorder").finish_non_exhaustive()
    }
}

impl StackRecorder {
    /// Begins to record the page faults of the process `pid`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such process, or if the kernel does not permit it.
    pub fn attach(pid: u32, options: &StackOptions) -> Result<Self, Error> {
        let name = process_info(pid)?.name().to_owned();
        Self::start(pid, options, Begin::Now).map_err(|why| refused(pid, name, why))
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
                let recorder = Self::start(pid, options, Begin::AtExec);
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
    fn start(pid: u32, options: &StackOptions, begin: Begin) -> Result<Self, StackRefusal> {
        let ended = Arc::new(AtomicBool::new(false));
        let (answer, answered) = mpsc::channel();
        let (options, ends) = (*options, Arc::clone(&ended));
        thread::spawn(move || {
            let state = match State::open(pid, &options, begin) {
                Ok(state) => state,
                Err(why) => return drop(answer.send(Err(why))),
            };
            let files = state.events.files();
            let shared = Arc::new(Mutex::new(state));
            if answer.send(Ok(Arc::clone(&shared))).is_ok() {
                read(&shared, &files, &ends);
            }
        });
        let shared = answered.recv().unwrap_or(Err(StackRefusal::NoEvents))?;
        Ok(Self { shared, ended })
    }

    /// Returns the stacks of the pages that were present when `snapshot` was taken.
    pub fn tick(&self, snapshot: &Snapshot) -> StackTick {
        lock(&self.shared).tick(snapshot)
    }

    /// Makes the next tick name all stacks again, for a recording that begins.
    pub fn restart(&self) {
        lock(&self.shared).code.trie.renew();
    }
}

impl Drop for StackRecorder {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn refused(pid: u32, name: String, why: StackRefusal) -> Error {
    Error::StacksRefused { pid, name, why }
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the buffers until the recorder ends.
fn read(shared: &Mutex<State>, files: &[RawFd], ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        wait_readable(files, READ_AGAIN);
        let mut state = lock(shared);
        state.drain();
        state.adapt();
    }
}

/// The state that the reading thread and ticks share.
struct State {
    pid: u32,
    folder: PathBuf,
    events: Events,
    code: Code,
    pace: Pace,
    /// When the rate was looked at, and the records and losses then.
    paced: (Instant, u64, u64),
}

/// What is derived from the records.
struct Code {
    modules: Modules,
    trie: Trie,
    live: Live,
    page_bytes: u64,
    records: u64,
    sampled_faults: u64,
    lost_records: u64,
    lost_faults: u64,
}

impl State {
    fn open(pid: u32, options: &StackOptions, begin: Begin) -> Result<Self, StackRefusal> {
        let pace = Pace::new(options.period, options.budget);
        let events = Events::open(pid, pace.period(), begin)?;
        let folder = Path::new(PROC).join(pid.to_string());
        let mut modules = Modules::new(folder.clone());
        if begin == Begin::Now {
            // The events run already, so that no new mapping is missed.
            modules.add_all(&crate::linux::heap::mappings(&folder, pid).unwrap_or_default());
        }
        let code = Code {
            modules,
            trie: Trie::default(),
            live: Live::default(),
            page_bytes: page_size_bytes(),
            records: 0,
            sampled_faults: 0,
            lost_records: 0,
            lost_faults: 0,
        };
        Ok(Self { pid, folder, events, code, pace, paced: (Instant::now(), 0, 0) })
    }

    fn drain(&mut self) {
        let (pid, period) = (self.pid, self.events.period());
        let code = &mut self.code;
        self.events.drain(|record| code.add(pid, period, record));
    }

    fn adapt(&mut self) {
        let (since, records, lost) = self.paced;
        let time = since.elapsed();
        if time < RATE_TIME {
            return;
        }
        let (new_records, new_lost) = (self.code.records - records, self.code.lost_records - lost);
        if self.pace.passed(time, new_records, new_lost) {
            self.events.close();
            // These are of the period before.
            self.drain();
            self.events.open_again(self.pace.period());
        }
        self.paced = (Instant::now(), self.code.records, self.code.lost_records);
    }

    fn tick(&mut self, snapshot: &Snapshot) -> StackTick {
        self.drain();
        let Timestamp { monotonic_ns, .. } = snapshot.taken;
        let mut pages = Pages::open(&self.folder);
        let live = self.code.live.tick(monotonic_ns, &snapshot.regions, &mut pages);
        StackTick {
            nodes: self.code.trie.take_new(),
            live,
            counts: StackCounts {
                period: self.pace.period(),
                faults: self.events.faults(),
                sampled_faults: self.code.sampled_faults,
                lost_faults: self.code.lost_faults,
                sees_kernel: self.events.sees_kernel(),
            },
        }
    }
}

impl Code {
    /// Adds a record of the process `pid`, sampled at `period`.
    fn add(&mut self, own_pid: u32, period: u64, record: &[u8]) {
        let registers = machine::MASK.count_ones() as usize;
        match Record::parse(record, registers) {
            Record::Fault(fault) if fault.pid == own_pid => {
                self.records += 1;
                self.sampled_faults += period;
                let frames = self.modules.frames(&fault);
                let stack = self.trie.stack(frames);
                self.live.touch(Touch {
                    page: fault.address - fault.address % self.page_bytes,
                    time_ns: fault.time_ns,
                    stack,
                    weight: period,
                });
            }
            Record::Lost(records) => {
                self.lost_records += records;
                self.lost_faults += records.saturating_mul(period);
            }
            Record::Mapping(mapping) if mapping.pid == own_pid => self.modules.add_new(&mapping),
            Record::Exec { pid } if pid == own_pid => {
                self.modules.clear();
                self.live.clear();
            }
            _ => {}
        }
    }
}

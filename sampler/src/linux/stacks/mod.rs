//! Records the page faults of processes with their stacks, on a thread of its own.

pub(crate) mod code_names;
pub(crate) mod events;
pub(crate) mod launch;
pub(crate) mod machine;
pub(crate) mod modules;
pub(crate) mod pages;
pub(crate) mod process;

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::linux::process::process_info;
use crate::linux::stacks::events::{Begin, Events};
use crate::linux::stacks::launch::{Held, wait_readable};
use crate::linux::stacks::modules::Files;
use crate::linux::stacks::process::Process;
use crate::snapshot::Snapshot;
use crate::stack_refusal::StackRefusal;
use crate::stacks::model::{StackCounts, StackOptions, StackTick};
use crate::stacks::pace::Pace;
use crate::stacks::record::Record;

/// The time between two readings of the buffers, unless one fills up before.
const READ_AGAIN: Duration = Duration::from_millis(100);
/// The time over which the rate of faults is taken.
const RATE_TIME: Duration = Duration::from_millis(500);
/// How long a process that has ended is remembered: a last sample of it may be under way.
const REMEMBERED: Duration = Duration::from_secs(10);
/// The maximum number of processes.
const MAX_PROCESSES: usize = 4096;

/// Records which stacks made the memory of processes resident, until it is dropped.
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
    /// Begins to record the page faults of processes.
    ///
    /// # Errors
    ///
    /// Fails if there is no such process, or if the kernel does not permit it.
    pub fn attach(pids: &[u32], options: &StackOptions) -> Result<Self, Error> {
        let first = pids.first().copied().unwrap_or_default();
        let name = process_info(first)?.name().to_owned();
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
        let ended = Arc::new(AtomicBool::new(false));
        let (answer, answered) = mpsc::channel();
        let (options, ends, pids) = (*options, Arc::clone(&ended), pids.to_vec());
        thread::spawn(move || {
            let state = match State::open(&pids, &options, begin) {
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

    /// Returns the stacks of the pages of a process that were present when `snapshot` was taken. A
    /// process that is not known yet is recorded from now on.
    pub fn tick(&self, pid: u32, snapshot: &Snapshot) -> StackTick {
        lock(&self.shared).tick(pid, snapshot)
    }

    /// Makes the next tick of a process name all its stacks again, for a recording that begins.
    pub fn restart(&self, pid: u32) {
        if let Some(process) = lock(&self.shared).processes.get_mut(&pid) {
            process.restart();
        }
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
        state.forget();
    }
}

/// The state that the reading thread and ticks share.
struct State {
    /// Whether processes that others start are recorded too.
    children: bool,
    events: Events,
    files: Files,
    processes: HashMap<u32, Process>,
    /// Processes that have ended, and when.
    gone: Vec<(u32, Instant)>,
    records: u64,
    lost_records: u64,
    lost_faults: u64,
    pace: Pace,
    /// When the rate was looked at, and the records and losses then.
    paced: (Instant, u64, u64),
}

impl State {
    fn open(pids: &[u32], options: &StackOptions, begin: Begin) -> Result<Self, StackRefusal> {
        let pace = Pace::new(options.period, options.budget);
        let events = Events::open(pids, pace.period(), begin, options.children)?;
        let files = Files::default();
        let mut processes = HashMap::new();
        for pid in pids {
            let mut process = Process::new(*pid, &files);
            if begin == Begin::Now {
                // The events run already, so that no new mapping is missed.
                process.add_mapped(*pid);
            }
            processes.insert(*pid, process);
        }
        Ok(Self {
            children: options.children,
            events,
            files,
            processes,
            gone: Vec::new(),
            records: 0,
            lost_records: 0,
            lost_faults: 0,
            pace,
            paced: (Instant::now(), 0, 0),
        })
    }

    fn drain(&mut self) {
        let period = self.events.period();
        let mut changes = Vec::new();
        let Self {
            events,
            files,
            processes,
            gone,
            records,
            lost_records,
            lost_faults,
            children,
            ..
        } = self;
        let registers = machine::MASK.count_ones() as usize;
        events.drain(|record| match Record::parse(record, registers) {
            Record::Fault(fault) => {
                let Some(process) = processes.get_mut(&fault.pid) else { return };
                *records += 1;
                process.fault(&fault, period);
            }
            Record::Lost(lost) => {
                *lost_records += lost;
                *lost_faults += lost.saturating_mul(period);
            }
            Record::Mapping(mapping) => {
                if let Some(process) = processes.get_mut(&mapping.pid) {
                    process.mapping(&mapping);
                }
            }
            Record::Exec { pid } => {
                // The record of its begin may come a moment later, from another processor.
                if *children && processes.len() < MAX_PROCESSES && !processes.contains_key(&pid) {
                    processes.insert(pid, Process::new(pid, files));
                    changes.push((pid, true));
                }
                if let Some(process) = processes.get_mut(&pid) {
                    process.exec();
                }
            }
            Record::Fork { pid, parent } => {
                if *children && pid != parent && processes.len() < MAX_PROCESSES {
                    let is_new = gone.iter().any(|(gone, _)| *gone == pid);
                    if is_new || !processes.contains_key(&pid) {
                        let process = match processes.get(&parent) {
                            Some(parent) => parent.forked(pid),
                            None => Process::new(pid, files),
                        };
                        processes.insert(pid, process);
                        changes.push((pid, true));
                    }
                }
            }
            Record::Exit { pid, thread } => {
                if pid == thread && processes.contains_key(&pid) {
                    changes.push((pid, false));
                }
            }
            Record::Other => {}
        });
        for (pid, begins) in changes {
            match begins {
                true => {
                    // A number that is used again is another process.
                    self.gone.retain(|(gone, _)| *gone != pid);
                    self.events.inherited(pid);
                }
                false => self.gone.push((pid, Instant::now())),
            }
        }
    }

    /// Forgets processes that ended a while ago, but for those that other threads go on with.
    fn forget(&mut self) {
        let Self { gone, processes, events, children, .. } = self;
        if !*children {
            return;
        }
        gone.retain(|(pid, since)| {
            let stays = since.elapsed() < REMEMBERED;
            if !stays && process_info(*pid).is_err() {
                processes.remove(pid);
                events.ended(*pid);
            }
            stays
        });
    }

    fn adapt(&mut self) {
        let (since, records, lost) = self.paced;
        let time = since.elapsed();
        if time < RATE_TIME {
            return;
        }
        let (new_records, new_lost) = (self.records - records, self.lost_records - lost);
        if self.pace.passed(time, new_records, new_lost) {
            self.events.close();
            // These are of the period before.
            self.drain();
            self.events.open_again(self.pace.period());
        }
        self.paced = (Instant::now(), self.records, self.lost_records);
    }

    /// Records a process that was found otherwise than by its parent.
    fn follow(&mut self, pid: u32) {
        if self.processes.len() < MAX_PROCESSES && self.events.add(pid) {
            let mut process = Process::new(pid, &self.files);
            process.add_mapped(pid);
            self.processes.insert(pid, process);
        }
    }

    fn tick(&mut self, pid: u32, snapshot: &Snapshot) -> StackTick {
        self.drain();
        if self.children && !self.processes.contains_key(&pid) {
            self.follow(pid);
        }
        // The kernel counts those of all together.
        let faults = (!self.children).then(|| self.events.faults());
        let mut tick = StackTick {
            counts: StackCounts {
                period: self.pace.period(),
                faults,
                sampled_faults: 0,
                lost_faults: self.lost_faults,
                sees_kernel: self.events.sees_kernel(),
                lost_calls: None,
                allocs: None,
            },
            ..StackTick::default()
        };
        if let Some(process) = self.processes.get_mut(&pid) {
            (tick.nodes, tick.live) = process.tick(snapshot.taken.monotonic_ns, &snapshot.regions);
            tick.counts.sampled_faults = process.sampled_faults;
        }
        tick
    }
}

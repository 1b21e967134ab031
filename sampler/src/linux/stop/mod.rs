//! Stops all threads of a process by ptrace, for as short as possible, and resumes them.
//!
//! A stopped process must never be left behind. Threads are seized, not attached, so the kernel
//! itself resumes them when the thread that stopped them ends, however it ends; a watchdog
//! process ends vmrec where it hangs or was stopped itself.
#![allow(unsafe_code)]

pub(crate) mod rights;
pub(crate) mod watchdog;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::heap::roots::ThreadRoots;
use crate::linux::files::{OpenFile, thread_folder};
use crate::linux::stop::rights::rights;
use crate::process::ProcessInfo;

/// How long threads may take to stop.
const STOPPING: Duration = Duration::from_secs(2);
/// How long before a thread that waits inside the kernel counts as stopped: it cannot run its
/// program before it stops.
const WAITING: Duration = Duration::from_millis(200);
/// The maximum number of 64-bit registers that a kernel hands out.
const MAX_REGISTERS: usize = 64;
/// The kind of the general registers.
const NT_PRSTATUS: usize = 1;

/// Where the stop of one thread stands.
#[derive(Debug)]
enum State {
    /// It is asked to stop.
    Asked,
    /// It stands still; the signal that it was about to receive is handed on when it resumes.
    Stopped { signal: i32 },
    /// It is gone, or was never there.
    Gone,
}

/// A process that stands still until this is dropped.
#[derive(Debug)]
pub(crate) struct Stopped {
    threads: BTreeMap<u32, State>,
}

impl Stopped {
    /// Stops all threads of a process. The calling thread alone can look at them and resume them.
    pub(crate) fn stop(process: &ProcessInfo, folder: &Path) -> Result<Self, Error> {
        let pid = process.id.pid;
        let mut stopped = Self { threads: BTreeMap::new() };
        let begun = Instant::now();
        loop {
            let asked = stopped.ask_new(process, folder)?;
            stopped.wait(folder, begun);
            let all = !stopped.threads.values().any(|state| matches!(state, State::Asked));
            if !asked && (all || stopped.rest_waits(folder, begun)) {
                break;
            }
            if begun.elapsed() > STOPPING {
                let name = process.name().to_owned();
                return Err(Error::DidNotStop { pid, name, limit: STOPPING });
            }
        }
        match stopped.threads.values().any(|state| !matches!(state, State::Gone)) {
            true => Ok(stopped),
            false => Err(Error::Exited { pid }),
        }
    }

    /// Asks the threads that are not yet known to stop; returns whether there were any.
    fn ask_new(&mut self, process: &ProcessInfo, folder: &Path) -> Result<bool, Error> {
        let pid = process.id.pid;
        let Ok(tasks) = std::fs::read_dir(folder.join("task")) else {
            return Err(Error::Exited { pid });
        };
        let mut asked = false;
        let tids = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse().ok());
        for tid in tids {
            if self.threads.contains_key(&tid) {
                continue;
            }
            asked = true;
            let state = match ptrace(libc::PTRACE_SEIZE, tid, 0, 0) {
                Ok(()) => {
                    // One that ended since is found when it is waited for.
                    let _ = ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0);
                    State::Asked
                }
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => State::Gone,
                Err(_) if has_ended(folder, tid) => State::Gone,
                Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                    let name = process.name().to_owned();
                    return Err(Error::StopRefused { pid, name, why: rights(process).refusal() });
                }
                Err(error) => {
                    let reason = error.to_string();
                    return Err(Error::Kernel { pid, call: "ptrace(PTRACE_SEIZE)", reason });
                }
            };
            self.threads.insert(tid, state);
        }
        Ok(asked)
    }

    /// Waits until the threads that were asked have stopped, or for a while.
    fn wait(&mut self, folder: &Path, begun: Instant) {
        let mut pause = Duration::from_micros(20);
        loop {
            let mut open = false;
            for (tid, state) in &mut self.threads {
                if matches!(state, State::Asked) {
                    *state = look(*tid);
                    open |= matches!(state, State::Asked);
                }
            }
            if !open || begun.elapsed() > STOPPING || self.rest_waits(folder, begun) {
                return;
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    /// Returns whether the threads that have not stopped all wait inside the kernel, for long.
    fn rest_waits(&self, folder: &Path, begun: Instant) -> bool {
        let mut open = self.threads.iter().filter(|(_, state)| matches!(state, State::Asked));
        begun.elapsed() > WAITING && open.all(|(tid, _)| state_letter(folder, *tid) == Some(b'D'))
    }

    /// Returns the threads that can run, with their registers.
    pub(crate) fn threads(&self) -> Vec<ThreadRoots> {
        let living = self.threads.iter().filter(|(_, state)| !matches!(state, State::Gone));
        living
            .map(|(tid, _)| {
                let registers = registers(*tid);
                // The order of `user_regs_struct`, and of `user_pt_regs` on ARM.
                let (stack, block) =
                    if cfg!(target_arch = "x86_64") { (19, Some(21)) } else { (31, None) };
                let stack_pointer = registers.get(stack).copied();
                let thread_pointer = block.and_then(|block| registers.get::<usize>(block)).copied();
                ThreadRoots { registers, stack_pointer, thread_pointer }
            })
            .collect()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for (tid, state) in &self.threads {
            match state {
                State::Stopped { signal } => {
                    // It fails for a thread that was killed meanwhile, which needs nothing more.
                    let _ = ptrace(libc::PTRACE_DETACH, *tid, 0, *signal);
                }
                // Only the end of this thread releases one that has not stopped.
                State::Asked | State::Gone => {}
            }
        }
    }
}

/// Asks whether a thread has stopped, without waiting.
fn look(tid: u32) -> State {
    let mut status = 0;
    let flags = libc::__WALL | libc::WNOHANG;
    // SAFETY: waitpid writes one number, to `status`.
    let found = unsafe { libc::waitpid(tid as libc::pid_t, &raw mut status, flags) };
    match found {
        0 => State::Asked,
        found if found < 0 => State::Gone,
        _ if libc::WIFSTOPPED(status) => {
            // A stop of ptrace's own is no signal to the process.
            let own = status >> 16 != 0;
            State::Stopped { signal: if own { 0 } else { libc::WSTOPSIG(status) } }
        }
        _ => State::Gone,
    }
}

fn has_ended(folder: &Path, tid: u32) -> bool {
    matches!(state_letter(folder, tid), None | Some(b'Z' | b'X' | b'x'))
}

fn state_letter(folder: &Path, tid: u32) -> Option<u8> {
    let path = thread_folder(folder, tid).join("stat");
    OpenFile::open(path).and_then(|file| file.stat()).ok().map(|stat| stat.state)
}

fn ptrace(request: libc::c_uint, tid: u32, address: usize, data: i32) -> io::Result<()> {
    // SAFETY: none of the requests made here writes to memory of this process.
    let result = unsafe { libc::ptrace(request as _, tid as libc::pid_t, address, data as usize) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Returns the general registers of a stopped thread; none if it has not stopped.
fn registers(tid: u32) -> Vec<u64> {
    let mut registers = vec![0_u64; MAX_REGISTERS];
    let mut part = libc::iovec {
        iov_base: registers.as_mut_ptr().cast(),
        iov_len: registers.len() * size_of::<u64>(),
    };
    // SAFETY: the kernel writes at most the bytes of `part`, which is all of `registers`, and
    // their number to `part`.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_GETREGSET, tid as libc::pid_t, NT_PRSTATUS, &raw mut part)
    };
    registers.truncate(if result == -1 { 0 } else { part.iov_len / size_of::<u64>() });
    registers
}

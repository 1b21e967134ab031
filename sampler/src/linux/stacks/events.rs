//! The kernel's events of all threads of processes: page faults and, if they are wanted, the ends of
//! system calls that map and unmap memory.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use perf_event_open_sys::bindings as kernel;

use crate::linux::files::{PROC, living_threads};
use crate::linux::stacks::machine;
use crate::linux::stacks::ring::{Owner, Source, attributes, level, open_event, refusal, write_to};
use crate::posix::raise_open_files;
use crate::stack_refusal::StackRefusal;

/// The bytes of a stack that the kernel copies at most: deeper stacks are cut.
const STACK_BYTES: u32 = 32 << 10;
/// The same of system calls, of which many come at once.
const CALL_STACK_BYTES: u32 = 16 << 10;

/// The maximum part of the files that may be open which events may be.
const FILES_PART: usize = 2;

/// When events begin to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    Now,
    /// When the process starts a program.
    AtExec,
}

/// An open event, and the process whose thread it was opened for. Those that inherit it end with it.
struct Opened {
    pid: u32,
    event: OwnedFd,
}

/// The events of processes.
pub(crate) struct Events {
    /// The processes, each with the one whose events it inherited: itself, if those are its own.
    pids: BTreeMap<u32, u32>,
    owners: Vec<Owner>,
    faults: Vec<Opened>,
    /// Those of system calls.
    calls: Vec<Opened>,
    /// The tracepoints of these; none if they are not wanted.
    tracepoints: Vec<u64>,
    /// Faults that events counted that are closed, those that their lost samples stood for, and their
    /// lost calls.
    counted: u64,
    lost_faults: u64,
    lost_calls: u64,
    /// Whether the kernel counts lost samples.
    counts_losses: bool,
    period: u64,
    sees_kernel: bool,
    /// Whether threads alone inherit the events, not the processes that one starts.
    threads_alone: bool,
    /// Whether those are wanted.
    children: bool,
    /// The maximum number of events.
    max: usize,
}

impl Events {
    /// Opens the events of all threads of the processes, which write to the buffers of `owners`.
    pub(crate) fn open(
        pids: &[u32],
        owners: Vec<Owner>,
        tracepoints: Vec<u64>,
        period: u64,
        begin: Begin,
        children: bool,
        several: bool,
    ) -> Result<Self, StackRefusal> {
        let mut events = Self {
            pids: pids.iter().map(|pid| (*pid, *pid)).collect(),
            owners,
            faults: Vec::new(),
            calls: Vec::new(),
            tracepoints,
            counted: 0,
            lost_faults: 0,
            lost_calls: 0,
            counts_losses: true,
            period,
            sees_kernel: true,
            threads_alone: !children,
            children,
            max: usize::MAX,
        };
        let files = raise_open_files();
        if several {
            events.max = files.map_or(usize::MAX, |files| files as usize / FILES_PART);
        }
        while let Err(error) = events.open_all(Source::Faults, begin) {
            events.give_up_something(&error)?;
        }
        if events.records_calls() {
            events.open_all(Source::Calls, begin).map_err(|error| events.no_calls(&error))?;
        }
        Ok(events)
    }

    /// Opens the events of those of the processes of which that is permitted, if it is of any, and of more
    /// that may come.
    pub(crate) fn of_several(
        pids: &[u32],
        owners: Vec<Owner>,
        tracepoints: Vec<u64>,
        period: u64,
        children: bool,
    ) -> Result<Self, StackRefusal> {
        // What the kernel permits at all.
        let own = [std::process::id()];
        let mut events = Self::open(&own, owners, tracepoints, period, Begin::Now, children, true)?;
        events.faults.clear();
        events.calls.clear();
        events.pids.clear();
        let refused = pids.iter().filter_map(|pid| events.add(*pid).err()).last();
        match refused.filter(|_| events.pids.is_empty()) {
            Some(error) if error.raw_os_error() == Some(libc::EMFILE) => {
                events.pids.extend(pids.iter().map(|pid| (*pid, *pid)));
                Err(events.too_many_threads())
            }
            Some(error) if error.kind() != io::ErrorKind::NotFound => Err(refusal(&error)),
            _ => Ok(events),
        }
    }

    /// Does without what the kernel refused, or fails with the reason.
    fn give_up_something(&mut self, error: &io::Error) -> Result<(), StackRefusal> {
        self.faults.clear();
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) if self.sees_kernel => self.sees_kernel = false,
            // Before Linux 6.0.
            Some(libc::EINVAL) if self.counts_losses => self.counts_losses = false,
            // Before Linux 5.13.
            Some(libc::EINVAL) if self.threads_alone => self.threads_alone = false,
            Some(libc::EMFILE) => return Err(self.too_many_threads()),
            _ => return Err(refusal(error)),
        }
        Ok(())
    }

    /// Returns the reason why system calls cannot be recorded.
    fn no_calls(&self, error: &io::Error) -> StackRefusal {
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => StackRefusal::CallsNotPermitted { level: level() },
            Some(libc::EMFILE) => self.too_many_threads(),
            Some(libc::ENOSYS | libc::ENOENT | libc::EOPNOTSUPP) => StackRefusal::NoCalls,
            _ => StackRefusal::Other(error.to_string()),
        }
    }

    fn too_many_threads(&self) -> StackRefusal {
        let threads = |pid: &u32| {
            let folder = Path::new(PROC).join(pid.to_string());
            living_threads(&folder).map_or(0, |threads| threads.count() as u64)
        };
        let threads = self.pids.keys().map(threads).sum();
        StackRefusal::TooManyThreads { threads, files: raise_open_files() }
    }

    /// Opens the events of all threads; those that begin later inherit them. A thread that begins
    /// meanwhile may be missed rather than counted twice.
    fn open_all(&mut self, source: Source, begin: Begin) -> io::Result<()> {
        for pid in self.pids.keys().copied().collect::<Vec<_>>() {
            self.open_process(pid, source, begin)?;
        }
        if self.of(source).is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
    }

    fn of(&mut self, source: Source) -> &mut Vec<Opened> {
        match source {
            Source::Faults => &mut self.faults,
            Source::Calls => &mut self.calls,
        }
    }

    fn open_process(&mut self, pid: u32, source: Source, begin: Begin) -> io::Result<()> {
        // One that has ended has no threads.
        let folder = Path::new(PROC).join(pid.to_string());
        let Ok(threads) = living_threads(&folder) else { return Ok(()) };
        for thread in threads.collect::<Vec<_>>() {
            match self.open_thread(pid, thread, source, begin) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Opens the events of another process, if that is permitted, and there are not too many.
    pub(crate) fn add(&mut self, pid: u32) -> io::Result<()> {
        let before = (self.faults.len(), self.calls.len());
        let mut opened = self.open_process(pid, Source::Faults, Begin::Now);
        if opened.is_ok() && self.faults.len() == before.0 {
            opened = Err(io::ErrorKind::NotFound.into());
        }
        if opened.is_ok() && self.records_calls() {
            opened = self.open_process(pid, Source::Calls, Begin::Now);
        }
        match opened {
            Ok(()) => drop(self.pids.insert(pid, pid)),
            Err(_) => {
                self.faults.truncate(before.0);
                self.calls.truncate(before.1);
            }
        }
        opened
    }

    /// Returns whether a process has events.
    pub(crate) fn has(&self, pid: u32) -> bool {
        self.pids.contains_key(&pid)
    }

    /// Takes note of a process that inherited the events of its parent, if that is known.
    pub(crate) fn inherited(&mut self, pid: u32, parent: Option<u32>) {
        let owner = parent.and_then(|parent| self.pids.get(&parent).copied());
        self.pids.insert(pid, owner.unwrap_or(pid));
    }

    /// Takes note that a process has ended: its events end with the last one that inherited them.
    pub(crate) fn ended(&mut self, pid: u32) {
        let Some(owner) = self.pids.remove(&pid) else { return };
        if self.pids.values().any(|of| *of == owner) {
            return;
        }
        let is_owners = |opened: &Opened| opened.pid == owner;
        let ended: Vec<Opened> = self.faults.extract_if(.., |opened| is_owners(opened)).collect();
        self.counted += ended.iter().map(|opened| read(&opened.event)[0]).sum::<u64>();
        self.lost_faults += lost(&ended).saturating_mul(self.period);
        let ended: Vec<Opened> = self.calls.extract_if(.., |opened| is_owners(opened)).collect();
        self.lost_calls += lost(&ended);
    }

    fn open_thread(
        &mut self,
        pid: u32,
        thread: u32,
        source: Source,
        begin: Begin,
    ) -> io::Result<()> {
        let mut attributes = self.attributes(source, begin);
        let configs = match source {
            Source::Faults => {
                attributes.set_exclude_kernel((!self.sees_kernel).into());
                attributes.set_task(self.children.into());
                attributes.set_mmap(1);
                attributes.set_mmap2(1);
                attributes.set_comm(1);
                attributes.set_comm_exec(1);
                attributes.__bindgen_anon_1.sample_period = self.period;
                vec![kernel::PERF_COUNT_SW_PAGE_FAULTS.into()]
            }
            Source::Calls => {
                attributes.type_ = kernel::PERF_TYPE_TRACEPOINT;
                attributes.sample_type |= u64::from(kernel::PERF_SAMPLE_RAW);
                attributes.__bindgen_anon_1.sample_period = 1;
                self.tracepoints.clone()
            }
        };
        let thread = i32::try_from(thread).unwrap_or(0);
        for owner in self.owners.clone().iter().filter(|owner| owner.source == source) {
            for config in &configs {
                if self.faults.len() + self.calls.len() >= self.max {
                    return Err(io::Error::from_raw_os_error(libc::EMFILE));
                }
                attributes.config = *config;
                let event = open_event(&mut attributes, thread, owner.processor)?;
                write_to(&event, owner)?;
                self.of(source).push(Opened { pid, event });
            }
        }
        Ok(())
    }

    /// Returns what events of both sources have.
    fn attributes(&self, source: Source, begin: Begin) -> kernel::perf_event_attr {
        let mut attributes = attributes(source);
        // With PERF_SAMPLE_PERIOD the kernel would sample each of these events, as of weight 1.
        attributes.sample_type = u64::from(
            kernel::PERF_SAMPLE_TID
                | kernel::PERF_SAMPLE_TIME
                | kernel::PERF_SAMPLE_ADDR
                | kernel::PERF_SAMPLE_REGS_USER
                | kernel::PERF_SAMPLE_STACK_USER,
        );
        attributes.sample_regs_user = machine::MASK;
        attributes.sample_stack_user = match source {
            Source::Faults => STACK_BYTES,
            Source::Calls => CALL_STACK_BYTES,
        };
        if self.counts_losses {
            attributes.read_format = kernel::PERF_FORMAT_LOST.into();
        }
        attributes.set_inherit(1);
        attributes.set_inherit_thread(self.threads_alone.into());
        attributes.set_disabled((begin == Begin::AtExec).into());
        attributes.set_enable_on_exec((begin == Begin::AtExec).into());
        attributes
    }

    /// Ends the events of page faults; their records are still there.
    pub(crate) fn close(&mut self) {
        (self.counted, self.lost_faults) = (self.count(), self.lost_faults());
        self.faults.clear();
    }

    /// Samples page faults with another period from now on. Those before that are not seen.
    pub(crate) fn open_again(&mut self, period: u64) {
        self.period = period;
        // A process that ended has no more faults, nor one whose program changed to another user's.
        for pid in self.pids.keys().copied().collect::<Vec<_>>() {
            let _ = self.open_process(pid, Source::Faults, Begin::Now);
        }
    }

    /// Returns how many faults a record stands for.
    pub(crate) const fn period(&self) -> u64 {
        self.period
    }

    /// Returns the page faults so far.
    pub(crate) fn count(&self) -> u64 {
        self.counted + self.faults.iter().map(|opened| read(&opened.event)[0]).sum::<u64>()
    }

    /// Returns the page faults that lost samples stood for so far, 0 if the kernel does not count them:
    /// a record of a loss comes with the next sample of its buffer only.
    pub(crate) fn lost_faults(&self) -> u64 {
        self.lost_faults.saturating_add(lost(&self.faults).saturating_mul(self.period))
    }

    /// Returns the system calls that were lost so far, likewise.
    pub(crate) fn lost_calls(&self) -> u64 {
        self.lost_calls + lost(&self.calls)
    }

    pub(crate) const fn sees_kernel(&self) -> bool {
        self.sees_kernel
    }

    /// Returns whether system calls are recorded.
    pub(crate) const fn records_calls(&self) -> bool {
        !self.tracepoints.is_empty()
    }
}

/// Returns how many samples of events were lost.
fn lost(events: &[Opened]) -> u64 {
    events.iter().map(|opened| read(&opened.event)[1]).sum()
}

/// Reads an event: what it counted, and its lost samples if it counts them.
fn read(event: &OwnedFd) -> [u64; 2] {
    let mut values = [0_u64; 2];
    // SAFETY: it is an open file, and `values` is room for both counters.
    unsafe { libc::read(event.as_raw_fd(), values.as_mut_ptr().cast(), size_of_val(&values)) };
    values
}

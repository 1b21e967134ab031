//! The kernel's events of page faults of all threads of processes, and the buffers that it writes
//! them to: one for each processor.
#![allow(unsafe_code)]

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use perf_event_open_sys as sys;
use sys::bindings as kernel;

use crate::linux::files::{PROC, living_threads};
use crate::linux::stacks::machine;
use crate::linux::system::page_size_bytes;
use crate::posix::raise_open_files;
use crate::stack_refusal::StackRefusal;
use crate::stacks::record;
use crate::stacks::record::HEADER_BYTES;

/// The bytes of a stack that the kernel copies at most: deeper stacks are cut.
const STACK_BYTES: u32 = 32 << 10;
/// The bytes of a buffer to try first, and the fewest that are of use.
const BUFFER_BYTES: usize = 4 << 20;
const MIN_BUFFER_BYTES: usize = 64 << 10;

/// When events begin to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    Now,
    /// When the process starts a program.
    AtExec,
}

/// A buffer that the kernel writes to.
struct Ring {
    /// An event that never happens, which owns the buffer.
    owner: OwnedFd,
    base: *mut u8,
    page_bytes: usize,
    bytes: usize,
    processor: i32,
}

// SAFETY: the mapping belongs to this value alone, and is reached through `&mut self`.
unsafe impl Send for Ring {}

/// The events of processes.
pub(crate) struct Events {
    pids: BTreeSet<u32>,
    rings: Vec<Ring>,
    events: Vec<OwnedFd>,
    /// Faults that events counted that are closed.
    counted: u64,
    period: u64,
    sees_kernel: bool,
    /// Whether threads alone inherit the events, not the processes that one starts.
    threads_alone: bool,
    /// Whether those are wanted.
    children: bool,
    /// A record that lies at both ends of a buffer.
    whole: Vec<u8>,
}

impl Events {
    /// Makes the buffers and opens the events of all threads of the processes.
    pub(crate) fn open(
        pids: &[u32],
        period: u64,
        begin: Begin,
        children: bool,
    ) -> Result<Self, StackRefusal> {
        let mut events = Self {
            pids: pids.iter().copied().collect(),
            rings: Vec::new(),
            events: Vec::new(),
            counted: 0,
            period,
            sees_kernel: true,
            threads_alone: !children,
            children,
            whole: Vec::new(),
        };
        for processor in processors() {
            events.rings.push(Ring::open(processor)?);
        }
        raise_open_files();
        loop {
            match events.open_all(begin) {
                Ok(()) => return Ok(events),
                Err(error) => events.give_up_something(&error)?,
            }
        }
    }

    /// Does without what the kernel refused, or fails with the reason.
    fn give_up_something(&mut self, error: &io::Error) -> Result<(), StackRefusal> {
        self.events.clear();
        match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) if self.sees_kernel => self.sees_kernel = false,
            // Before Linux 5.13.
            Some(libc::EINVAL) if self.threads_alone => self.threads_alone = false,
            Some(libc::EMFILE) => {
                let threads = |pid: &u32| {
                    let folder = Path::new(PROC).join(pid.to_string());
                    living_threads(&folder).map_or(0, |threads| threads.count() as u64)
                };
                let threads = self.pids.iter().map(threads).sum();
                return Err(StackRefusal::TooManyThreads { threads, files: raise_open_files() });
            }
            _ => return Err(refusal(error)),
        }
        Ok(())
    }

    /// Opens the events of all threads; those that begin later inherit them. A thread that begins
    /// meanwhile may be missed rather than counted twice.
    fn open_all(&mut self, begin: Begin) -> io::Result<()> {
        for pid in self.pids.clone() {
            self.open_process(pid, begin)?;
        }
        if self.events.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(()) }
    }

    fn open_process(&mut self, pid: u32, begin: Begin) -> io::Result<()> {
        // One that has ended has no threads.
        let folder = Path::new(PROC).join(pid.to_string());
        let Ok(threads) = living_threads(&folder) else { return Ok(()) };
        for thread in threads.collect::<Vec<_>>() {
            match self.open_thread(thread, begin) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Opens the events of another process; returns whether that is permitted.
    pub(crate) fn add(&mut self, pid: u32) -> bool {
        let before = self.events.len();
        let opened = self.open_process(pid, Begin::Now).is_ok() && self.events.len() > before;
        if opened {
            self.pids.insert(pid);
        } else {
            self.events.truncate(before);
        }
        opened
    }

    /// Takes note of a process that inherited the events.
    pub(crate) fn inherited(&mut self, pid: u32) {
        self.pids.insert(pid);
    }

    /// Takes note that a process has ended.
    pub(crate) fn ended(&mut self, pid: u32) {
        self.pids.remove(&pid);
    }

    fn open_thread(&mut self, thread: u32, begin: Begin) -> io::Result<()> {
        let mut attributes = attributes();
        attributes.config = kernel::PERF_COUNT_SW_PAGE_FAULTS.into();
        attributes.__bindgen_anon_1.sample_period = self.period;
        // With PERF_SAMPLE_PERIOD the kernel would sample each of these events, as of weight 1.
        attributes.sample_type = u64::from(
            kernel::PERF_SAMPLE_TID
                | kernel::PERF_SAMPLE_TIME
                | kernel::PERF_SAMPLE_ADDR
                | kernel::PERF_SAMPLE_REGS_USER
                | kernel::PERF_SAMPLE_STACK_USER,
        );
        attributes.sample_regs_user = machine::MASK;
        attributes.sample_stack_user = STACK_BYTES;
        attributes.set_inherit(1);
        attributes.set_inherit_thread(self.threads_alone.into());
        attributes.set_task(self.children.into());
        attributes.set_sample_id_all(self.children.into());
        attributes.set_exclude_kernel((!self.sees_kernel).into());
        attributes.set_mmap(1);
        attributes.set_mmap2(1);
        attributes.set_comm(1);
        attributes.set_comm_exec(1);
        attributes.set_disabled((begin == Begin::AtExec).into());
        attributes.set_enable_on_exec((begin == Begin::AtExec).into());
        let thread = i32::try_from(thread).unwrap_or(0);
        for ring in &self.rings {
            let event = open_event(&mut attributes, thread, ring.processor)?;
            // SAFETY: both are open events; the kernel checks that they fit.
            if unsafe { sys::ioctls::SET_OUTPUT(event.as_raw_fd(), ring.owner.as_raw_fd()) } < 0 {
                return Err(io::Error::last_os_error());
            }
            self.events.push(event);
        }
        Ok(())
    }

    /// Ends the events; their records are still there.
    pub(crate) fn close(&mut self) {
        self.counted = self.faults();
        self.events.clear();
    }

    /// Samples with another period from now on. Faults before that are not seen.
    pub(crate) fn open_again(&mut self, period: u64) {
        self.period = period;
        // A process that ended has no more faults.
        let _ = self.open_all(Begin::Now);
    }

    /// Returns how many faults a record stands for.
    pub(crate) const fn period(&self) -> u64 {
        self.period
    }

    /// Returns the page faults so far.
    pub(crate) fn faults(&self) -> u64 {
        let read = |event: &OwnedFd| {
            let mut value = [0; 8];
            // SAFETY: it is an open file, and `value` is room for the counter.
            let count =
                unsafe { libc::read(event.as_raw_fd(), value.as_mut_ptr().cast(), value.len()) };
            if count == 8 { u64::from_ne_bytes(value) } else { 0 }
        };
        self.counted + self.events.iter().map(read).sum::<u64>()
    }

    pub(crate) const fn sees_kernel(&self) -> bool {
        self.sees_kernel
    }

    /// Returns the files that become readable when a buffer fills.
    pub(crate) fn files(&self) -> Vec<RawFd> {
        self.rings.iter().map(|ring| ring.owner.as_raw_fd()).collect()
    }

    /// Calls `visit` with all records that are there: those of a buffer in their order or, if there may be
    /// several processes, all in the order of time. One may have been started on another processor.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(&[u8])) {
        let ends: Vec<u64> = self.rings.iter_mut().map(Ring::end).collect();
        let (mut all, mut places) = (Vec::new(), Vec::new());
        for (ring, end) in self.rings.iter_mut().zip(ends) {
            if !self.children {
                ring.drain(end, &mut self.whole, &mut visit);
                continue;
            }
            ring.drain(end, &mut self.whole, &mut |record| {
                let time_ns = record::time_ns(record);
                places.push((time_ns, all.len()..all.len() + record.len()));
                all.extend_from_slice(record);
            });
        }
        places.sort_by_key(|(time_ns, _)| *time_ns);
        places.into_iter().for_each(|(_, place)| visit(&all[place]));
    }
}

impl Ring {
    fn open(processor: i32) -> Result<Self, StackRefusal> {
        let mut attributes = attributes();
        attributes.config = kernel::PERF_COUNT_SW_DUMMY.into();
        attributes.set_exclude_kernel(1);
        let owner = open_event(&mut attributes, 0, processor).map_err(|error| refusal(&error))?;
        let page_bytes = page_size_bytes() as usize;
        let mut bytes = BUFFER_BYTES;
        while bytes >= MIN_BUFFER_BYTES.max(page_bytes) {
            // SAFETY: a new shared mapping of the event at an address that the kernel chooses.
            let base = unsafe {
                let protection = libc::PROT_READ | libc::PROT_WRITE;
                let all = bytes + page_bytes;
                libc::mmap(ptr::null_mut(), all, protection, libc::MAP_SHARED, owner.as_raw_fd(), 0)
            };
            if base != libc::MAP_FAILED {
                return Ok(Self { owner, base: base.cast(), page_bytes, bytes, processor });
            }
            bytes /= 2;
        }
        Err(StackRefusal::NoBuffer)
    }

    /// Returns where the records end that are there now.
    fn end(&mut self) -> u64 {
        let page: *mut kernel::perf_event_mmap_page = self.base.cast();
        // SAFETY: the kernel writes this structure to the first page of the mapping; the number is
        // aligned, and shared with it as an atomic one.
        unsafe { AtomicU64::from_ptr(&raw mut (*page).data_head) }.load(Ordering::Acquire)
    }

    fn drain(&mut self, end: u64, whole: &mut Vec<u8>, visit: &mut impl FnMut(&[u8])) {
        let page: *mut kernel::perf_event_mmap_page = self.base.cast();
        // SAFETY: as in `end`.
        let tail = unsafe { AtomicU64::from_ptr(&raw mut (*page).data_tail) };
        let mut at = tail.load(Ordering::Relaxed);
        while end - at >= HEADER_BYTES as u64 {
            let size = {
                let header = self.bytes_at(at, HEADER_BYTES, whole);
                usize::from(u16::from_ne_bytes([header[6], header[7]]))
            };
            if size < HEADER_BYTES || size as u64 > end - at {
                break;
            }
            visit(self.bytes_at(at, size, whole));
            at += size as u64;
            tail.store(at, Ordering::Release);
        }
        tail.store(end, Ordering::Release);
    }

    /// Returns bytes of the buffer; `whole` is room for those that lie at both ends of it.
    fn bytes_at<'a>(&'a self, at: u64, size: usize, whole: &'a mut Vec<u8>) -> &'a [u8] {
        let offset = (at % self.bytes as u64) as usize;
        // SAFETY: `bytes` follow the first page of the mapping; the kernel does not write to those
        // between tail and head, which these are.
        let data =
            unsafe { std::slice::from_raw_parts(self.base.add(self.page_bytes), self.bytes) };
        if let Some(piece) = data.get(offset..offset + size) {
            return piece;
        }
        whole.clear();
        whole.extend_from_slice(&data[offset..]);
        whole.extend_from_slice(&data[..size - (self.bytes - offset)]);
        whole
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with these bounds, and nothing refers to it any more.
        unsafe { libc::munmap(self.base.cast(), self.bytes + self.page_bytes) };
    }
}

/// Returns what the events have in common.
fn attributes() -> kernel::perf_event_attr {
    let mut attributes = kernel::perf_event_attr {
        size: size_of::<kernel::perf_event_attr>() as u32,
        type_: kernel::PERF_TYPE_SOFTWARE,
        // The clock that samples have.
        clockid: libc::CLOCK_BOOTTIME,
        ..kernel::perf_event_attr::default()
    };
    attributes.set_use_clockid(1);
    attributes.set_exclude_hv(1);
    attributes.set_watermark(1);
    attributes.__bindgen_anon_2.wakeup_watermark = (BUFFER_BYTES / 8) as u32;
    attributes
}

fn open_event(
    attributes: &mut kernel::perf_event_attr,
    thread: i32,
    processor: i32,
) -> io::Result<OwnedFd> {
    let flags = kernel::PERF_FLAG_FD_CLOEXEC.into();
    // SAFETY: `attributes` is of the size it says; the kernel only reads it.
    let event = unsafe { sys::perf_event_open(attributes, thread, processor, -1, flags) };
    if event < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just opened it, for nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}

/// Returns the reason behind an error of opening events.
fn refusal(error: &io::Error) -> StackRefusal {
    let level = level();
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => match level {
            Some(level) if level > 2 => StackRefusal::Paranoid { level },
            level => StackRefusal::NotPermitted { level },
        },
        Some(libc::ENOSYS | libc::ENOENT | libc::EOPNOTSUPP) => StackRefusal::NoEvents,
        _ => StackRefusal::Other(error.to_string()),
    }
}

fn level() -> Option<i64> {
    std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").ok()?.trim().parse().ok()
}

/// Returns the numbers of the processors that run.
fn processors() -> Vec<i32> {
    let mut text = String::new();
    let read = File::open("/sys/devices/system/cpu/online")
        .and_then(|file| file.take(4096).read_to_string(&mut text));
    let ranges = text.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<i32>().ok()?..=last.parse().ok()?)
    });
    let found: Vec<i32> = ranges.flatten().collect();
    match read {
        Ok(_) if !found.is_empty() => found,
        _ => {
            let count = std::thread::available_parallelism().map_or(1, usize::from);
            (0..i32::try_from(count).unwrap_or(1)).collect()
        }
    }
}

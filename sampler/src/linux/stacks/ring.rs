//! The buffers that the kernel writes records to: one for each processor, of page faults and, where they
//! are recorded, one of system calls.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use perf_event_open_sys as sys;
use sys::bindings as kernel;

use crate::linux::system::page_size_bytes;
use crate::stack_refusal::StackRefusal;
use crate::stacks::record;
use crate::stacks::record::HEADER_BYTES;

/// The bytes of a buffer to try first, and the fewest that are of use. A record takes the room of the
/// largest stack.
const BUFFER_BYTES: usize = 4 << 20;
const MIN_BUFFER_BYTES: usize = 64 << 10;
/// The bytes of all buffers of calls together, and of one at most: each call has a record.
const CALL_BUFFERS_BYTES: usize = 64 << 20;
const MAX_CALL_BUFFER_BYTES: usize = 16 << 20;

/// What a buffer has records of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Faults,
    Calls,
}

/// The event that owns a buffer, and its processor.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) event: Arc<OwnedFd>,
    pub(crate) processor: i32,
    pub(crate) source: Source,
}

/// A buffer.
struct Ring {
    /// An event that never happens.
    owner: Owner,
    base: *mut u8,
    page_bytes: usize,
    bytes: usize,
    /// A record that lies at both ends.
    whole: Vec<u8>,
}

// SAFETY: the mapping belongs to this value alone, and is reached through `&mut self`.
unsafe impl Send for Ring {}

/// All buffers.
pub(crate) struct Rings(Vec<Ring>);

impl Rings {
    /// Makes the buffers of each source for each processor.
    pub(crate) fn open(sources: &[Source]) -> Result<Self, StackRefusal> {
        let processors = processors();
        let least = MIN_BUFFER_BYTES.max(page_size_bytes() as usize);
        let calls = CALL_BUFFERS_BYTES / processors.len().next_power_of_two();
        let (mut faults, mut calls) =
            (BUFFER_BYTES, calls.clamp(BUFFER_BYTES, MAX_CALL_BUFFER_BYTES));
        loop {
            let all = processors.iter().flat_map(|processor| {
                sources.iter().map(move |source| match source {
                    Source::Faults => Ring::open(*processor, *source, faults),
                    Source::Calls => Ring::open(*processor, *source, calls),
                })
            });
            match all.collect::<Result<Vec<_>, _>>() {
                Err(StackRefusal::NoBuffer) if faults / 2 >= least => {
                    (faults, calls) = (faults / 2, calls / 2);
                }
                other => return other.map(Self),
            }
        }
    }

    /// Returns the events that own them.
    pub(crate) fn owners(&self) -> Vec<Owner> {
        self.0.iter().map(|ring| ring.owner.clone()).collect()
    }

    /// Calls `visit` with all records that are there now, in the order of time: one of a process may have
    /// been written on another processor than the next. The times of calls lack `asleep_ns`.
    pub(crate) fn drain(&mut self, asleep_ns: u64, mut visit: impl FnMut(Source, &[u8])) {
        let mut nexts: Vec<(u64, Option<Next>)> = Vec::with_capacity(self.0.len());
        // Ends first: a record written later may be later than all of another buffer.
        let ends: Vec<u64> = self.0.iter_mut().map(Ring::end).collect();
        for (ring, end) in self.0.iter_mut().zip(ends) {
            nexts.push((end, ring.next(end, asleep_ns)));
        }
        loop {
            let of_time = |(index, (_, next)): (usize, &(u64, Option<Next>))| {
                Some((next.as_ref()?.time_ns, index))
            };
            let Some((_, index)) = nexts.iter().enumerate().filter_map(of_time).min() else {
                return;
            };
            let (end, next) = &mut nexts[index];
            let ring = &mut self.0[index];
            if let Some(Next { at, size, .. }) = *next {
                let source = ring.owner.source;
                visit(source, ring.bytes_at(at, size));
                ring.tail().store(at + size as u64, Ordering::Release);
            }
            *next = ring.next(*end, asleep_ns);
        }
    }
}

/// A record that is to be read next.
struct Next {
    at: u64,
    size: usize,
    time_ns: u64,
}

impl Ring {
    fn open(processor: i32, source: Source, bytes: usize) -> Result<Self, StackRefusal> {
        let mut attributes = attributes(source);
        attributes.config = kernel::PERF_COUNT_SW_DUMMY.into();
        attributes.set_exclude_kernel(1);
        let event = open_event(&mut attributes, 0, processor).map_err(|error| refusal(&error))?;
        let page_bytes = page_size_bytes() as usize;
        // SAFETY: a new shared mapping of the event at an address that the kernel chooses.
        let base = unsafe {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let all = bytes + page_bytes;
            libc::mmap(ptr::null_mut(), all, protection, libc::MAP_SHARED, event.as_raw_fd(), 0)
        };
        if base == libc::MAP_FAILED {
            return Err(StackRefusal::NoBuffer);
        }
        let owner = Owner { event: Arc::new(event), processor, source };
        Ok(Self { owner, base: base.cast(), page_bytes, bytes, whole: Vec::new() })
    }

    /// Returns where the records end that are there now.
    fn end(&mut self) -> u64 {
        let page: *mut kernel::perf_event_mmap_page = self.base.cast();
        // SAFETY: the kernel writes this structure to the first page of the mapping; the number is
        // aligned, and shared with it as an atomic one.
        unsafe { AtomicU64::from_ptr(&raw mut (*page).data_head) }.load(Ordering::Acquire)
    }

    /// Returns where reading ended.
    fn tail(&self) -> &AtomicU64 {
        let page: *mut kernel::perf_event_mmap_page = self.base.cast();
        // SAFETY: as in `end`; the mapping is there as long as this value.
        unsafe { AtomicU64::from_ptr(&raw mut (*page).data_tail) }
    }

    /// Finds the next record before `end`; without one all is read.
    fn next(&mut self, end: u64, asleep_ns: u64) -> Option<Next> {
        let at = self.tail().load(Ordering::Relaxed);
        if end.saturating_sub(at) >= HEADER_BYTES as u64 {
            let header = self.bytes_at(at, HEADER_BYTES);
            let size = usize::from(u16::from_ne_bytes([header[6], header[7]]));
            if size >= HEADER_BYTES && size as u64 <= end - at {
                let lag_ns = if self.owner.source == Source::Calls { asleep_ns } else { 0 };
                let time_ns = record::time_ns(self.bytes_at(at, size)).saturating_add(lag_ns);
                return Some(Next { at, size, time_ns });
            }
        }
        self.tail().store(end, Ordering::Release);
        None
    }

    /// Returns bytes of the buffer.
    fn bytes_at(&mut self, at: u64, size: usize) -> &[u8] {
        let offset = (at % self.bytes as u64) as usize;
        // SAFETY: `bytes` follow the first page of the mapping; the kernel does not write to those
        // between tail and head, which these are.
        let data =
            unsafe { std::slice::from_raw_parts(self.base.add(self.page_bytes), self.bytes) };
        if let Some(piece) = data.get(offset..offset + size) {
            return piece;
        }
        self.whole.clear();
        self.whole.extend_from_slice(&data[offset..]);
        self.whole.extend_from_slice(&data[..size - (self.bytes - offset)]);
        &self.whole
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with these bounds, and nothing refers to it any more.
        unsafe { libc::munmap(self.base.cast(), self.bytes + self.page_bytes) };
    }
}

/// Returns what all events of a source have in common.
pub(crate) fn attributes(source: Source) -> kernel::perf_event_attr {
    let mut attributes = kernel::perf_event_attr {
        size: size_of::<kernel::perf_event_attr>() as u32,
        type_: kernel::PERF_TYPE_SOFTWARE,
        clockid: match source {
            // The clock that samples have.
            Source::Faults => libc::CLOCK_BOOTTIME,
            // Tracepoints have none but those that may be read at any moment.
            Source::Calls => libc::CLOCK_MONOTONIC,
        },
        ..kernel::perf_event_attr::default()
    };
    attributes.set_use_clockid(1);
    attributes.set_sample_id_all(1);
    attributes.set_exclude_hv(1);
    attributes.set_watermark(1);
    attributes.__bindgen_anon_2.wakeup_watermark = (BUFFER_BYTES / 8) as u32;
    attributes
}

/// Opens an event of a thread on a processor.
pub(crate) fn open_event(
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

/// Lets an event write to the buffer of another one.
pub(crate) fn write_to(event: &OwnedFd, owner: &Owner) -> io::Result<()> {
    // SAFETY: both are open events; the kernel checks that they fit.
    match unsafe { sys::ioctls::SET_OUTPUT(event.as_raw_fd(), owner.event.as_raw_fd()) } {
        done if done < 0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Returns the reason behind an error of opening events.
pub(crate) fn refusal(error: &io::Error) -> StackRefusal {
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

/// Returns how much the kernel permits to ordinary users.
pub(crate) fn level() -> Option<i64> {
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

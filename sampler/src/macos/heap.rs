//! Heaps of live processes: malloc's own functions list the blocks of zones while the process is
//! suspended. They may loop or fault on structures that are damaged, so all of it runs in a child
//! process of vmrec's, which hands the heap to its parent as bytes.

use std::time::{Duration, Instant};

use crate::darwin::heap::listed::{self, Search, ZoneLists};
use crate::darwin::heap::maps::{maps, place};
use crate::darwin::heap::wire::{self, Stop};
use crate::error::Error;
use crate::heap::roots::PACKING;
use crate::heap::snapshot::{HeapProblem, HeapRequest, StoppedHeap};
use crate::heap::target::{Late, Pages, Target};
use crate::loaded::LoadedImages;
use crate::macos::ffi::stop::Suspended;
use crate::macos::ffi::zones::end_after;
use crate::macos::passes::Passes;
use crate::macos::process::{info, process_info};
use crate::macos::task::Task;
use crate::macos::zones::find;
use crate::posix::now;
use crate::process::ProcessInfo;
use crate::region::AddressRange;
use crate::snapshot::Timestamp;

/// The maximum number of stops: a process may be stopped in the middle of a change of its heap.
const MAX_TRIES: u64 = 5;
/// How long the process runs between two stops.
const BETWEEN: Duration = Duration::from_millis(20);
/// How much longer than all stops together the child may run.
const GRACE: Duration = Duration::from_secs(5);
/// The bytes whose pages are asked for at once.
const WINDOW_BYTES: u64 = 256 << 20;

/// Checks that the process `pid` may be stopped.
///
/// # Errors
///
/// Fails if there is no such process, if it is vmrec itself, or if it may not be stopped.
pub fn check_stoppable(pid: u32) -> Result<(), Error> {
    let process = process_info(pid)?;
    if pid == std::process::id() {
        let (name, why) = (process.name().to_owned(), crate::StopRefusal::Itself);
        return Err(Error::StopRefused { pid, name, why });
    }
    Task::open_control(&process).map(drop)
}

/// Returns the heap of the process `pid`, as bytes that [`read_heap`] reads. To be called in a
/// process of its own: it may not return. The process is suspended meanwhile and runs on in any case.
///
/// # Errors
///
/// Fails if the process may not be stopped, if its libraries are not those of this process, or if it
/// would have been stopped for too long.
pub fn heap_bytes(pid: u32, request: &HeapRequest) -> Result<Vec<u8>, Error> {
    let most = request.max_stop.saturating_add(BETWEEN).saturating_mul(MAX_TRIES as u32);
    end_after(u32::try_from(most.saturating_add(GRACE).as_secs()).unwrap_or(u32::MAX));
    let process = info(pid)?.0;
    let task = Task::open_control(&process)?;
    // What fails here has not stopped the process.
    find(&task, pid)?;
    let mut passes = Passes::new(Task::open(&process)?);
    let mut stops = 0;
    loop {
        stops += 1;
        let mut stop = stopped(&task, &mut passes, &process, request)?;
        stop.stops = stops;
        let passes_by = stop.heap.problems.iter().any(|problem| problem.may_pass());
        if !passes_by || stops >= MAX_TRIES {
            return Ok(wire::bytes(&stop));
        }
        std::thread::sleep(BETWEEN);
    }
}

/// Returns the heap of the process `pid` that `bytes` are of; `None` if they are not whole.
pub fn read_heap(process: ProcessInfo, bytes: &[u8]) -> Option<StoppedHeap> {
    let Stop { heap, taken: (utc_ns, monotonic_ns), stops, stopped_ns, threads } =
        wire::parse(bytes)?;
    let taken = Timestamp { utc_ns: i64::try_from(utc_ns).ok()?, monotonic_ns };
    let stops = u32::try_from(stops).ok()?;
    Some(StoppedHeap { process, heap, taken, stops, stopped_ns, threads })
}

/// Suspends the process once and reads its heap.
fn stopped(
    task: &Task,
    passes: &mut Passes,
    process: &ProcessInfo,
    request: &HeapRequest,
) -> Result<Stop, Error> {
    let pid = process.id.pid;
    let (begun, taken) = (Instant::now(), now());
    let until = begun.checked_add(request.max_stop);
    let is_late = || until.is_some_and(|until| Instant::now() > until);
    let failed = |call: &'static str, code| Error::Kernel { pid, call, reason: Task::reason(code) };
    let suspended = Suspended::begin(task.port()).map_err(|code| failed("task_suspend", code))?;
    let (_, _, regions, images) = passes.sample(&process.id)?;
    let maps = maps(&regions);
    let mut threads = suspended.threads().map_err(|code| failed("task_threads", code))?;
    place(&mut threads, &maps, &regions);
    let (zones, unknown) = lists(task, pid)?;
    let mut read_at = |address: u64, into: &mut [u8]| read(task, address, into);
    let mut pages = |range: AddressRange, pages: Pages| populated(task, range, pages);
    let mut target = Target::new(&mut read_at, &mut pages, &is_late);
    let search = Search {
        leaks: request.leaks.then_some(threads.as_slice()),
        texts: request.texts,
        is_arm: cfg!(target_arch = "aarch64"),
    };
    let found = listed::read(&mut target, &maps, &zones, &search);
    drop(suspended);
    let stopped_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let mut heap = found.map_err(|Late| Error::StoppedTooLong {
        pid,
        name: process.name().to_owned(),
        limit: request.max_stop,
    })?;
    if unknown > 0 {
        heap.problems.push(HeapProblem::ZonesUnknown { zones: unknown });
    }
    if request.leaks {
        let unknown = threads.iter().filter(|thread| thread.registers.is_empty()).count() as u64;
        if unknown > 0 {
            heap.problems.push(HeapProblem::RegistersUnknown { threads: unknown });
        }
        if images.is_some_and(|images| packs_pointers(&images)) {
            heap.problems.push(HeapProblem::PackedPointers);
        }
    }
    let taken = (taken.utc_ns.cast_unsigned(), taken.monotonic_ns);
    Ok(Stop { heap, taken, stops: 1, stopped_ns, threads: threads.len() as u64 })
}

/// Returns the lists of all zones, and of how many there are none.
fn lists(task: &Task, pid: u32) -> Result<(Vec<ZoneLists>, u64), Error> {
    let port = task.port().number();
    let mut unknown = 0;
    let zones = find(task, pid)?.into_iter().map(|zone| {
        let lists = zone.table.and_then(|table| table.lists(port, zone.address));
        unknown += u64::from(lists.is_none());
        lists.unwrap_or_default()
    });
    let zones = zones.collect();
    Ok((zones, unknown))
}

/// Returns the number of bytes read: all or none.
fn read(task: &Task, address: u64, into: &mut [u8]) -> usize {
    use crate::darwin::images::Read;
    if (&mut task.port()).read(address, into) { into.len() } else { 0 }
}

/// Returns the parts of `range` that the process has pages in, which reading does not give it.
fn populated(task: &Task, range: AddressRange, pages: Pages) -> Vec<AddressRange> {
    let mut parts = Vec::new();
    let mut start = range.start - range.start % WINDOW_BYTES;
    while start < range.end {
        let end = start.saturating_add(WINDOW_BYTES);
        let window = AddressRange::new(start.max(range.start), end.min(range.end));
        for known in task.pages(&[task.whole_pages(window)]) {
            parts.extend(known.populated(window, pages == Pages::Anonymous));
        }
        start = end;
    }
    parts
}

/// Returns whether a runtime is loaded that keeps pointers in a form that does not look like one.
fn packs_pointers(images: &LoadedImages) -> bool {
    let file = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    images.iter().any(|image| PACKING.iter().any(|start| file(&image.path).starts_with(start)))
}

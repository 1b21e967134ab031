//! Looks into the heap of a live process: stops it, walks its memory, and resumes it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::heap::maps::{Maps, contains};
use crate::heap::read::{Wanted, read};
use crate::heap::roots::PACKING;
use crate::heap::snapshot::{HeapProblem, HeapRequest, StoppedHeap};
use crate::heap::target::{Late, Pages, Target};
use crate::linux::facts::pagemap::{Pagemap, WINDOW_PAGES};
use crate::linux::files::{PROC, Refusal, living_threads};
use crate::linux::mounts::Mounts;
use crate::linux::process::{process_info, refused};
use crate::linux::stop::Stopped;
use crate::linux::stop::watchdog::{NoJobControl, Watchdog};
use crate::linux::system::page_size_bytes;
use crate::linux::target_memory::TargetMemory;
use crate::posix::now;
use crate::process::ProcessInfo;
use crate::procfs::mapping::Mapping;
use crate::procfs::sizes::Sizes;
use crate::procfs::smaps::Record;
use crate::region::AddressRange;

/// The maximum number of stops: a process may be stopped in the middle of a change of its heap.
const MAX_TRIES: u32 = 5;
/// How long the process runs between two stops.
const BETWEEN: Duration = Duration::from_millis(20);
/// How much longer than the process may be stopped the watchdog waits.
const GRACE: Duration = Duration::from_secs(3);
/// The machines whose programs keep their heaps in the known layouts.
const MACHINES: [&str; 2] = ["x86_64", "aarch64"];

/// Looks into the heap of the process `pid`, which stands still meanwhile.
///
/// # Errors
///
/// Fails if there is no such process, if it may not be stopped or does not stop, if it has no
/// heap of glibc's malloc, or would have been stopped for too long. It runs on in each case.
pub fn inspect_heap(pid: u32, request: &HeapRequest) -> Result<StoppedHeap, Error> {
    let process = process_info(pid)?;
    let own = std::process::id();
    if process.id.pid == own {
        let (name, why) = (process.name().to_owned(), crate::StopRefusal::Itself);
        return Err(Error::StopRefused { pid, name, why });
    }
    let machine = process.architecture.as_deref().unwrap_or("");
    if !machine.is_empty() && !MACHINES.contains(&machine) {
        let (name, why) = (process.name().to_owned(), format!("it is a program for {machine}"));
        return Err(Error::HeapNotSupported { pid, name, why });
    }
    let mut stops = 0;
    let mut before: Option<Vec<HeapProblem>> = None;
    loop {
        stops += 1;
        let mut found = stopped(&process, request)?;
        found.stops = stops;
        // A mistake that stays is one of the heap itself.
        let problems = &found.heap.problems;
        let passes = problems.iter().any(|problem| problem.may_pass());
        if !passes || stops >= MAX_TRIES || before.as_ref() == Some(problems) {
            return Ok(found);
        }
        before = Some(problems.clone());
        std::thread::sleep(BETWEEN);
    }
}

/// Stops the process once, on a thread of its own, whose end resumes it in any case.
fn stopped(process: &ProcessInfo, request: &HeapRequest) -> Result<StoppedHeap, Error> {
    let pid = process.id.pid;
    let _no_job_control = NoJobControl::begin();
    let watchdog = Watchdog::start(request.max_stop.saturating_add(GRACE))
        .map_err(|error| Error::Kernel { pid, call: "fork", reason: error.to_string() })?;
    let found = std::thread::scope(|scope| {
        let walker = scope.spawn(|| look(process, request));
        walker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    drop(watchdog);
    found
}

/// Stops the process, walks its heap and resumes it.
fn look(process: &ProcessInfo, request: &HeapRequest) -> Result<StoppedHeap, Error> {
    let pid = process.id.pid;
    let folder = Path::new(PROC).join(pid.to_string());
    let mounts = Mounts::read(&folder);
    let (begun, taken) = (Instant::now(), now());
    let stop = Stopped::stop(process, &folder)?;
    let until = begun.checked_add(request.max_stop);
    let is_late = || until.is_some_and(|until| Instant::now() > until);
    let mappings = mappings(&folder, pid)?;
    let maps = Maps::new(&mappings);
    let local = mappings.iter().filter(|it| {
        it.file().is_some() && it.object.as_ref().is_some_and(|object| !mounts.is_remote(object))
    });
    let memory = RefCell::new(LiveMemory::open(pid, &folder, local.map(|it| it.range).collect())?);
    let mut read_at = |address: u64, buffer: &mut [u8]| memory.borrow_mut().read(address, buffer);
    let mut populated = |range: AddressRange, pages: Pages| {
        memory.borrow().pagemap.populated(range, pages == Pages::Anonymous)
    };
    let mut target = Target::new(&mut read_at, &mut populated, &is_late);
    let threads = stop.threads();
    let wanted = Wanted {
        leaks: request.leaks.then_some(threads.as_slice()),
        texts: request.texts,
        python: maps_file(&mappings, &["python", "libpython"]),
    };
    let heap = read(&mut target, &maps, wanted);
    drop(stop);
    let stopped_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    // A process that is killed takes its memory with it, stopped or not, and its threads live on
    // for a moment without.
    let memory_is_gone = self::mappings(&folder, pid)?.is_empty();
    if memory_is_gone
        || living_threads(&folder).map_or(true, |mut threads| threads.next().is_none())
    {
        return Err(Error::Exited { pid });
    }
    let name = process.name().to_owned();
    let mut heap = match heap {
        Ok(Some(reading)) => reading.finish(),
        Ok(None) => return Err(Error::NoHeap { pid, name }),
        Err(Late) => return Err(Error::StoppedTooLong { pid, name, limit: request.max_stop }),
    };
    if request.leaks {
        let unknown = threads.iter().filter(|thread| thread.registers.is_empty()).count() as u64;
        if unknown > 0 {
            heap.problems.push(HeapProblem::RegistersUnknown { threads: unknown });
        }
        if maps_file(&mappings, &PACKING) {
            heap.problems.push(HeapProblem::PackedPointers);
        }
    }
    let threads = threads.len() as u64;
    Ok(StoppedHeap { process: process.clone(), heap, taken, stops: 1, stopped_ns, threads })
}

/// Returns whether a file is mapped whose name begins so.
fn maps_file(mappings: &[Mapping], starts: &[&str]) -> bool {
    let begins = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or(name);
        starts.iter().any(|start| file.starts_with(start))
    };
    mappings.iter().any(|mapping| mapping.file().is_some() && begins(mapping.name()))
}

/// Converts a refusal to read a file of a process that was there before.
fn unreadable(path: PathBuf, error: io::Error, pid: u32) -> Error {
    match Refusal::new(path, error) {
        Refusal::Gone => Error::Exited { pid },
        refusal => refused(refusal, pid),
    }
}

/// Reads the mappings of a process.
pub(crate) fn mappings(folder: &Path, pid: u32) -> Result<Vec<Mapping>, Error> {
    let path = folder.join("maps");
    let text = std::fs::read(&path).map_err(|error| unreadable(path, error, pid))?;
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let record = Record { header: line, flags: None, sizes: Sizes::default() };
        mappings.extend(Mapping::read(&record, mappings.last()));
    }
    Ok(mappings)
}

/// The memory of a process that stands still.
struct LiveMemory {
    target: TargetMemory,
    pagemap: Pagemap,
    page_bytes: u64,
    /// Which pages can be read without giving the process new ones, by the start of a window.
    windows: HashMap<u64, u64>,
    /// Mapped files, whose pages may be read wherever they are.
    files: Vec<AddressRange>,
}

impl LiveMemory {
    fn open(pid: u32, folder: &Path, files: Vec<AddressRange>) -> Result<Self, Error> {
        let path = folder.join("pagemap");
        let pagemap = Pagemap::open(folder).map_err(|error| unreadable(path, error, pid))?;
        let path = folder.join("mem");
        let target = TargetMemory::open(pid).map_err(|error| unreadable(path, error, pid))?;
        let (page_bytes, windows) = (page_size_bytes(), HashMap::new());
        Ok(Self { target, pagemap, page_bytes, windows, files })
    }

    /// Reads from `address` on; long reads are of ranges that are known to be populated.
    fn read(&mut self, address: u64, buffer: &mut [u8]) -> usize {
        if buffer.len() as u64 <= self.page_bytes && !self.may_touch(address) {
            return 0;
        }
        self.target.read(address, buffer)
    }

    fn may_touch(&mut self, address: u64) -> bool {
        if contains(&self.files, address) {
            return true;
        }
        let bytes = self.page_bytes * WINDOW_PAGES;
        let start = address - address % bytes;
        let Some(end) = start.checked_add(bytes) else { return false };
        let bits = *self.windows.entry(start).or_insert_with(|| {
            let parts = self.pagemap.populated(AddressRange::new(start, end), false);
            let pages = parts.iter().flat_map(|part| {
                (part.start.max(start)..part.end.min(end)).step_by(self.page_bytes as usize)
            });
            pages.fold(0, |bits, page| bits | 1 << ((page - start) / self.page_bytes))
        });
        bits >> ((address - start) / self.page_bytes) & 1 == 1
    }
}

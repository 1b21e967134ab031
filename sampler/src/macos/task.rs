//! The task of a process: the right to read its memory.

use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, thread};

use mach2::kern_return::{KERN_INVALID_ARGUMENT, KERN_TERMINATED};
use mach2::message::MACH_SEND_INVALID_DEST;
use mach2::task_info::task_vm_info;

use crate::darwin::entry::{Entry, Leaf};
use crate::darwin::images::Images;
use crate::darwin::paths::{Answer, FileMapping, Files, PathFinder};
use crate::darwin::walk::{Lookup, NOTHING_FOLLOWS};
use crate::error::Error;
use crate::macos::ffi::libproc::MappedFile;
use crate::macos::ffi::mach::{
    Port, kernel_page_bytes, open_control, open_name, open_task, own_page_bytes, reason,
};
use crate::macos::ffi::{libproc, sysctl, unix};
use crate::macos::footprint::counts_footprint;
use crate::macos::process::{ended, native};
use crate::process::ProcessInfo;
use crate::procfs::line::readable;
use crate::region::{AddressRange, Object};
use crate::region_pages::RegionPages;

/// How long the kernel may take to grant or refuse a task: it may ask a daemon, which may ask the
/// user.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most pages of a region whose states are read: those of 4 GiB in pages of 4 KiB.
const MAX_PAGES: usize = 1 << 20;

/// The memory of one process.
#[derive(Debug)]
pub(crate) struct Task {
    port: Port,
    pid: i32,
}

impl Task {
    /// Requests the task of `process` from the kernel.
    pub(crate) fn open(process: &ProcessInfo) -> Result<Self, Error> {
        Self::open_by(process, open_task)
    }

    /// Requests the right to stop `process` too.
    pub(crate) fn open_control(process: &ProcessInfo) -> Result<Self, Error> {
        Self::open_by(process, open_control)
    }

    fn open_by(process: &ProcessInfo, open: fn(i32) -> Result<Port, i32>) -> Result<Self, Error> {
        let pid = native(process.id.pid)?;
        let own = unix::own_user();
        // The kernel would refuse it anyway, after asking others first.
        if own != 0 && process.user_id.is_some_and(|owner| owner != own) {
            return Err(not_permitted(process));
        }
        let (sender, answer) = mpsc::channel();
        // A call that hangs keeps its thread, and a right granted later is released.
        thread::spawn(move || sender.send(open(pid)));
        match answer.recv_timeout(PATIENCE) {
            Ok(Ok(port)) => Ok(Self { port, pid }),
            Ok(Err(_)) if ended(&process.id) => Err(Error::NotFound { pid: process.id.pid }),
            Ok(Err(_)) => Err(not_permitted(process)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Error::Kernel {
                pid: process.id.pid,
                call: "task_for_pid",
                reason: format!("no answer within {} s", PATIENCE.as_secs()),
            }),
        }
    }

    /// Requests the right to the totals of `process`; `None` if that is refused too.
    pub(crate) fn open_totals(process: &ProcessInfo) -> Option<Self> {
        let pid = native(process.id.pid).ok()?;
        open_name(pid).ok().map(|port| Self { port, pid })
    }

    /// Returns the bytes of all submaps; unknown if the entries cannot be looked up to their end.
    pub(crate) fn submap_bytes(&self) -> Option<u64> {
        let (mut address, mut bytes) = (0, 0_u64);
        loop {
            match self.port.top_entry(address) {
                Ok((size, end, is_submap)) if end > address => {
                    bytes = bytes.saturating_add(if is_submap { size } else { 0 });
                    address = end;
                }
                Err(NOTHING_FOLLOWS) => return Some(bytes),
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// Reads the images; see [`Images::read`].
    pub(crate) fn images(&self, before: Option<&Arc<Images>>) -> Option<Arc<Images>> {
        Images::read(&mut &self.port, self.port.dyld_info()?, before)
    }

    /// Reads the states of the pages of `ranges`; those that the kernel does not report are left out.
    pub(crate) fn pages(&self, ranges: &[AddressRange]) -> Vec<RegionPages> {
        let Ok((figures, _)) = self.figures() else { return Vec::new() };
        let page_bytes = Self::page_bytes(&figures);
        let read = || {
            // Where the kernel's pages are larger (Rosetta), it has to be asked for the small ones.
            if page_bytes != kernel_page_bytes() && !sysctl::count_pages_of(page_bytes) {
                return Vec::new();
            }
            ranges.iter().filter_map(|range| self.pages_of(*range, page_bytes)).collect()
        };
        // The choice is one of the whole thread: this one ends with it.
        thread::scope(|scope| scope.spawn(read).join()).unwrap_or_default()
    }

    /// Returns `range` up to the ends of the pages that it is in.
    pub(crate) fn whole_pages(&self, range: AddressRange) -> AddressRange {
        // No kernel has pages that are larger, nor smaller ones that are no part of these.
        let page_bytes = kernel_page_bytes();
        let end = range.end.div_ceil(page_bytes).saturating_mul(page_bytes);
        AddressRange::new(range.start - range.start % page_bytes, end)
    }

    fn pages_of(&self, range: AddressRange, page_bytes: u64) -> Option<RegionPages> {
        let count = usize::try_from(range.virtual_bytes() / page_bytes).ok()?;
        let bytes = range.virtual_bytes();
        let states = (count <= MAX_PAGES)
            .then(|| self.port.page_states(range.start, bytes, count))
            .flatten()?;
        RegionPages::new(range, page_bytes, states)
    }

    /// Returns the right to it.
    pub(crate) const fn port(&self) -> &Port {
        &self.port
    }

    /// Reads the totals, and the number of words that the kernel returned.
    pub(crate) fn figures(&self) -> Result<(task_vm_info, usize), i32> {
        self.port.vm_info()
    }

    /// Returns the page size that regions are counted in: the smaller of the target's and this
    /// process's page, as the kernel counts where they differ (Rosetta).
    pub(crate) fn page_bytes(figures: &task_vm_info) -> u64 {
        let own = own_page_bytes();
        u64::try_from(figures.page_size)
            .ok()
            .filter(|size| *size > 0)
            .map_or(own, |size| size.min(own))
    }

    /// Returns whether a code means that the task no longer exists.
    pub(crate) const fn is_dead(code: i32) -> bool {
        matches!(code, MACH_SEND_INVALID_DEST | KERN_INVALID_ARGUMENT | KERN_TERMINATED)
    }

    /// Returns the kernel's text for one of its codes.
    pub(crate) fn reason(code: i32) -> String {
        reason(code)
    }
}

/// Reads one walk's entries.
pub(crate) struct Reader<'a> {
    task: &'a Task,
    paths: PathFinder,
    /// Whether pages are counted as the footprint does.
    by_footprint: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(task: &'a Task) -> Self {
        Self { task, paths: PathFinder::default(), by_footprint: counts_footprint() }
    }
}

impl Lookup for Reader<'_> {
    fn lookup(&mut self, address: u64, depth: u32) -> Result<Entry, i32> {
        self.task.port.region(address, depth)
    }

    fn leaf(&mut self, entry: Entry) -> Leaf {
        let port = &self.task.port;
        let by_footprint = self.by_footprint;
        if entry.is_owned_unmapped() {
            // No other call knows it; all of it is this process's own.
            let bytes = u64::from(entry.pages_resident).saturating_mul(kernel_page_bytes());
            return Leaf { entry, private_bytes: Some(bytes), by_footprint, ..Leaf::default() };
        }
        // For the contents of a submap the kernel would return the submap.
        let top = entry.depth == 0 && entry.pages_resident > 0;
        let private_pages = if top { port.private_pages(entry.start, entry.size) } else { None };
        Leaf {
            container_tag: None,
            private_bytes: private_pages
                .map(|pages| u64::from(pages).saturating_mul(kernel_page_bytes())),
            purge: if entry.may_be_purgeable() { port.purge(entry.start) } else { None },
            object: self.paths.object(&mut &*self.task, &entry),
            by_footprint,
            entry,
        }
    }
}

impl Files for &Task {
    fn next_file(&mut self, address: u64) -> Answer {
        answer(libproc::next_file(self.pid, address))
    }

    fn file_of(&mut self, address: u64) -> Answer {
        answer(libproc::file_of(self.pid, address))
    }
}

fn answer(found: io::Result<MappedFile>) -> Answer {
    match found {
        Ok(file) => Answer::Found(FileMapping {
            range: AddressRange::new(file.start, file.start.saturating_add(file.size)),
            object: (!file.path.is_empty()).then(|| {
                Arc::new(Object {
                    name: readable(&file.path).into(),
                    // As `major` and `minor` of sys/types.h.
                    device: (file.device >> 24, file.device & 0xff_ffff),
                    inode: file.inode,
                    deleted: false,
                })
            }),
        }),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Answer::Nothing,
        Err(_) => Answer::Failed,
    }
}

fn not_permitted(process: &ProcessInfo) -> Error {
    Error::NotPermitted {
        pid: process.id.pid,
        name: process.name().to_owned(),
        user_id: process.user_id,
    }
}

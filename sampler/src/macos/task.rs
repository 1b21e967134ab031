//! The task of a process: the right to read its memory.

use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use mach2::kern_return::{KERN_INVALID_ARGUMENT, KERN_TERMINATED};
use mach2::message::MACH_SEND_INVALID_DEST;
use mach2::task_info::task_vm_info;

use crate::darwin::entry::{Entry, Leaf};
use crate::darwin::walk::Lookup;
use crate::error::Error;
use crate::macos::ffi::mach::{Port, open_task, own_page_bytes, reason};
use crate::macos::ffi::{libproc, unix};
use crate::macos::process::{ended, native};
use crate::process::ProcessInfo;
use crate::procfs::line::readable;

/// How long the kernel may take to grant or refuse a task: it may ask a daemon, which may ask the
/// user.
const PATIENCE: Duration = Duration::from_secs(5);

/// The memory of one process.
#[derive(Debug)]
pub(crate) struct Task {
    port: Port,
    pid: i32,
}

impl Task {
    /// Requests the task of `process` from the kernel.
    pub(crate) fn open(process: &ProcessInfo) -> Result<Self, Error> {
        let pid = native(process.id.pid)?;
        let own = unix::own_user();
        // The kernel would refuse it anyway, after asking others first.
        if own != 0 && process.user_id.is_some_and(|owner| owner != own) {
            return Err(not_permitted(process));
        }
        let (sender, answer) = mpsc::channel();
        // A call that hangs keeps its thread, and a right granted later is released.
        thread::spawn(move || sender.send(open_task(pid)));
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

impl Lookup for &Task {
    fn lookup(&mut self, address: u64, depth: u32) -> Result<Entry, i32> {
        self.port.region(address, depth)
    }

    fn leaf(&mut self, entry: Entry) -> Leaf {
        let path =
            if entry.may_have_path() { libproc::region_path(self.pid, entry.start) } else { None };
        // For the contents of a submap the kernel would return the submap.
        let top = entry.depth == 0 && entry.pages_resident > 0;
        Leaf {
            private_pages: if top {
                self.port.private_pages(entry.start, entry.size)
            } else {
                None
            },
            purge: if entry.may_be_purgeable() { self.port.purge(entry.start) } else { None },
            path: path.map(|path| readable(&path).into()),
            entry,
        }
    }
}

fn not_permitted(process: &ProcessInfo) -> Error {
    Error::NotPermitted {
        pid: process.id.pid,
        name: process.name().to_owned(),
        user_id: process.user_id,
    }
}

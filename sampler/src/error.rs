//! Errors of sampling, distinguished by how the caller reacts.

use std::path::PathBuf;
use std::time::Duration;

use crate::alloc_refusal::AllocRefusal;
use crate::stack_refusal::StackRefusal;
use crate::stop_refusal::StopRefusal;

/// An error of the sampler. Messages name the object; callers add hints.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such process (or it is hidden).
    #[error("no process with pid {pid}")]
    NotFound {
        /// The requested pid.
        pid: u32,
    },
    /// procfs is not mounted, so that nothing is known of any process.
    #[error("/proc is not mounted: processes cannot be looked at")]
    NoProc,
    /// procfs has the numbers of another namespace of pids.
    #[error("/proc is of another namespace of pids: its numbers are of other processes")]
    OtherProc,
    /// The process exists, but procfs is mounted so that it is hidden.
    #[error("pid {pid} exists, but /proc hides it (mount option hidepid)")]
    Hidden {
        /// The process.
        pid: u32,
    },
    /// The kernel does not permit to read this process's memory.
    #[error("not permitted to read the memory map of {name} (pid {pid})")]
    NotPermitted {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
        /// Its owner's user number, where known.
        user_id: Option<u32>,
    },
    /// The process ended.
    #[error("pid {pid} has exited")]
    Exited {
        /// The process.
        pid: u32,
    },
    /// The process ended and another one has its pid now.
    #[error("pid {pid} is another process now")]
    Reused {
        /// The pid.
        pid: u32,
    },
    /// The process replaced its program; its memory is a new one.
    #[error("pid {pid} has started another program")]
    Replaced {
        /// The process.
        pid: u32,
    },
    /// The process has ended, its parent has not yet collected it, and it has no memory.
    #[error("pid {pid} is a zombie: it has ended and has no memory")]
    Zombie {
        /// The process.
        pid: u32,
    },
    /// A thread of the kernel has no memory of its own.
    #[error("pid {pid} ({name}) is a kernel thread: it has no memory map")]
    KernelThread {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// The process may not be stopped.
    #[error("cannot stop {name} (pid {pid}): {why}")]
    StopRefused {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
        /// Why.
        why: StopRefusal,
    },
    /// The blocks of a command cannot be recorded.
    #[error("cannot record the allocations of {name}: {why}")]
    AllocsRefused {
        /// The command.
        name: String,
        /// The reason.
        why: AllocRefusal,
    },
    /// The page faults of the process cannot be recorded.
    #[error("cannot record the stacks of {name} (pid {pid}): {why}")]
    StacksRefused {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
        /// Why.
        why: StackRefusal,
    },
    /// The threads of the process do not stop, or new ones start faster.
    #[error("{name} (pid {pid}) did not stop within {limit:?}; it runs on")]
    DidNotStop {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
        /// How long vmrec waited.
        limit: Duration,
    },
    /// The process would have been stopped for longer than it may be.
    #[error("{name} (pid {pid}) would have been stopped for more than {limit:?}; it runs on")]
    StoppedTooLong {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
        /// How long it may be stopped.
        limit: Duration,
    },
    /// The process has no heap that can be walked.
    #[error("{name} (pid {pid}) has no heap of glibc's or musl's malloc")]
    NoHeap {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// Heaps of programs for this machine, or on this system, cannot be walked.
    #[error("the heap of {name} (pid {pid}) cannot be walked: {why}")]
    HeapNotSupported {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
        /// Why.
        why: String,
    },
    /// A call of the kernel failed.
    #[error("kernel call for pid {pid} failed: {call}: {reason}")]
    Kernel {
        /// The process.
        pid: u32,
        /// The call.
        call: &'static str,
        /// The kernel's error message.
        reason: String,
    },
    /// A file of the kernel could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the kernel has a line that this version cannot parse.
    #[error("cannot understand line {line} of {}: {text:?}", path.display())]
    BadLine {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// The line, cut to a sane length.
        text: String,
    },
}

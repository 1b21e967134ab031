//! Why the page faults of a process cannot be recorded with their stacks.

use std::fmt;
use std::path::PathBuf;

/// The reason that decides; each has a remedy of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StackRefusal {
    /// The kernel permits it to no ordinary user (`perf_event_paranoid` above 2).
    Paranoid {
        /// The level.
        level: i64,
    },
    /// The process belongs to another user, has rights that vmrec lacks, or a filter of system
    /// calls forbids it.
    NotPermitted {
        /// The level of `perf_event_paranoid`; `None` if it is unknown.
        level: Option<i64>,
    },
    /// The kernel has no such events.
    NoEvents,
    /// Each thread takes a file for each processor, and these are more than may be open.
    TooManyThreads {
        /// The threads.
        threads: u64,
        /// How many files may be open.
        files: Option<u64>,
    },
    /// The buffer that the kernel writes to would be above the limit of locked memory.
    NoBuffer,
    /// The folder of the kernel's tracepoints, which system calls are recorded by, is not mounted.
    TracefsNotMounted {
        /// Where it would be.
        folder: PathBuf,
    },
    /// The folder may not be read.
    TracefsUnreadable {
        /// The folder.
        folder: PathBuf,
    },
    /// The kernel permits tracepoints to no ordinary user.
    CallsNotPermitted {
        /// The level of `perf_event_paranoid`; `None` if it is unknown.
        level: Option<i64>,
    },
    /// The kernel has no tracepoints of system calls.
    NoCalls,
    /// Stacks of programs for this machine, or on this system, cannot be recorded.
    NotHere(&'static str),
    /// Something else that the kernel reported.
    Other(String),
}

impl fmt::Display for StackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paranoid { level } => {
                write!(f, "kernel.perf_event_paranoid is {level}, which permits it to no user")
            }
            Self::NotPermitted { level: Some(level) } => {
                write!(f, "the kernel does not permit it (kernel.perf_event_paranoid is {level})")
            }
            Self::NotPermitted { level: None } => f.write_str("the kernel does not permit it"),
            Self::NoEvents => f.write_str("the kernel has no events of page faults"),
            Self::TooManyThreads { threads, files: Some(files) } => {
                write!(f, "it has {threads} threads, and vmrec may have {files} files open")
            }
            Self::TooManyThreads { threads, files: None } => {
                write!(f, "it has {threads} threads, too many for the files vmrec may have open")
            }
            Self::NoBuffer => f.write_str("its buffer is above the limit of locked memory"),
            Self::TracefsNotMounted { folder } => {
                write!(f, "system calls: tracefs is not mounted at {}", folder.display())
            }
            Self::TracefsUnreadable { folder } => {
                write!(f, "system calls: {} may not be read", folder.display())
            }
            Self::CallsNotPermitted { level: Some(level) } => write!(
                f,
                "system calls: the right CAP_PERFMON is missing (kernel.perf_event_paranoid is {level}, \
                 which permits tracepoints to no user)"
            ),
            Self::CallsNotPermitted { level: None } => {
                f.write_str("system calls: the right CAP_PERFMON is missing")
            }
            Self::NoCalls => f.write_str("system calls: the kernel has no tracepoints of them"),
            Self::NotHere(why) => f.write_str(why),
            Self::Other(reason) => f.write_str(reason),
        }
    }
}

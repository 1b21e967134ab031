//! The kernel's tracepoints of system calls that map and unmap memory.
//!
//! At the end of a call the thread's registers still hold its arguments, on x86-64; on AArch64 the
//! result has taken the place of the first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::stack_refusal::StackRefusal;
use crate::stacks::call::CallKind;

/// The calls that are recorded: their names, numbers and kinds.
#[cfg(target_arch = "x86_64")]
const CALLS: [(&str, libc::c_long, CallKind); 5] = [
    ("mmap", libc::SYS_mmap, CallKind::Map),
    ("munmap", libc::SYS_munmap, CallKind::Unmap),
    ("mremap", libc::SYS_mremap, CallKind::Remap),
    ("brk", libc::SYS_brk, CallKind::Break),
    ("madvise", libc::SYS_madvise, CallKind::Advise),
];
#[cfg(not(target_arch = "x86_64"))]
const CALLS: [(&str, libc::c_long, CallKind); 0] = [];

/// Where the kernel shows its tracepoints.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Returns the kind of a call by its number.
pub(crate) fn kind(number: i32) -> Option<CallKind> {
    let found = CALLS.into_iter().find(|(_, of, _)| *of == libc::c_long::from(number));
    found.map(|(.., kind)| kind)
}

/// Returns the arguments of a call from the registers that were copied at its end.
#[cfg(target_arch = "x86_64")]
pub(crate) fn arguments(copied: &[u64; 33]) -> [u64; 6] {
    let [_, _, _, dx, si, di, _, _, _, _, _, _, r8, r9, r10, ..] = *copied;
    [di, si, dx, r10, r8, r9]
}
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn arguments(_: &[u64; 33]) -> [u64; 6] {
    [0; 6]
}

/// Returns the numbers of the tracepoints, or why they cannot be known.
pub(crate) fn tracepoints() -> Result<Vec<u64>, StackRefusal> {
    if CALLS.is_empty() {
        return Err(StackRefusal::NotHere("arguments of system calls are only known on x86-64"));
    }
    let id = |(name, ..): &(&str, libc::c_long, CallKind)| {
        let file = |folder: &str| {
            Path::new(folder).join("events/syscalls").join(format!("sys_exit_{name}/id"))
        };
        let mut refusal = None;
        for file in TRACEFS.map(file) {
            match fs::read_to_string(&file) {
                Ok(text) => return text.trim().parse().map_err(|_| StackRefusal::NoCalls),
                Err(error) => refusal = refusal.or_else(|| Some(why(&file, &error))),
            }
        }
        Err(refusal.unwrap_or(StackRefusal::NoCalls))
    };
    CALLS.iter().map(id).collect()
}

/// Returns why the file of a tracepoint cannot be read.
fn why(file: &Path, error: &io::Error) -> StackRefusal {
    let folder = || PathBuf::from(TRACEFS[0]);
    match error.kind() {
        io::ErrorKind::PermissionDenied => StackRefusal::TracefsUnreadable { folder: folder() },
        io::ErrorKind::NotFound => {
            let events = file.ancestors().nth(3);
            match events.is_some_and(Path::exists) {
                true => StackRefusal::NoCalls,
                false => StackRefusal::TracefsNotMounted { folder: folder() },
            }
        }
        _ => StackRefusal::Other(format!("{}: {error}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn arguments_are_in_the_registers_of_calls() {
        let mut copied = [0; 33];
        // As the kernel numbers them: dx 3, si 4, di 5; r8 to r10 follow after gs is left out.
        for (place, value) in [(5, 1), (4, 2), (3, 3), (14, 4), (12, 5), (13, 6)] {
            copied[place] = value;
        }
        assert_eq!(arguments(&copied), [1, 2, 3, 4, 5, 6]);
        assert_eq!(kind(9), Some(CallKind::Map));
        assert_eq!(kind(0), None);
    }

    #[test]
    fn a_file_that_is_missing_or_refused_has_its_own_reason() {
        let error = |kind: io::ErrorKind| io::Error::from(kind);
        let file = Path::new("/nonexistent/events/syscalls/sys_exit_mmap/id");
        let folder = PathBuf::from(TRACEFS[0]);
        assert_eq!(
            why(file, &error(io::ErrorKind::NotFound)),
            StackRefusal::TracefsNotMounted { folder: folder.clone() }
        );
        assert_eq!(
            why(file, &error(io::ErrorKind::PermissionDenied)),
            StackRefusal::TracefsUnreadable { folder }
        );
        let file = Path::new("/proc/self/fdinfo/none/id");
        assert_eq!(why(file, &error(io::ErrorKind::NotFound)), StackRefusal::NoCalls);
    }
}

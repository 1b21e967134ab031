//! Reads facts about processes and the machine, besides memory.

use std::io;

use crate::darwin::arguments::arguments;
use crate::darwin::machine::{architecture, release};
use crate::error::Error;
use crate::macos::ffi::{libproc, mach, sysctl};
use crate::process::{Host, ProcessId, ProcessInfo};
use crate::procfs::line::readable;
use crate::rights_needed::RightsNeeded;

/// Returns the facts about the process `pid`.
///
/// # Errors
///
/// Fails if there is no such process, or it is hidden.
pub fn process_info(pid: u32) -> Result<ProcessInfo, Error> {
    info(pid).map(|(info, _)| info)
}

/// Checks that processes can be looked at: always, because the kernel is asked directly.
///
/// # Errors
///
/// Never fails.
pub const fn check_proc() -> Result<(), Error> {
    Ok(())
}

/// Returns whether processes of other users are hidden: never.
pub const fn hides_processes() -> bool {
    false
}

/// Returns every visible process that can have its own memory: not the kernel's task.
pub fn processes() -> Vec<ProcessInfo> {
    let pids = libproc::pids().into_iter();
    let mut pids: Vec<u32> =
        pids.filter_map(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0).collect();
    pids.sort_unstable();
    pids.dedup();
    pids.into_iter().filter_map(|pid| process_info(pid).ok()).collect()
}

/// Returns the file name of the program that a process runs; `None` if it may not be read.
pub fn program_name(pid: u32) -> Option<String> {
    let path = readable(&libproc::executable(native(pid).ok()?)?);
    path.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Returns the resident bytes of a process by the kernel's quick count: not known without its task.
pub const fn resident_bytes(_pid: u32) -> Option<u64> {
    None
}

/// Does nothing: on macOS the code of a file counts to no footprint.
pub const fn release_own_code() {}

/// Does nothing: malloc of macOS has no arenas of threads.
pub const fn share_one_arena() {}

/// Returns the folder that a process works in: not read on macOS.
pub const fn working_folder(_: u32) -> Option<std::path::PathBuf> {
    None
}

/// Makes this process the parent of processes whose parent ends: not on this system.
pub const fn adopt_orphans() -> bool {
    false
}

/// Gives up the rights that a recorder does not need: this system has no sets of them.
pub const fn give_up_rights(_: RightsNeeded) {}

/// Returns the machine this runs on.
pub fn host() -> Host {
    let text = |name| sysctl::text(name).unwrap_or_default();
    Host {
        name: text(c"kern.hostname"),
        os: "macos".to_owned(),
        kernel: release(
            sysctl::text(c"kern.osproductversion"),
            sysctl::text(c"kern.osversion"),
            &text(c"kern.osrelease"),
        ),
        architecture: sysctl::text(c"hw.machine")
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        page_size_bytes: mach::own_page_bytes(),
    }
}

/// Returns the facts about the process `pid`, and whether it is a zombie.
pub(crate) fn info(pid: u32) -> Result<(ProcessInfo, bool), Error> {
    let number = native(pid)?;
    let bsd = libproc::bsd_info(number).map_err(|error| refused(error, pid))?;
    let start_us = start_ticks(&bsd);
    let short_name = libproc::name(number).map(|name| readable(&name));
    let info = ProcessInfo {
        id: ProcessId { pid, start_ticks: start_us, boot_id: boot_id() },
        parent_pid: Some(bsd.pbi_ppid).filter(|parent| *parent != 0),
        started_utc_ns: i64::try_from(start_us).ok().and_then(|us| us.checked_mul(1000)),
        executable: libproc::executable(number).map(|path| readable(&path)),
        executable_deleted: false,
        architecture: libproc::processor(number).and_then(|(kind, part)| architecture(kind, part)),
        arguments: sysctl::arguments(number).map(|bytes| arguments(&bytes)).unwrap_or_default(),
        short_name: short_name.unwrap_or_default(),
        user_id: Some(bsd.pbi_uid),
    };
    Ok((info, bsd.pbi_status == libc::SZOMB))
}

/// Returns whether a process has ended: its pid is free, a zombie's or another process's.
pub(crate) fn ended(id: &ProcessId) -> bool {
    let Ok(number) = native(id.pid) else { return true };
    match libproc::bsd_info(number) {
        Ok(bsd) => bsd.pbi_status == libc::SZOMB || start_ticks(&bsd) != id.start_ticks,
        Err(error) => error.raw_os_error() == Some(libc::ESRCH),
    }
}

/// Returns whether a process's pid is reused by another process.
pub(crate) fn reused(id: &ProcessId) -> bool {
    let bsd = native(id.pid).ok().and_then(|number| libproc::bsd_info(number).ok());
    bsd.is_some_and(|bsd| start_ticks(&bsd) != id.start_ticks)
}

/// Converts a pid for the system's calls.
pub(crate) fn native(pid: u32) -> Result<i32, Error> {
    i32::try_from(pid).map_err(|_| Error::NotFound { pid })
}

fn start_ticks(bsd: &libc::proc_bsdinfo) -> u64 {
    bsd.pbi_start_tvsec.saturating_mul(1_000_000).saturating_add(bsd.pbi_start_tvusec)
}

/// Returns the id of this boot of the machine: the kernel's own, else its time, which changes when
/// the clock is set.
fn boot_id() -> String {
    sysctl::text(c"kern.bootsessionuuid")
        .or_else(|| sysctl::boot_time_us().map(|us| format!("boot-{}", us / 1_000_000)))
        .unwrap_or_default()
}

/// Converts a refusal before any facts about the process are known.
fn refused(error: io::Error, pid: u32) -> Error {
    match error.raw_os_error() {
        Some(libc::ESRCH) => Error::NotFound { pid },
        Some(libc::EPERM | libc::EACCES) => {
            Error::NotPermitted { pid, name: format!("process {pid}"), user_id: None }
        }
        _ => Error::Kernel { pid, call: "proc_pidinfo", reason: error.to_string() },
    }
}

//! System calls of Linux that the standard library lacks.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::process::ProcessInfo;
use crate::program::Program;

/// Makes samples count the pages that a process maps: Linux counts no others.
pub const fn count_as_footprint() -> bool {
    true
}

/// Returns what is known about a program besides its memory: Linux has no bundles.
pub const fn program(_: &ProcessInfo) -> Option<Program> {
    None
}

/// Makes all threads take memory from one arena of glibc's malloc. Each further arena keeps what its
/// thread freed, which is several megabytes where many processes are recorded for long. To be called
/// before there are threads.
pub fn share_one_arena() {
    #[cfg(target_env = "gnu")]
    // SAFETY: there is no other thread that allocates meanwhile; the call sets a number of malloc's.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Returns the page size in bytes.
pub(crate) fn page_size_bytes() -> u64 {
    configured(libc::_SC_PAGESIZE).unwrap_or(4096)
}

/// Returns the clock ticks of a second in `/proc`.
pub(crate) fn ticks_per_second() -> u64 {
    configured(libc::_SC_CLK_TCK).unwrap_or(100)
}

fn configured(name: libc::c_int) -> Option<u64> {
    // SAFETY: sysconf accesses no memory of this process.
    let value = unsafe { libc::sysconf(name) };
    u64::try_from(value).ok().filter(|value| *value > 0)
}

/// Returns whether no page of the machine is swapped out.
pub(crate) fn nothing_is_swapped() -> bool {
    let mut info = MaybeUninit::<libc::sysinfo>::uninit();
    // SAFETY: sysinfo fills the whole structure when it returns 0, and only then is it read.
    let info = unsafe {
        if libc::sysinfo(info.as_mut_ptr()) != 0 {
            return false;
        }
        info.assume_init()
    };
    info.totalswap == info.freeswap
}

/// The processor time of all threads of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessClock(libc::clockid_t);

impl ProcessClock {
    /// Returns the clock of the process `pid`; `None` if there is no such process, or no such clock.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0)?;
        let mut clock = 0;
        // SAFETY: the call writes one value, to the variable given.
        let status = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
        (status == 0).then_some(Self(clock))
    }

    /// Returns the nanoseconds so far; `None` if there is no such process any more.
    ///
    /// Those of a thread that runs on another processor lag by a tick of the scheduler at most.
    pub(crate) fn ns(self) -> Option<u64> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the call writes one value, to the variable given.
        let status = unsafe { libc::clock_gettime(self.0, &raw mut time) };
        let seconds = u64::try_from(time.tv_sec).ok().filter(|_| status == 0)?;
        seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(time.tv_nsec).ok()?)
    }
}

/// Returns the machine word of uname, such as `x86_64`.
pub(crate) fn architecture() -> Option<String> {
    let mut names = MaybeUninit::<libc::utsname>::uninit();
    // SAFETY: uname fills the whole structure when it returns 0, and only then is it read.
    let names = unsafe {
        if libc::uname(names.as_mut_ptr()) != 0 {
            return None;
        }
        names.assume_init()
    };
    let bytes: Vec<u8> =
        names.machine.iter().map(|letter| *letter as u8).take_while(|byte| *byte != 0).collect();
    String::from_utf8(bytes).ok()
}

/// Opens a handle of the process `pid` that stays valid when the pid is reused (Linux 5.3).
pub(crate) fn open_process(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open accesses no memory of this process.
    let handle = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if handle < 0 {
        return Err(io::Error::last_os_error());
    }
    let handle = i32::try_from(handle).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: the kernel just created this descriptor; nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(handle) })
}

/// Makes this process the parent of descendants whose own parent ends, as the first process is
/// otherwise; returns whether that succeeded.
pub fn adopt_orphans() -> bool {
    // SAFETY: this option of prctl accesses no memory of this process.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 }
}

/// Waits until `handle` is readable.
pub(crate) fn wait_readable(handle: &OwnedFd) -> io::Result<()> {
    let mut wanted = libc::pollfd { fd: handle.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: `wanted` is one valid pollfd, as its count says.
    let ready = unsafe { libc::poll(&raw mut wanted, 1, -1) };
    if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

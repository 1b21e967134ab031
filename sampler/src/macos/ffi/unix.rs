//! Mach's clock, the own user and the end of processes.
#![allow(unsafe_code)]

use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Turns ticks of Mach's clock into nanoseconds.
pub(crate) fn ticks_to_ns(ticks: u64) -> u64 {
    let mut base = mach2::mach_time::mach_timebase_info { numer: 0, denom: 0 };
    // SAFETY: `base` is a valid structure to write to.
    unsafe { mach2::mach_time::mach_timebase_info(&raw mut base) };
    let nanoseconds = u128::from(ticks) * u128::from(base.numer) / u128::from(base.denom.max(1));
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

/// Returns the user this process acts as.
pub(crate) fn own_user() -> u32 {
    // SAFETY: it accesses no memory of this process.
    unsafe { libc::geteuid() }
}

/// Opens a queue that reports the end of the process `pid`.
pub(crate) fn exit_queue(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: it accesses no memory of this process.
    let queue = unsafe { libc::kqueue() };
    if queue < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just created this descriptor; nothing else owns it.
    let queue = unsafe { OwnedFd::from_raw_fd(queue) };
    // SAFETY: the structure is plain numbers and a pointer, for which zeros are valid.
    let mut wanted: libc::kevent = unsafe { zeroed() };
    wanted.ident = usize::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    wanted.filter = libc::EVFILT_PROC;
    wanted.flags = libc::EV_ADD;
    wanted.fflags = libc::NOTE_EXIT;
    // SAFETY: `wanted` is one event, as its count says; no event is asked for.
    let code = unsafe {
        libc::kevent(
            queue.as_raw_fd(),
            &raw const wanted,
            1,
            std::ptr::null_mut(),
            0,
            std::ptr::null(),
        )
    };
    if code < 0 { Err(io::Error::last_os_error()) } else { Ok(queue) }
}

/// Waits until `queue` reports an end.
pub(crate) fn wait_exit(queue: &OwnedFd) -> io::Result<()> {
    // SAFETY: the structure is plain numbers and a pointer, for which zeros are valid.
    let mut event: libc::kevent = unsafe { zeroed() };
    // SAFETY: `event` has room for one event, as its count says; none is passed in.
    let count = unsafe {
        libc::kevent(queue.as_raw_fd(), std::ptr::null(), 0, &raw mut event, 1, std::ptr::null())
    };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

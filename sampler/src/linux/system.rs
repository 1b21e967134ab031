//! The few system calls that the standard library lacks.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::snapshot::Timestamp;

/// Returns the current moment on both clocks.
pub fn now() -> Timestamp {
    let utc = clock(libc::CLOCK_REALTIME);
    Timestamp {
        utc_ns: i64::try_from(utc).unwrap_or(i64::MAX),
        monotonic_ns: clock(libc::CLOCK_BOOTTIME),
    }
}

/// Returns the processor time of the calling thread, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Returns the time of a clock in nanoseconds, of whole microseconds: nanoseconds are noise, which
/// would make up most of the bytes of samples of an idle process.
fn clock(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to. Both clocks exist in every kernel since
    // 2.6.39; a failure would leave zeros.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let microseconds = u64::try_from(time.tv_nsec).unwrap_or(0) / 1000;
    seconds.saturating_mul(1_000_000_000).saturating_add(microseconds * 1000)
}

/// Returns whether this process ignores a signal, as it was started.
pub fn ignores_signal(signal: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action sigaction only writes the old one, and it is read only when that
    // was written.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Returns the limit on the size of files that this process writes, if there is one.
pub fn max_file_bytes() -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: getrlimit only writes the limit, and it is read only when that was written.
    let limit = unsafe {
        (libc::getrlimit(libc::RLIMIT_FSIZE, limit.as_mut_ptr()) == 0)
            .then(|| limit.assume_init().rlim_cur)
    };
    limit.filter(|bytes| *bytes != libc::RLIM_INFINITY)
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

/// Sends `signal` to the process `pid`.
///
/// # Errors
///
/// Fails if there is no such process, if it may not be sent signals, or if
/// `pid` is not the number of one process.
pub fn send_signal(pid: u32, signal: i32) -> io::Result<()> {
    // 0 and negative numbers mean groups of processes, including our own.
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: kill accesses no memory of this process.
    if unsafe { libc::kill(pid, signal) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
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

/// Waits until `handle` is readable; `false` after `limit`.
pub(crate) fn wait_readable(handle: &OwnedFd, limit: Option<Duration>) -> io::Result<bool> {
    // Rounded up, so that a short wait does not become zero.
    let milliseconds = limit.map_or(-1, |limit| {
        i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    let mut wanted = libc::pollfd { fd: handle.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: `wanted` is one valid pollfd, as its count says.
    match unsafe { libc::poll(&raw mut wanted, 1, milliseconds) } {
        0 => Ok(false),
        ready if ready > 0 => Ok(true),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_move_on() {
        let before = now();
        let cpu = thread_cpu_ns();
        while thread_cpu_ns() == cpu {}
        let after = now();
        assert!(after.monotonic_ns > before.monotonic_ns);
        assert!(before.utc_ns > 1_600_000_000_000_000_000);
    }

    #[test]
    fn signals_go_to_one_process_only() {
        assert_eq!(send_signal(0, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(send_signal(u32::MAX, 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        send_signal(std::process::id(), 0).unwrap();
    }
}

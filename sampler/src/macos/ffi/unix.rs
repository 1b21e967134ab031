//! Clocks, signals and the end of processes.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::snapshot::Timestamp;

/// Returns the current moment on both clocks.
pub fn now() -> Timestamp {
    let utc = clock(libc::CLOCK_REALTIME);
    Timestamp {
        utc_ns: i64::try_from(utc).unwrap_or(i64::MAX),
        // Unlike CLOCK_MONOTONIC it is not adjusted when the wall clock is set; both count time
        // asleep.
        monotonic_ns: clock(libc::CLOCK_MONOTONIC_RAW),
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
    // SAFETY: `time` is a valid timespec to write to; a failure would leave zeros.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let microseconds = u64::try_from(time.tv_nsec).unwrap_or(0) / 1000;
    seconds.saturating_mul(1_000_000_000).saturating_add(microseconds * 1000)
}

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

/// Waits until `queue` reports an end; `false` after `limit`.
pub(crate) fn wait_exit(queue: &OwnedFd, limit: Duration) -> io::Result<bool> {
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // SAFETY: the structure is plain numbers and a pointer, for which zeros are valid.
    let mut event: libc::kevent = unsafe { zeroed() };
    // SAFETY: `event` has room for one event, as its count says; none is passed in.
    let count = unsafe {
        libc::kevent(queue.as_raw_fd(), std::ptr::null(), 0, &raw mut event, 1, &raw const time)
    };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count > 0) }
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

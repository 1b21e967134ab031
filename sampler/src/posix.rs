//! Clocks, signals and limits, by system calls that Linux and macOS share.
#![allow(unsafe_code)]

use std::fs::OpenOptions;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::snapshot::Timestamp;

/// It counts time asleep.
#[cfg(target_os = "linux")]
const MONOTONIC: libc::clockid_t = libc::CLOCK_BOOTTIME;
/// It counts time asleep and, unlike CLOCK_MONOTONIC, is not adjusted when the wall clock is set.
#[cfg(target_os = "macos")]
const MONOTONIC: libc::clockid_t = libc::CLOCK_MONOTONIC_RAW;

/// Returns the current moment on both clocks.
pub fn now() -> Timestamp {
    let utc = clock(libc::CLOCK_REALTIME);
    Timestamp { utc_ns: i64::try_from(utc).unwrap_or(i64::MAX), monotonic_ns: clock(MONOTONIC) }
}

/// Returns the time that the machine has slept, in nanoseconds.
#[cfg(target_os = "linux")]
pub(crate) fn asleep_ns() -> u64 {
    let awake = clock(libc::CLOCK_MONOTONIC);
    clock(MONOTONIC).saturating_sub(awake)
}

/// Returns the processor time of the calling thread, in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    clock(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Returns the time of a clock in nanoseconds, of whole microseconds: nanoseconds are noise, which
/// would make up most of the bytes of samples of an idle process.
fn clock(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to. All clocks exist in every kernel since
    // Linux 2.6.39; a failure would leave zeros.
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

/// Raises the number of files that this process may have open to the maximum it may set itself, and
/// returns that; `None` if it is not known.
pub fn raise_open_files() -> Option<u64> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: getrlimit only writes the limit, and it is read only when that was written; setrlimit
    // only reads it.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()) != 0 {
            return None;
        }
        let mut limit = limit.assume_init();
        let soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        Some(if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0 {
            limit.rlim_max
        } else {
            soft
        })
    }
}

/// Collects the status of a child that has ended: exit code, or 128 + signal; `None` if it has not,
/// or is not a child of this process.
pub fn reap(pid: u32) -> Option<i32> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0)?;
    let mut status = 0;
    // SAFETY: waitpid only writes the status.
    let reaped = unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) };
    if reaped != pid {
        return None;
    }
    Some(if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status)
    } else {
        libc::WEXITSTATUS(status)
    })
}

/// Returns the number of the user whose rights this process has.
pub fn own_user_id() -> u32 {
    // SAFETY: geteuid takes nothing, touches no memory of ours and cannot fail.
    unsafe { libc::geteuid() }
}

/// Returns the process group of a process, if there is such a process.
pub fn process_group(pid: u32) -> Option<u32> {
    // SAFETY: getpgid takes a number and touches no memory of ours.
    let group = unsafe { libc::getpgid(libc::pid_t::try_from(pid).ok()?) };
    u32::try_from(group).ok()
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

/// Makes this process the leader of a session without a terminal, which then neither stops nor ends it.
///
/// # Errors
///
/// Fails if it is the leader of a group of processes.
pub fn begin_session() -> io::Result<()> {
    // SAFETY: setsid accesses no memory of this process.
    if unsafe { libc::setsid() } == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets a standard stream lead to /dev/null.
///
/// # Errors
///
/// Fails if /dev/null cannot be opened.
pub fn discard_stream(stream: BorrowedFd<'_>) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    // SAFETY: both descriptors are open; the stream stays open and only leads elsewhere.
    let replaced = unsafe { libc::dup2(null.as_raw_fd(), stream.as_raw_fd()) };
    if replaced == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Returns whether a process of that number exists, also one that may not be signalled.
#[cfg(target_os = "linux")]
pub(crate) fn exists(pid: u32) -> bool {
    match send_signal(pid, 0) {
        Ok(()) => true,
        Err(error) => error.raw_os_error() == Some(libc::EPERM),
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

//! A process of its own that ends vmrec if it keeps another process stopped for too long: vmrec
//! may wait for a page that never comes, or be stopped itself. The kernel then resumes the other.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// A watchdog that lasts until this is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// The end of a pipe: the watchdog ends when it is closed.
    pipe: Option<OwnedFd>,
    pid: libc::pid_t,
}

impl Watchdog {
    /// Starts a watchdog that kills this process after `limit`, unless it is dropped before.
    pub(crate) fn start(limit: Duration) -> io::Result<Self> {
        let mut ends = [0; 2];
        // SAFETY: pipe2 writes two descriptors to `ends`.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just created both descriptors; nothing else owns them.
        let [theirs, ours] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
        let parent = std::process::id() as libc::pid_t;
        let limit_ms = i32::try_from(limit.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the child calls nothing but async-signal-safe functions, and never returns.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(io::Error::last_os_error()),
            0 => watch(theirs.as_raw_fd(), ours.as_raw_fd(), parent, limit_ms),
            pid => Ok(Self { pipe: Some(ours), pid }),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.pipe = None;
        // SAFETY: waitpid may be given no place for the status.
        unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) };
    }
}

/// The watchdog: waits for the pipe's other end to close, or kills `parent` when the time is over.
fn watch(pipe: i32, other_end: i32, parent: libc::pid_t, limit_ms: i32) -> ! {
    // SAFETY: these calls touch no memory but `wanted`, which is one pollfd as its count says.
    unsafe {
        // A terminal's keys stop or end the group of vmrec, not the watchdog.
        libc::setsid();
        libc::close(other_end);
        for standard in 0..3 {
            libc::close(standard);
        }
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGPIPE] {
            libc::signal(signal, libc::SIG_IGN);
        }
        let mut left = limit_ms;
        while left > 0 && libc::getppid() == parent {
            let mut wanted = libc::pollfd { fd: pipe, events: libc::POLLIN, revents: 0 };
            // Short turns: the pipe may be held open by another child of vmrec.
            let turn = left.min(1000);
            if libc::poll(&raw mut wanted, 1, turn) > 0 {
                libc::_exit(0);
            }
            left -= turn;
        }
        if libc::getppid() == parent {
            libc::kill(parent, libc::SIGKILL);
        }
        libc::_exit(0)
    }
}

/// Blocks the keys that stop a job for as long as it lives: a vmrec that a terminal stops would
/// keep the other process stopped.
#[derive(Debug)]
pub(crate) struct NoJobControl {
    before: libc::sigset_t,
}

impl NoJobControl {
    /// Blocks them in the calling thread, and in those that it starts.
    pub(crate) fn begin() -> Self {
        // SAFETY: the sets are initialised before they are used, and only written to here.
        unsafe {
            let mut stops = std::mem::zeroed();
            let mut before = std::mem::zeroed();
            libc::sigemptyset(&raw mut stops);
            for signal in [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU] {
                libc::sigaddset(&raw mut stops, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const stops, &raw mut before);
            Self { before }
        }
    }
}

impl Drop for NoJobControl {
    fn drop(&mut self) {
        // SAFETY: `before` is the set that the calling thread had.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut());
        }
    }
}

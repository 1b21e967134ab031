//! Starts a command that waits before its first instruction until its events are open.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::Duration;

/// A command that will wait.
pub(crate) struct Held {
    command: Command,
    pub(crate) pids: Option<Pids>,
    pub(crate) gate: Option<Gate>,
}

/// Receives the number of the process that waits.
pub(crate) struct Pids(File);

/// Lets it go on; closed without that, it ends.
pub(crate) struct Gate(File);

impl Held {
    pub(crate) fn new(mut command: Command) -> io::Result<Self> {
        let (pids, pid_writer) = pipe()?;
        let (gate_reader, gate) = pipe()?;
        let own_ends = [pids.as_raw_fd(), gate.as_raw_fd()];
        // SAFETY: between fork and exec it only calls write, read, close and getpid, which are safe
        // there, on files that are open.
        unsafe {
            command.pre_exec(move || {
                // The parent's ends, of which copies here would keep the pipes open.
                own_ends.iter().for_each(|end| {
                    libc::close(*end);
                });
                let pid = libc::getpid().to_ne_bytes();
                let mut byte = 0_u8;
                let said = libc::write(pid_writer.as_raw_fd(), pid.as_ptr().cast(), pid.len());
                if said == pid.len() as isize
                    && libc::read(gate_reader.as_raw_fd(), (&raw mut byte).cast(), 1) == 1
                {
                    return Ok(());
                }
                Err(io::ErrorKind::Interrupted.into())
            });
        }
        Ok(Self { command, pids: Some(Pids(pids.into())), gate: Some(Gate(gate.into())) })
    }

    /// Starts the command; returns when the gate was opened or closed.
    pub(crate) fn spawn(mut self) -> io::Result<Child> {
        self.command.spawn()
    }
}

impl Pids {
    pub(crate) fn pid(mut self) -> Option<u32> {
        let mut pid = [0; 4];
        self.0.read_exact(&mut pid).ok()?;
        u32::try_from(i32::from_ne_bytes(pid)).ok()
    }
}

impl Gate {
    pub(crate) fn open(mut self) {
        // A process that was killed meanwhile needs no answer.
        let _ = self.0.write_all(&[1]);
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: `ends` is room for both; they are nobody else's.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Waits until one of the files is readable, or for `time`; returns whether the last one is.
pub(crate) fn wait_readable(files: &[RawFd], time: Duration) -> bool {
    let of = |file: &RawFd| libc::pollfd { fd: *file, events: libc::POLLIN, revents: 0 };
    let mut waited: Vec<libc::pollfd> = files.iter().map(of).collect();
    let time = libc::c_int::try_from(time.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: `waited` has as many entries as it says.
    unsafe { libc::poll(waited.as_mut_ptr(), waited.len() as libc::nfds_t, time) };
    waited.last().is_some_and(|last| last.revents & libc::POLLIN != 0)
}

//! Asks a HotSpot JVM as `jcmd` does: through the socket that it opens for tools, which it opens
//! when a file of a certain name lies in its folder and SIGQUIT reaches it.
//!
//! Only a process that handles SIGQUIT gets it: others would die. All that the JVM sends is
//! bounded in bytes and time.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::linux::files;
use crate::linux::perf_map_file::own_pid;
use crate::posix::send_signal;

/// How long the socket may take to appear, and the answer to come.
const MAX_TIME: Duration = Duration::from_secs(10);
/// The time between two looks for the socket.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The maximum bytes of an answer: the map of 2,000 threads with all its stacks has 3 MB.
const MAX_BYTES: u64 = 32 << 20;
/// The protocol's version, the command, and three arguments; each ends with a zero.
const REQUEST: &[u8] = b"1\0jcmd\0VM.native_memory detail\0\0\0";

/// Returns the report on native memory of the JVM that is `pid`, or why there is none.
pub(crate) fn native_memory(folder: &Path, pid: u32) -> Result<String, &'static str> {
    let deadline = Instant::now() + MAX_TIME;
    let own_pid = own_pid(folder).ok_or("it has ended")?;
    let socket = folder.join(format!("root/tmp/.java_pid{own_pid}"));
    let socket = match find(&socket, folder) {
        Some(socket) => socket,
        None => open_socket(folder, pid, &own_pid, &socket, deadline)?,
    };
    let gone = |_| "its socket for tools refuses vmrec";
    // By its open file: another may lie at the path by now.
    let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let mut stream = UnixStream::connect(path).map_err(gone)?;
    let left = deadline.saturating_duration_since(Instant::now()).max(LOOK_AGAIN);
    stream.set_read_timeout(Some(left)).map_err(gone)?;
    stream.write_all(REQUEST).map_err(gone)?;
    let mut answer = Vec::new();
    let late = |_| "it does not answer";
    let mut part = [0; 1 << 16];
    loop {
        match stream.read(&mut part).map_err(late)? {
            0 => break,
            count => answer.extend_from_slice(&part[..count]),
        }
        if answer.len() as u64 > MAX_BYTES {
            return Err("its answer is too long");
        }
        if Instant::now() > deadline {
            return Err("it does not answer");
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    match answer.strip_prefix("0\n") {
        Some(report) if report.contains("Virtual memory map") => Ok(report.to_owned()),
        _ => Err("it runs without -XX:NativeMemoryTracking=detail"),
    }
}

/// Has the JVM open its socket.
fn open_socket(
    folder: &Path,
    pid: u32,
    own_pid: &str,
    socket: &Path,
    deadline: Instant,
) -> Result<File, &'static str> {
    if !handles_quit(folder) {
        return Err("it does not handle SIGQUIT, by which JVMs open their socket for tools");
    }
    let wish = Wish::create(folder, own_pid).ok_or("no file can be made in its folder or /tmp")?;
    send_signal(pid, libc::SIGQUIT).map_err(|_| "it may not be sent signals")?;
    let found = loop {
        if let Some(found) = find(socket, folder) {
            break found;
        }
        if Instant::now() > deadline {
            return Err("it opens no socket for tools");
        }
        std::thread::sleep(LOOK_AGAIN);
    };
    drop(wish);
    Ok(found)
}

/// Returns the socket at `path`, if it is one of the process's own user, and no link.
fn find(path: &Path, folder: &Path) -> Option<File> {
    let flags = libc::O_PATH | libc::O_NOFOLLOW;
    let found = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = found.metadata().ok()?;
    let owner = std::fs::metadata(folder).ok()?.uid();
    let is_its_own = metadata.uid() == owner || metadata.uid() == 0;
    (metadata.file_type().is_socket() && is_its_own).then_some(found)
}

/// Returns whether the process has a handler of SIGQUIT and does not ignore it.
fn handles_quit(folder: &Path) -> bool {
    let status = files::read(folder.join("status")).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    caught.is_some_and(|set| set & 1 << (libc::SIGQUIT - 1) != 0)
}

/// The file that a JVM looks for when SIGQUIT reaches it; removed when dropped.
struct Wish(PathBuf);

impl Wish {
    fn create(folder: &Path, own_pid: &str) -> Option<Self> {
        let name = format!(".attach_pid{own_pid}");
        let places = [folder.join("cwd").join(&name), folder.join("root/tmp").join(&name)];
        places.into_iter().find_map(|path| {
            let mut options = OpenOptions::new();
            let options = options.write(true).create_new(true).mode(0o600);
            options.custom_flags(libc::O_NOFOLLOW).open(&path).ok().map(|_| Self(path))
        })
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        // The JVM may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}

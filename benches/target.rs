//! Processes to sample, and the plain read of smaps that samples are compared with.

#![allow(
    unsafe_code,
    dead_code,
    reason = "each benchmark asks for some of these only, and libc has no safe calls for mappings"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::ptr;

/// Reads smaps of a process through a 64 KiB buffer without parsing.
pub(crate) fn read_plainly(pid: u32) -> usize {
    let mut file = File::open(format!("/proc/{pid}/smaps")).expect("smaps of our own child");
    let mut buffer = vec![0; 64 << 10];
    let mut bytes = 0;
    while let Ok(read @ 1..) = file.read(&mut buffer) {
        bytes += read;
    }
    bytes
}

/// Starts a process of some 25 regions.
pub(crate) fn start_sleep() -> Option<Child> {
    let child = Command::new("sleep").arg("600").spawn().ok()?;
    // Until it has loaded its libraries it has fewer.
    std::thread::sleep(std::time::Duration::from_millis(300));
    Some(child)
}

/// Starts this program as a target and waits until its memory is laid out; `None` without enough.
pub(crate) fn start_self(kind: &str) -> Option<(Child, BufReader<ChildStdout>)> {
    if kind == "large" && available_kilobytes()? <= 10 << 20 {
        return None;
    }
    let own = std::env::current_exe().ok()?;
    let mut command = Command::new(own);
    command.args(["--be", kind]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let (mut line, mut output) = (String::new(), BufReader::new(child.stdout.take()?));
    output.read_line(&mut line).ok()?;
    (line == "ready\n").then_some((child, output))
}

fn available_kilobytes() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    available.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Lays out the memory of a target: 60,000 mappings, or 8 GiB in one.
pub(crate) fn lay_out(kind: &str) {
    match kind {
        // Alternating rights keep the kernel from merging neighbours.
        "vmas" => {
            for place in 0..60_000 {
                let rights = if place % 2 == 0 { libc::PROT_READ } else { libc::PROT_NONE };
                map(4096, rights, 0);
            }
        }
        _ => _ = map(8 << 30, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_POPULATE),
    }
}

/// Maps memory of no file at an address of the kernel's choice, which it returns.
pub(crate) fn map(bytes: usize, rights: i32, flags: i32) -> *mut libc::c_void {
    let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory in use.
    let address = unsafe { libc::mmap(ptr::null_mut(), bytes, rights, flags, -1, 0) };
    assert_ne!(address, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    address
}

/// Unmaps what [`map`] returned.
pub(crate) fn unmap(address: *mut libc::c_void, bytes: usize) {
    // SAFETY: the mapping is one of [`map`], and nothing refers to it.
    unsafe { libc::munmap(address, bytes) };
}

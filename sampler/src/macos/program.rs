//! What the bundle of a program and the kernel say about a running program.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use crate::darwin::bundle;
use crate::macos::ffi::libproc;
use crate::macos::process::native;
use crate::process::ProcessInfo;
use crate::program::Program;

/// Returns what is known about the program of a process that runs.
pub fn program(process: &ProcessInfo) -> Option<Program> {
    let pid = native(process.id.pid).ok()?;
    let contents = process.executable.as_deref().and_then(bundle::contents);
    let list = |name| contents.and_then(|contents| file(&format!("{contents}/{name}")));
    let (info, version) = (list("Info.plist"), list("version.plist"));
    Some(Program {
        platform: libproc::platform(pid).and_then(bundle::platform),
        is_tracked: libproc::is_tracked(pid),
        ..bundle::program(info.as_deref(), version.as_deref())
    })
}

/// Reads a regular file, no link and not too long.
fn file(path: &str) -> Option<Vec<u8>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > bundle::MAX_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(bundle::MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

//! The file in which a process names the code that it makes, for perf.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::linux::files;

/// Returns its path for the process of `folder` in `/proc`, in the file system of the process.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join(format!("root/tmp/perf-{}.map", own_pid(folder).unwrap_or_default()))
}

/// Opens the file at `path` if it is a regular one of the process's own user, or root's; returns
/// its size too.
///
/// Others may write to that folder: no links, no pipes, no other user's file.
pub(crate) fn open(folder: &Path, path: &Path) -> Option<(File, u64)> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let owner = std::fs::metadata(folder).ok()?.uid();
    let is_its_own = owner == metadata.uid() || metadata.uid() == 0;
    (metadata.is_file() && is_its_own).then_some((file, metadata.len()))
}

/// Returns the number that a process has in its own namespace.
pub(crate) fn own_pid(folder: &Path) -> Option<String> {
    let status = files::read(folder.join("status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_whitespace().next_back().map(str::to_owned)
}

//! The files of one process in `/proc`, kept open from sample to sample.

use std::fs::File;
use std::io;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::procfs::line;
use crate::procfs::stat::{Stat, parse_stat};
use crate::procfs::statm::{Statm, parse_statm};
use crate::procfs::status::{Status, parse_status};

/// The maximum bytes to read of a small file; the longest (cmdline) is cut there.
const MAX_BYTES: u64 = 128 << 10;

/// The maximum bytes to read of status: 65,536 groups take less.
const MAX_STATUS_BYTES: u64 = 1 << 20;

/// A file of a process, kept open.
#[derive(Debug)]
pub(crate) struct OpenFile {
    path: PathBuf,
    file: File,
}

impl OpenFile {
    pub(crate) fn open(path: PathBuf) -> Result<Self, Refusal> {
        match File::open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(Refusal::new(path, error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `buffer` from `offset` on; at 0 the kernel generates the file again.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Refusal> {
        loop {
            match self.file.read_at(buffer, offset) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Refusal::new(self.path.clone(), error)),
            }
        }
    }

    /// Reads a file to its end: stat and statm take one read, status more for a process of many groups.
    fn read_small<T>(&self, parse: impl FnOnce(&[u8]) -> T) -> Result<T, Refusal> {
        let mut buffer = [0; 4096];
        let count = self.read_at(&mut buffer, 0)?;
        if count < buffer.len() {
            return Ok(parse(&buffer[..count]));
        }
        let mut text = buffer.to_vec();
        while (text.len() as u64) < MAX_STATUS_BYTES {
            match self.read_at(&mut buffer, text.len() as u64)? {
                0 => break,
                count => text.extend_from_slice(&buffer[..count]),
            }
        }
        // A line that may be cut off is dropped.
        if text.len() as u64 >= MAX_STATUS_BYTES {
            text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        }
        Ok(parse(&text))
    }

    fn bad_line(&self) -> Refusal {
        let text = self.read_small(|text| line::readable(&text[..text.len().min(200)]));
        match text {
            Ok(text) => Refusal::Other(Error::BadLine { path: self.path.clone(), line: 1, text }),
            Err(refusal) => refusal,
        }
    }

    pub(crate) fn stat(&self) -> Result<Stat, Refusal> {
        self.read_small(parse_stat)?.ok_or_else(|| self.bad_line())
    }

    pub(crate) fn statm(&self) -> Result<Statm, Refusal> {
        self.read_small(parse_statm)?.ok_or_else(|| self.bad_line())
    }

    pub(crate) fn status(&self) -> Result<Status, Refusal> {
        self.read_small(parse_status)
    }
}

/// Why a file of a process cannot be read.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such process (any more).
    Gone,
    /// It exists, but may not be read.
    NotPermitted,
    /// Something else.
    Other(Error),
}

impl Refusal {
    pub(crate) fn new(path: PathBuf, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => Self::Gone,
            Some(libc::EACCES | libc::EPERM) => Self::NotPermitted,
            _ => Self::Other(Error::Io { path, source }),
        }
    }
}

/// Reads a whole small file of a process, cut at a sane length.
pub(crate) fn read(path: PathBuf) -> Result<Vec<u8>, Refusal> {
    let mut text = Vec::new();
    match File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text)) {
        Ok(_) => Ok(text),
        Err(error) => Err(Refusal::new(path, error)),
    }
}

/// The files about a process's memory that a sample reads.
#[derive(Debug)]
pub(crate) struct MemoryFiles {
    pub(crate) smaps: OpenFile,
    pub(crate) statm: OpenFile,
    pub(crate) status: OpenFile,
}

impl MemoryFiles {
    /// Opens those of `folder`: a process's, or one of its threads'.
    pub(crate) fn open(folder: &Path) -> Result<Self, Refusal> {
        Ok(Self {
            smaps: OpenFile::open(folder.join("smaps"))?,
            statm: OpenFile::open(folder.join("statm"))?,
            status: OpenFile::open(folder.join("status"))?,
        })
    }

    /// Opens the list of mappings, which few samples read.
    pub(crate) fn maps(&self) -> Result<OpenFile, Refusal> {
        OpenFile::open(self.smaps.path().with_file_name("maps"))
    }

    /// Opens those of the first thread of the process in `folder` that has not ended, and returns
    /// its number.
    pub(crate) fn open_by_thread(folder: &Path) -> Result<(Self, u32), Refusal> {
        let opened = living_threads(folder)?
            .find_map(|tid| Some((Self::open(&thread_folder(folder, tid)).ok()?, tid)));
        opened.ok_or(Refusal::Gone)
    }
}

/// Returns the numbers of the threads of the process in `folder` that have not ended.
pub(crate) fn living_threads(folder: &Path) -> Result<impl Iterator<Item = u32>, Refusal> {
    let tasks = folder.join("task");
    let threads = match std::fs::read_dir(&tasks) {
        Ok(threads) => threads,
        Err(error) => return Err(Refusal::new(tasks, error)),
    };
    Ok(threads.flatten().filter_map(|thread| {
        let stat = OpenFile::open(thread.path().join("stat")).and_then(|file| file.stat());
        let lives = stat.is_ok_and(|stat| !stat.ended());
        thread.file_name().to_str()?.parse().ok().filter(|_| lives)
    }))
}

/// Returns the folder of a thread of the process in `folder`.
pub(crate) fn thread_folder(folder: &Path, tid: u32) -> PathBuf {
    folder.join("task").join(tid.to_string())
}

/// The mount point of procfs.
pub(crate) const PROC: &str = "/proc";

/// The hint for a process that may not be read.
pub const PERMISSION_HINT: &str = "run vmrec as the owner of the process or with sudo,\n\
     or give it the rights: sudo setcap cap_sys_ptrace,cap_dac_read_search=ep \"$(which vmrec)\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_many_groups_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status");
        for groups in [0, 500, 5000] {
            let groups: Vec<String> = (10_000..10_000 + groups).map(|id| id.to_string()).collect();
            let text = format!("Name:\ta\nGroups:\t{} \nThreads:\t50\n", groups.join(" "));
            std::fs::write(&path, &text).unwrap();
            let status = OpenFile::open(path.clone()).unwrap().status().unwrap();
            assert_eq!(status.threads, Some(50), "{} bytes", text.len());
        }
    }
}

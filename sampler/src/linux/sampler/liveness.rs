//! Finds out the fate of a process whose files have changed.

use std::time::Duration;

use crate::error::Error;
use crate::linux::executable::executable;
use crate::linux::files::{MemoryFiles, OpenFile, Refusal};
use crate::linux::process::refused;
use crate::linux::sampler::{Sampler, not_permitted};
use crate::procfs::stat::Stat;

/// How long to wait until a process that released its memory shows as ended.
const ENDING_PAUSE: Duration = Duration::from_millis(1);

impl Sampler {
    /// Reads stat and checks that it is still the attached process with the same program.
    pub(crate) fn living_stat(&self) -> Result<Stat, Error> {
        let pid = self.pid();
        let stat = match self.stat.stat() {
            Ok(stat) => stat,
            Err(Refusal::Gone) => return Err(self.gone()),
            Err(refusal) => return Err(refused(refusal, pid)),
        };
        if stat.start_ticks != self.process.id.start_ticks {
            return Err(Error::Reused { pid });
        }
        if stat.ended() && stat.threads <= 1 {
            return Err(Error::Exited { pid });
        }
        // 0 means that it is hidden, or that the first thread has ended.
        let known = stat.stack_start != 0 && self.stack_start != 0;
        if known && stat.stack_start != self.stack_start {
            return Err(Error::Replaced { pid });
        }
        Ok(stat)
    }

    /// Returns the error for a process that ended: whether its pid is reused.
    pub(crate) fn gone(&self) -> Error {
        let pid = self.pid();
        let again = OpenFile::open(self.folder.join("stat")).and_then(|file| file.stat());
        match again {
            Ok(stat) if stat.start_ticks != self.process.id.start_ticks => Error::Reused { pid },
            _ => Error::Exited { pid },
        }
    }

    /// Finds out why smaps is empty: an error, or another file to read.
    ///
    /// The open file stays bound to its address space, so an empty one means that nobody uses that
    /// address space any more.
    pub(crate) fn explain_empty(&mut self, tries: usize) -> Result<(), Error> {
        if tries > 0 {
            std::thread::sleep(ENDING_PAUSE);
        }
        if self.living_stat()?.ended() {
            return self.reopen(true);
        }
        let mut byte = [0];
        let again = OpenFile::open(self.folder.join("smaps"));
        match again.and_then(|smaps| smaps.read_at(&mut byte, 0)) {
            // Between releasing its memory and showing as ended.
            Ok(0) => Ok(()),
            Err(Refusal::Gone) => Err(self.gone()),
            // It may also run a program now that may not be read.
            Ok(_) | Err(_) => Err(Error::Replaced { pid: self.pid() }),
        }
    }

    pub(crate) fn reopen(&mut self, by_thread: bool) -> Result<(), Error> {
        let files = if by_thread {
            MemoryFiles::open_by_thread(&self.folder)
        } else {
            MemoryFiles::open(&self.folder).map(|files| (files, self.pid()))
        };
        match files {
            Ok((files, tid)) => {
                self.reader.follow(tid);
                self.files = files;
                self.by_thread = by_thread;
                Ok(())
            }
            Err(Refusal::NotPermitted) => Err(not_permitted(&self.process)),
            Err(Refusal::Gone) => Err(self.gone()),
            Err(refusal) => Err(refused(refusal, self.pid())),
        }
    }

    /// Returns whether the executable differs from the one at attach.
    pub(crate) fn runs_another_file(&self) -> bool {
        let (path, _) = executable(&self.folder);
        path.is_some() && self.process.executable.is_some() && path != self.process.executable
    }
}

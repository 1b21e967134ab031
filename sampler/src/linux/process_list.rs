//! Lists all processes again and again, at little cost where nothing changes.

use std::os::unix::fs::DirEntryExt;
use std::path::Path;

use crate::linux::files::{OpenFile, PROC};
use crate::listing::{KnownProcesses, ListChanges, ListedProcess};
use crate::procfs::line::decimal;

/// The processes of this system, as they come and go: without threads of the kernel.
#[derive(Debug)]
pub struct ProcessList {
    known: KnownProcesses,
    /// The file whose last word is the number given to the newest process or thread.
    load: Option<OpenFile>,
    newest: Option<u64>,
}

impl ProcessList {
    /// Whether the list may be brought up to date many times a second: the kernel shows at once whether one began.
    pub const IS_CHEAP: bool = true;

    /// Creates an empty list.
    pub fn new() -> Self {
        let load = OpenFile::open(Path::new(PROC).join("loadavg")).ok();
        Self { known: KnownProcesses::default(), load, newest: None }
    }

    /// Returns whether a process may have begun since this was last asked: not if no number was
    /// given to one.
    pub fn may_have_grown(&mut self) -> bool {
        let newest = self.load.as_ref().and_then(newest);
        let same = newest.is_some() && newest == self.newest;
        self.newest = newest;
        !same
    }

    /// Returns whether the last list had a process of this number.
    pub fn contains(&self, pid: u32) -> bool {
        self.known.contains(pid)
    }

    /// Looks at one process; `None` if it is gone, or a thread of the kernel.
    pub fn look(&self, pid: u32) -> Option<ListedProcess> {
        look(pid)
    }

    /// Lists all processes, and returns how that differs from the list before.
    pub fn refresh(&mut self) -> ListChanges {
        let Ok(folders) = std::fs::read_dir(PROC) else { return ListChanges::default() };
        let listed = folders.flatten().filter_map(|folder| {
            let name = folder.file_name();
            // The inode of a folder stays for as long as the process, or is given anew.
            Some((name.to_str()?.parse().ok()?, folder.ino()))
        });
        self.known.update(listed, look)
    }
}

impl Default for ProcessList {
    fn default() -> Self {
        Self::new()
    }
}

fn newest(load: &OpenFile) -> Option<u64> {
    let mut text = [0; 128];
    let count = load.read_at(&mut text, 0).ok()?;
    decimal(text[..count].trim_ascii().rsplit(|byte| *byte == b' ').next()?)
}

fn look(pid: u32) -> Option<ListedProcess> {
    let path = Path::new(PROC).join(pid.to_string()).join("stat");
    let stat = OpenFile::open(path).and_then(|file| file.stat()).ok()?;
    (!stat.kernel_thread).then_some(ListedProcess {
        pid,
        start_ticks: stat.start_ticks,
        parent_pid: stat.parent_pid,
        ended: stat.ended() && stat.threads <= 1,
        short_name: stat.comm,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_comes_and_goes() {
        let mut list = ProcessList::new();
        let me = std::process::id();
        assert!(list.may_have_grown(), "nothing is known yet");
        assert!(list.refresh().came.iter().any(|process| process.pid == me));
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(list.may_have_grown());
        let came = list.refresh().came;
        let found = came.iter().find(|process| process.pid == child.id()).unwrap();
        assert_eq!(found.parent_pid, me);
        let again = list.refresh();
        assert!(!again.came.iter().any(|process| process.pid == child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(list.refresh().gone.contains(&(found.pid, found.start_ticks)));
    }
}

//! Lists all processes again and again.

use crate::darwin::parent::listed_parent;
use crate::listing::{KnownProcesses, ListChanges, ListedProcess};
use crate::macos::ffi::libproc;
use crate::macos::process::info;

/// The processes of this system, as they come and go: without the kernel's task.
#[derive(Debug, Default)]
pub struct ProcessList {
    known: KnownProcesses,
}

impl ProcessList {
    /// Whether the list may be brought up to date many times a second: every process is asked.
    pub const IS_CHEAP: bool = false;

    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns whether a process may have begun since this was last asked: always, because the
    /// kernel offers no quicker way than to list them.
    pub const fn may_have_grown(&mut self) -> bool {
        true
    }

    /// Returns whether the last list had a process of this number.
    pub fn contains(&self, pid: u32) -> bool {
        self.known.contains(pid)
    }

    /// Looks at one process; `None` if it is gone.
    pub fn look(&self, pid: u32) -> Option<ListedProcess> {
        look(pid)
    }

    /// Lists all processes, and returns how that differs from the list before.
    pub fn refresh(&mut self) -> ListChanges {
        let pids = libproc::pids().into_iter();
        let processes: Vec<ListedProcess> =
            pids.filter_map(|pid| look(u32::try_from(pid).ok()?)).collect();
        let listed = processes.iter().map(|process| (process.pid, process.start_ticks));
        self.known
            .update(listed, |pid| processes.iter().find(|process| process.pid == pid).cloned())
    }
}

fn look(pid: u32) -> Option<ListedProcess> {
    let (info, ended) = (pid > 0).then(|| info(pid).ok()).flatten()?;
    Some(ListedProcess {
        pid,
        start_ticks: info.id.start_ticks,
        ended,
        parent_pid: listed_parent(
            pid,
            info.parent_pid.unwrap_or(0),
            libproc::responsible(i32::try_from(pid).ok()?),
        ),
        short_name: info.short_name,
    })
}

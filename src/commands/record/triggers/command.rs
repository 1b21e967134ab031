//! Runs the command of `--run`: beside the recorder, which never waits for it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::commands::record::target::status_number;
use crate::commands::record::triggers::beside::Ends;

/// How many groups of processes are remembered, of commands that were started.
const MAX_GROUPS: usize = 64;

/// A command that is run again and again, once at a time for each condition.
pub(crate) struct Runner {
    command: String,
    /// The conditions whose command runs.
    running: Vec<bool>,
    /// The process groups of commands that were started last.
    groups: Vec<u32>,
    ends: Ends<End>,
}

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// The index of its condition.
    pub(crate) condition: usize,
    /// Its exit code, or 128 + the signal that ended it; `None` if that is not known.
    pub(crate) status: Option<i32>,
}

/// The outcome of starting a command.
#[derive(Debug)]
pub(crate) enum Started {
    Running,
    /// The one before has not ended: it is not started again.
    StillRunning,
    Failed(io::Error),
}

impl Runner {
    /// Prepares to run a command for so many conditions.
    pub(crate) fn new(command: &str, conditions: usize) -> Self {
        let running = vec![false; conditions];
        Self { command: command.to_owned(), running, groups: Vec::new(), ends: Ends::new() }
    }

    /// Starts the command for a condition, unless it runs for that already.
    pub(crate) fn start<'a>(
        &mut self,
        condition: usize,
        variables: impl IntoIterator<Item = (&'a str, &'a OsStr)>,
    ) -> Started {
        let Some(running) = self.running.get_mut(condition) else { return Started::StillRunning };
        if *running {
            return Started::StillRunning;
        }
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&self.command).envs(variables).stdin(Stdio::null());
        // Standard output is that of a command which is recorded.
        command.stdout(
            io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from),
        );
        let started = self.ends.start(&mut command, move |mut child| {
            let status = child.wait().ok().map(status_number);
            End { condition, status }
        });
        let group = match started {
            Ok(pid) => pid,
            Err(error) => return Started::Failed(error),
        };
        *running = true;
        if self.groups.len() == MAX_GROUPS {
            self.groups.remove(0);
        }
        self.groups.push(group);
        Started::Running
    }

    /// Returns the next command that has ended, waiting until `deadline`.
    pub(crate) fn ended(&mut self, deadline: Instant) -> Option<End> {
        let end = self.ends.next(deadline)?;
        if let Some(running) = self.running.get_mut(end.condition) {
            *running = false;
        }
        Some(end)
    }

    /// Returns whether the command runs for any condition.
    pub(crate) fn is_running_any(&self) -> bool {
        self.running.contains(&true)
    }

    /// Returns whether the command runs for a condition.
    pub(crate) fn is_running(&self, condition: usize) -> bool {
        self.running.get(condition).is_some_and(|running| *running)
    }

    /// Returns whether a process is one of such a command.
    pub(crate) fn has(&self, pid: u32) -> bool {
        !self.groups.is_empty()
            && vmrec_sampler::process_group(pid).is_some_and(|group| self.groups.contains(&group))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[test]
    fn a_command_runs_once_at_a_time_for_each_condition_and_is_reaped() {
        let mut runner = Runner::new("test \"$N\" = 7; exit $((N + $?))", 2);
        let seven = OsStr::new("7");
        assert!(matches!(runner.start(0, [("N", seven)]), Started::Running));
        assert!(matches!(runner.start(0, [("N", seven)]), Started::StillRunning));
        assert!(matches!(runner.start(1, [("N", OsStr::new("8"))]), Started::Running));
        assert!(runner.is_running(0) && runner.is_running(1));
        let mut ends: Vec<End> = (0..2).filter_map(|_| runner.ended(soon())).collect();
        ends.sort_by_key(|end| end.condition);
        let end = |condition, status| End { condition, status: Some(status) };
        assert_eq!(ends, [end(0, 7), end(1, 9)]);
        assert!(matches!(runner.start(0, []), Started::Running), "again once it has ended");
        assert!(runner.ended(soon()).is_some());
    }

    #[test]
    fn its_processes_are_known_by_their_group() {
        let mut runner = Runner::new("sleep 60 & wait", 1);
        assert!(!runner.has(std::process::id()));
        assert!(matches!(runner.start(0, []), Started::Running));
        let group = runner.groups[0];
        assert!(runner.has(group) && !runner.has(std::process::id()));
        vmrec_sampler::send_signal(group, 9).unwrap();
        assert_eq!(runner.ended(soon()), Some(End { condition: 0, status: Some(137) }));
        // The child that it left is of its group still.
        let left = vmrec_sampler::processes().into_iter().filter(|one| runner.has(one.id.pid));
        left.for_each(|one| vmrec_sampler::send_signal(one.id.pid, 9).unwrap());
    }
}

//! The processes that a session begins with, and those that join it as they come.

use std::time::Instant;

use vmrec_sampler::ListedProcess;

use crate::commands::record::family::{ControlGroup, Family};

impl Family<'_> {
    /// Adds the processes asked for, and with `--tree` all that descend from them.
    pub(super) fn begin(&mut self, roots: Vec<ListedProcess>) {
        for process in roots {
            // The same process may be asked for by its number and by its name.
            if !self.members.pids().contains(&process.pid) {
                self.members.add(process, true);
            }
        }
        self.list.may_have_grown();
        let came = self.list.refresh().came;
        self.choose(came);
        self.members.has_begun = true;
    }

    /// Adds those of new processes that belong to the session.
    fn choose(&mut self, mut came: Vec<ListedProcess>) {
        if !self.args.host {
            // A command that vmrec runs is its own child, as adopted orphans are.
            came.retain(|process| !self.triggers.is_own(process.pid));
        }
        let list = &self.list;
        let members = self.members.pids();
        let named = self.selection.by_name(
            &came,
            &members,
            |pid| list.look(pid),
            vmrec_sampler::program_name,
        );
        let grouped = self.group.iter().flat_map(ControlGroup::pids);
        let grouped = grouped.filter(|pid| !members.contains(pid));
        let grouped: Vec<_> = grouped.filter_map(|pid| list.look(pid)).collect();
        for process in named.into_iter().chain(grouped) {
            if process.pid != self.selection.own_pid && !self.members.pids().contains(&process.pid)
            {
                self.members.add(process, true);
            }
        }
        let members = self.members.pids();
        let chosen =
            self.selection.choose(came, &members, |pid| list.contains(pid), |pid| list.look(pid));
        for process in chosen {
            self.members.add(process, false);
        }
    }

    /// Looks for new processes, if there may be any.
    pub(super) fn discover(&mut self) {
        // A process may move into a group without having just begun.
        let grown = self.list.may_have_grown() || self.selection.is_undecided();
        if grown || self.group.is_some() && self.awaited.is_empty() {
            let begun = Instant::now();
            let changes = self.list.refresh();
            self.choose(changes.came);
            self.pace.listed(begun.elapsed());
        }
    }
}

//! Watches for processes that a command starts while it alone is recorded, so that its end can
//! name them: a wrapper's memory is little beside that of its children.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use vmrec_report::units::{counted, size};
use vmrec_sampler::{ListedProcess, ProcessList, sort_by_key};

use crate::commands::record::events::{Event, Events};
use crate::commands::record::family::selection::Selection;

/// How often to look between two samples.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// How many processes are named.
const SHOWN: usize = 3;

/// The processes that descend from a command.
pub(crate) struct Unrecorded {
    command: u32,
    list: ProcessList,
    selection: Selection,
    living: BTreeMap<u32, u64>,
    count: u64,
    /// The largest by resident size: bytes, name, number.
    largest: Vec<(u64, String, u32)>,
}

impl Unrecorded {
    /// Watches for descendants of a process.
    pub(crate) fn of(pid: u32) -> Self {
        let list = ProcessList::new();
        let start_ticks = list.look(pid).map_or(0, |listed| listed.start_ticks);
        Self {
            command: pid,
            list,
            selection: Selection::new(true, std::process::id(), false),
            living: BTreeMap::from([(pid, start_ticks)]),
            count: 0,
            largest: Vec::new(),
        }
    }

    /// Waits for an event until `deadline`, and looks at the processes meanwhile.
    pub(crate) fn wait(&mut self, events: &Events, deadline: Instant) -> Option<Event> {
        self.look();
        loop {
            let next = deadline.min(Instant::now() + CHECK_EVERY);
            let next = if ProcessList::IS_CHEAP { next } else { deadline };
            let event = events.wait_until(next);
            if event.is_some() || next >= deadline {
                return event;
            }
            self.look();
        }
    }

    /// Looks for new processes, and at the size of those known.
    pub(crate) fn look(&mut self) {
        if self.list.may_have_grown() {
            let changes = self.list.refresh();
            for (pid, start_ticks) in changes.gone {
                if self.living.get(&pid) == Some(&start_ticks) {
                    self.living.remove(&pid);
                }
            }
            let members: BTreeSet<u32> = self.living.keys().copied().collect();
            let list = &self.list;
            let chosen = self.selection.choose(
                changes.came,
                &members,
                |pid| list.contains(pid),
                |pid| list.look(pid),
            );
            for ListedProcess { pid, start_ticks, .. } in chosen {
                self.count += 1;
                self.living.insert(pid, start_ticks);
                self.rank(pid, start_ticks);
            }
        } else {
            let known: Vec<(u32, u64)> = self
                .living
                .iter()
                .map(|(pid, start_ticks)| (*pid, *start_ticks))
                .filter(|(pid, _)| *pid != self.command)
                .collect();
            known.into_iter().for_each(|(pid, start_ticks)| self.rank(pid, start_ticks));
        }
    }

    /// Remembers the size of a process, if it is among the largest.
    fn rank(&mut self, pid: u32, start_ticks: u64) {
        let Some(bytes) = vmrec_sampler::resident_bytes(pid) else { return };
        let known = self.largest.iter_mut().find(|(_, _, known)| *known == pid);
        match known {
            Some((max, name, _)) if bytes > *max => {
                *max = bytes;
                // It may run another program by now.
                if let Some(listed) = self.list.look(pid) {
                    *name = listed.short_name;
                }
            }
            Some(_) => {}
            None => {
                let smallest = self.largest.last().map_or(0, |(bytes, ..)| *bytes);
                if self.largest.len() >= SHOWN && bytes <= smallest {
                    return;
                }
                let listed = self.list.look(pid).filter(|now| now.start_ticks == start_ticks);
                self.largest.extend(listed.map(|listed| (bytes, listed.short_name, pid)));
            }
        }
        sort_by_key(&mut self.largest, |(bytes, _, pid)| (Reverse(*bytes), *pid));
        self.largest.truncate(SHOWN);
    }

    /// Returns what to know of them at the end. Not escaped.
    pub(crate) fn words(&self) -> Option<String> {
        if self.count == 0 {
            return None;
        }
        let names: Vec<String> = self
            .largest
            .iter()
            .map(|(bytes, name, pid)| format!("{name} (pid {pid}) {} resident", size(*bytes)))
            .collect();
        let named = if names.is_empty() {
            String::new()
        } else {
            format!(": largest {}", names.join(", "))
        };
        let processes = counted(self.count, "process", "processes");
        Some(format!("not recorded: {processes} that the command started{named}"))
    }
}

//! The processes that are recorded, each with its stacks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::linux::process::process_info;
use crate::linux::stacks::events::Events;
use crate::linux::stacks::files::Files;
use crate::linux::stacks::process::Process;
use crate::linux::stacks::ring::Source;
use crate::snapshot::Snapshot;
use crate::stacks::model::{StackCounts, StackTick};
use crate::stacks::pace::Pace;
use crate::stacks::record::Record;

/// The time over which the rate of faults is taken.
const RATE_TIME: Duration = Duration::from_millis(500);
/// The time between two readings of the kernel's counts of losses.
const LOSSES_AGE: Duration = Duration::from_millis(20);
/// How long a process that has ended is remembered: a last sample of it may be under way.
const REMEMBERED: Duration = Duration::from_secs(10);
/// The maximum number of processes.
const MAX_PROCESSES: usize = 4096;

/// All processes, and their events.
pub(crate) struct State {
    /// Whether processes that others start are recorded too.
    children: bool,
    /// Whether others may join.
    several: bool,
    events: Events,
    pub(crate) files: Files,
    pub(crate) processes: HashMap<u32, Process>,
    /// Processes that have ended, and when.
    gone: Vec<(u32, Instant)>,
    records: u64,
    lost_records: u64,
    lost_faults: u64,
    lost_calls: u64,
    pace: Pace,
    /// When the kernel's counts of losses were read, and the faults and calls lost then: records of
    /// losses come later.
    counted_losses: (Instant, u64, u64),
    /// When the rate was looked at, and the records and losses then.
    paced: (Instant, u64, u64),
}

impl State {
    pub(crate) fn new(
        children: bool,
        several: bool,
        events: Events,
        files: Files,
        processes: HashMap<u32, Process>,
        pace: Pace,
    ) -> Self {
        Self {
            children,
            several,
            events,
            files,
            processes,
            gone: Vec::new(),
            records: 0,
            lost_records: 0,
            lost_faults: 0,
            lost_calls: 0,
            pace,
            counted_losses: (Instant::now(), 0, 0),
            paced: (Instant::now(), 0, 0),
        }
    }

    /// Adds a record.
    pub(crate) fn record(&mut self, source: Source, record: &Record<'_>) {
        match record {
            Record::Sample(sample) => {
                let Some(process) = self.processes.get_mut(&sample.pid) else { return };
                match sample.call {
                    Some(call) => process.call(sample, call),
                    None => {
                        self.records += 1;
                        process.fault(sample, self.events.period());
                    }
                }
            }
            Record::Lost(lost) if source == Source::Calls => self.lost_calls += lost,
            Record::Lost(lost) => {
                self.lost_records += lost;
                self.lost_faults += lost.saturating_mul(self.events.period());
            }
            Record::Mapping(mapping) => {
                if let Some(process) = self.processes.get_mut(&mapping.pid) {
                    process.mapping(mapping);
                }
            }
            Record::Exec { pid } => {
                // The record of its begin may come a moment later, from another processor.
                if self.takes_children() && !self.processes.contains_key(pid) {
                    let process = Process::new(*pid, &self.files);
                    self.begins(*pid, process, None);
                }
                if let Some(process) = self.processes.get_mut(pid) {
                    process.exec();
                }
            }
            Record::Fork { pid, parent } => {
                if self.takes_children() && pid != parent {
                    let is_new = self.gone.iter().any(|(gone, _)| gone == pid);
                    if is_new || !self.processes.contains_key(pid) {
                        let process = match self.processes.get(parent) {
                            Some(parent) => parent.forked(*pid),
                            None => Process::new(*pid, &self.files),
                        };
                        self.begins(*pid, process, Some(*parent));
                    }
                }
            }
            Record::Exit { pid, thread } => {
                if pid == thread && self.processes.contains_key(pid) {
                    self.gone.push((*pid, Instant::now()));
                }
            }
            Record::Other => {}
        }
    }

    fn takes_children(&self) -> bool {
        self.children && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.processes.len() < MAX_PROCESSES
    }

    /// Adds a process that inherited the events of its parent.
    fn begins(&mut self, pid: u32, process: Process, parent: Option<u32>) {
        self.processes.insert(pid, process);
        // A number that is used again is another process.
        self.gone.retain(|(gone, _)| *gone != pid);
        self.events.inherited(pid, parent);
    }

    /// Reads the kernel's counts of losses, if that was not done a moment ago.
    pub(crate) fn count_losses(&mut self) {
        if self.counted_losses.0.elapsed() >= LOSSES_AGE {
            let (faults, calls) = (self.events.lost_faults(), self.events.lost_calls());
            self.counted_losses = (Instant::now(), faults, calls);
        }
    }

    /// Takes note that all calls until then were added.
    pub(crate) fn known_until(&mut self, time_ns: u64) {
        if self.events.records_calls() {
            self.processes.values_mut().for_each(|process| process.known_until(time_ns));
        }
    }

    /// Forgets processes that ended a while ago, but for those that other threads go on with.
    pub(crate) fn forget(&mut self) {
        let Self { gone, processes, events, several, .. } = self;
        if !*several {
            return;
        }
        gone.retain(|(pid, since)| {
            let stays = since.elapsed() < REMEMBERED;
            if !stays && process_info(*pid).is_err() {
                processes.remove(pid);
                events.ended(*pid);
            }
            stays
        });
    }

    /// Ends the events of page faults if another period is due; returns whether it did.
    pub(crate) fn closes_events(&mut self) -> bool {
        let (since, records, lost) = self.paced;
        let time = since.elapsed();
        if time < RATE_TIME {
            return false;
        }
        let (new_records, new_lost) = (self.records - records, self.lost_records - lost);
        let changed = self.pace.passed(time, new_records, new_lost);
        if changed {
            self.events.close();
        }
        self.paced = (Instant::now(), self.records, self.lost_records);
        changed
    }

    /// Begins those of the period that is due.
    pub(crate) fn open_events_again(&mut self) {
        self.events.open_again(self.pace.period());
        self.paced = (Instant::now(), self.records, self.lost_records);
    }

    /// Begins the events of a process that was found otherwise than by its parent; returns whether it
    /// is to be recorded from now on. One that is `new` is not the one of that number that has ended.
    pub(crate) fn follows(&mut self, pid: u32, new: bool) -> bool {
        let has_ended = new && self.gone.iter().any(|(gone, _)| *gone == pid);
        let follows = self.several
            && self.has_room()
            && (has_ended || !self.processes.contains_key(&pid))
            // Its own work would be more work.
            && pid != std::process::id()
            && self.events.add(pid).is_ok();
        if follows && has_ended {
            self.processes.remove(&pid);
            self.gone.retain(|(gone, _)| *gone != pid);
        }
        follows
    }

    /// Returns the stacks of a process, at the time of `snapshot`; `None` if it has no events.
    pub(crate) fn tick(&mut self, pid: u32, snapshot: &Snapshot) -> Option<StackTick> {
        let process = self.processes.get_mut(&pid)?;
        let calls = self.events.records_calls();
        let (_, lost_faults, lost_calls) = self.counted_losses;
        // The kernel counts those of all together.
        let faults = (!self.several).then(|| self.events.count());
        let mut tick = StackTick {
            counts: StackCounts {
                period: self.pace.period(),
                faults,
                sampled_faults: 0,
                lost_faults: self.lost_faults.max(lost_faults),
                sees_kernel: self.events.sees_kernel(),
                lost_calls: calls.then_some(self.lost_calls.max(lost_calls)),
                allocs: None,
            },
            ..StackTick::default()
        };
        let (time_ns, regions) = (snapshot.taken.monotonic_ns, &snapshot.regions);
        (tick.nodes, tick.live) = process.tick(time_ns, regions, calls);
        tick.counts.sampled_faults = process.sampled_faults;
        Some(tick)
    }
}

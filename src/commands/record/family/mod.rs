//! Records several processes at once: targets, and their children as they come and go.
//!
//! The loop here owns the order of things; its parts decide: `selection` which processes belong,
//! `members` what became of each, `pool` looks at them, `ledger` writes, `progress` shows.

mod cgroup;
mod discover;
mod finish;
mod ledger;
mod members;
mod name_counts;
mod outcome;
mod pace;
mod pool;
mod progress;
pub(crate) mod selection;
mod stacks;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use vmrec_report::ProcessSizes;
use vmrec_sampler::{Error as SamplerError, ListedProcess, ProcessList, UserRule};
use vmrec_store::{SessionId, WhyEnded};

use crate::commands::record::args::{RecordArgs, SPARE};
use crate::commands::record::events::{Event, Events, GRACE, Looked, MemberId};
pub(crate) use crate::commands::record::family::cgroup::ControlGroup;
use crate::commands::record::family::ledger::{Ledger, Written};
use crate::commands::record::family::members::Members;
use crate::commands::record::family::outcome::Outcome;
use crate::commands::record::family::pace::Pace;
use crate::commands::record::family::pool::Pool;
use crate::commands::record::family::progress::{FamilyProgress, TickFigures};
use crate::commands::record::family::selection::Selection;
use crate::commands::record::schedule::Schedule;
use crate::commands::record::session::Output;
use crate::commands::record::stack_source::StackSource;
use crate::commands::record::target::Target;
use crate::commands::record::triggers::{StoredSample, Triggers};
use crate::failure::Failure;

/// The least time that the looks of one tick are waited for; half the interval, if that is longer.
const MIN_TICK_PATIENCE: Duration = Duration::from_millis(500);

/// The same for the first tick, which reads the files that all processes map.
const FIRST_TICK_PATIENCE: Duration = Duration::from_secs(10);

/// How often the looks of a tick are checked for one that keeps the others waiting.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// How many refusals are described; others are counted.
const SHOWN_REFUSALS: u32 = 3;

/// A session being recorded.
pub(crate) struct Family<'a> {
    args: &'a RecordArgs,
    path: &'a Path,
    events: &'a Events,
    /// The command that vmrec started.
    target: Option<Target>,
    list: ProcessList,
    selection: Selection,
    /// The control group whose processes are recorded.
    group: Option<ControlGroup>,
    /// Whether the session goes on when no process is left.
    keeps_waiting: bool,
    members: Members,
    pool: Pool,
    ledger: Ledger,
    triggers: Triggers,
    stacks: Option<StackSource>,
    progress: FamilyProgress,
    pace: Pace,
    begun: Instant,
    schedule: Schedule,
    /// Looks of this tick that have not come back.
    awaited: BTreeSet<MemberId>,
    is_first_tick: bool,
    /// Processor time of samples since the last tick was shown.
    cpu_ns: u64,
    refusals: u32,
    /// The error of the last root that could not be read.
    refused: Option<SamplerError>,
}

/// The processes to begin with.
pub(crate) enum Roots {
    /// A command that vmrec started, and whether vmrec becomes the parent of its orphans.
    Command { target: Target, adopts: bool },
    /// Processes found, and what else is recorded as it comes.
    Found(Vec<ListedProcess>, Watched),
}

/// Processes that are recorded as they come, besides descendants.
#[derive(Default)]
pub(crate) struct Watched {
    /// The names of executables.
    pub(crate) names: BTreeSet<String>,
    /// The control group.
    pub(crate) group: Option<ControlGroup>,
}

/// What was recorded.
pub(crate) struct FamilyRecorded {
    /// The session; `None` if it has no sample, or failed.
    pub(crate) session: Option<SessionId>,
    /// The exit status of the command that vmrec started.
    pub(crate) status: Option<i32>,
}

/// Records until something ends it.
pub(crate) fn record(
    args: &RecordArgs,
    events: &Events,
    rules: Vec<UserRule>,
    roots: Roots,
    output: Output<'_>,
) -> Result<FamilyRecorded, Failure> {
    // Several files of each process stay open.
    vmrec_sampler::raise_open_files();
    let Output { path, writer, retention, triggers } = output;
    let list = ProcessList::new();
    let (mut target, adopts, roots, watched) = match roots {
        Roots::Command { target, adopts } => {
            let listed = list.look(target.pid());
            (Some(target), adopts, listed.into_iter().collect(), Watched::default())
        }
        Roots::Found(found, watched) => (None, false, found, watched),
    };
    let keeps_waiting = args.host || args.follow || args.has_group();
    let mut selection = Selection::new(args.tree, std::process::id(), adopts);
    (selection.host, selection.names) = (args.host, watched.names);
    let stacks = stacks::source(args, target.as_mut(), &roots)?;
    let mut family = Family {
        stacks,
        args,
        events,
        list,
        selection,
        group: watched.group,
        keeps_waiting,
        members: Members::default(),
        pool: Pool::new(events, rules, args),
        ledger: Ledger::new(writer, args, retention)?,
        triggers,
        schedule: Schedule::new(args.every),
        begun: Instant::now(),
        path,
        progress: FamilyProgress::start(args, path),
        pace: Pace::new(args.every),
        awaited: BTreeSet::new(),
        is_first_tick: true,
        cpu_ns: 0,
        refusals: 0,
        refused: None,
        target,
    };
    family.begin(roots);
    let ended = family.run();
    family.finish(path, ended)
}

impl Family<'_> {
    /// Takes samples until something ends it.
    fn run(&mut self) -> Result<WhyEnded, Failure> {
        // The command line is read.
        vmrec_sampler::release_own_code();
        self.begun = Instant::now();
        let begun = self.begun;
        loop {
            if let Some(why) = self.tick()? {
                return Ok(why);
            }
            self.is_first_tick = false;
            if self.args.samples.is_some_and(|max| self.progress.ticks() >= max.get()) {
                return Ok(WhyEnded::Finished);
            }
            if self.members.is_empty() && self.target.is_none() && !self.keeps_waiting {
                return Ok(WhyEnded::TargetExited(None));
            }
            let tick = self.schedule.next(begun.elapsed());
            if tick.missed > 0 {
                self.ledger.missed(&self.members, tick.missed, self.args.every)?;
                self.progress.missed(tick.missed);
            }
            if let Some(why) = self.ledger.left_out() {
                self.progress.regions_left_out(&why);
            }
            let has_time = || tick.due.saturating_sub(begun.elapsed()) >= SPARE;
            if let Err(failure) = self.ledger.prune(self.events, has_time) {
                self.progress.not_pruned(&failure);
            }
            let end_due = self.args.duration.filter(|duration| *duration < tick.due);
            if let Some(why) = self.wait(begun + end_due.unwrap_or(tick.due))? {
                return Ok(why);
            }
            if end_due.is_some() {
                return Ok(WhyEnded::Finished);
            }
        }
    }

    /// Samples all processes and writes the samples in one transaction; returns what ends the
    /// session, if something did.
    fn tick(&mut self) -> Result<Option<WhyEnded>, Failure> {
        // First samples that came between the ticks.
        self.write()?;
        self.discover();
        let at = vmrec_sampler::now();
        self.members.wait_for_late(at);
        let looks = self.members.looks(at);
        self.awaited = looks.iter().map(|look| look.member).collect();
        self.pool.request(looks);
        let patience = MIN_TICK_PATIENCE.max(self.args.every / 2);
        let patience = if self.is_first_tick { FIRST_TICK_PATIENCE } else { patience };
        let mut limit = Instant::now() + patience;
        let mut why = None;
        while !self.awaited.is_empty() && Instant::now() < limit {
            match self.events.wait_until(limit.min(Instant::now() + CHECK_EVERY)) {
                None => self.pool.relieve(),
                Some(event) => {
                    let ended = self.happened(event)?;
                    if ended.is_some() && why.is_none() {
                        limit = limit.min(Instant::now() + GRACE);
                        why = ended;
                    }
                }
            }
        }
        self.write()?;
        // Sums over no process would hide those of the last ones.
        if self.members.sampled() > 0 {
            self.progress.tick(&TickFigures {
                processes: self.members.sampled(),
                first: self.members.initial.unwrap_or(ProcessSizes::ZERO),
                sizes: self.members.sizes(),
                cpu_ns: std::mem::take(&mut self.cpu_ns),
                file_bytes: self.ledger.file_bytes(),
                grown: self.members.grown(),
                largest: self.members.largest(),
            });
        } else if self.members.is_empty()
            && !self.keeps_waiting
            && let Some(error) = self.refused.take()
        {
            return Err(error.into());
        }
        Ok(why)
    }

    /// Waits for the next tick; meanwhile new processes get their first samples, as far as the pace
    /// permits.
    fn wait(&mut self, until: Instant) -> Result<Option<WhyEnded>, Failure> {
        loop {
            let now = Instant::now();
            if now >= until {
                return Ok(None);
            }
            let next = self.pace.next_check(now).unwrap_or(until).min(until);
            match self.events.wait_until(next) {
                Some(event) => {
                    if let Some(why) = self.happened(event)? {
                        return Ok(Some(why));
                    }
                }
                None if next < until => {
                    if self.pace.may_list(Instant::now()) {
                        self.discover();
                    }
                    self.pool.relieve();
                    if self.pace.may_look(Instant::now()) {
                        self.pool.request(
                            self.members.first_looks(self.pace.settled(next), vmrec_sampler::now()),
                        );
                    }
                    if self.members.has_samples() && !self.members.is_looking() {
                        self.write()?;
                    }
                }
                None => {}
            }
        }
    }

    /// Takes an event; returns what ends the session, if it does.
    fn happened(&mut self, event: Event) -> Result<Option<WhyEnded>, Failure> {
        match event {
            Event::Looked(looked) => self.looked(*looked),
            Event::Exited(status) => {
                if let Some(target) = &mut self.target {
                    target.exited(status);
                }
                Ok(Some(WhyEnded::TargetExited(status)))
            }
            Event::Signal { signal, forward } => Ok(match &self.target {
                Some(target) => {
                    // The command decides what a signal means to it; its exit ends the session.
                    if forward {
                        target.forward(signal);
                    }
                    None
                }
                None => Some(WhyEnded::Interrupted),
            }),
            Event::Sampled(_) | Event::Done => Ok(None),
        }
    }

    fn looked(&mut self, looked: Looked) -> Result<Option<WhyEnded>, Failure> {
        let id = looked.member;
        self.awaited.remove(&id);
        if looked.attached.is_some() && !self.is_first_tick {
            self.pace.looked(looked.took);
        }
        if let Ok(snapshot) = &looked.sampled.snapshot {
            self.cpu_ns += snapshot.cost.cpu_ns;
            let of = looked.attached.as_ref().or_else(|| self.members.get(id)?.process.as_ref());
            if let Some(process) = of {
                self.triggers.judge(id, process.id.pid, Some(process.name()), snapshot);
            }
        }
        // One that was refused is not asked for again at each tick.
        let member = self.members.get(id).filter(|member| !member.stacks.refused);
        let stacks = self.stacks.as_ref().filter(|_| looked.sampled.snapshot.is_ok());
        let tick =
            stacks.zip(member).map(|(stacks, of)| stacks::tick(stacks, &looked, of.listed.pid));
        if self.is_first_tick && self.members.is_root(id) {
            looked
                .sampled
                .notes
                .iter()
                .for_each(|note| self.progress.say(&format!("note: {note}")));
        }
        match self.members.looked(looked) {
            outcome @ (Outcome::Sampled | Outcome::Unknown) => {
                if let Some(tick) = tick {
                    self.members.stacks(id, tick, matches!(outcome, Outcome::Sampled));
                }
            }
            Outcome::Replaced => {
                if let (Some(stacks), Some(pid)) = (&self.stacks, self.members.pid(id)) {
                    stacks.restart(pid);
                }
                self.triggers.forget(id);
                let look = self.members.look(id);
                self.awaited.extend(look.as_ref().map(|look| look.member));
                self.pool.request(look);
            }
            Outcome::Gone => {
                self.triggers.forget(id);
                let pid = self.members.pid(id);
                let is_command = self.target.as_ref().is_some_and(|t| Some(t.pid()) == pid);
                if is_command && let Some(target) = &mut self.target {
                    let status = target.wait(self.events);
                    self.members.remove_ended(id, status, self.members.looked_at());
                    return Ok(Some(WhyEnded::TargetExited(status)));
                }
                let adopted = pid.filter(|_| self.selection.adopts);
                let status = adopted.and_then(vmrec_sampler::reap);
                self.members.remove_ended(id, status, self.members.looked_at());
            }
            Outcome::Refused(error) => {
                self.triggers.forget(id);
                self.refusals += 1;
                if self.refusals <= SHOWN_REFUSALS {
                    self.progress.say(&format!("not recorded: {error}"));
                }
                self.members.remove_refused(id, &error);
                self.refused = Some(error);
            }
        }
        Ok(None)
    }

    fn write(&mut self) -> Result<(), Failure> {
        match self.ledger.write(&mut self.members)? {
            Written::Kept(samples) => self.progress.kept(samples),
            Written::Lost(failure) => self.progress.lost(&failure),
        }
        let (members, session) = (&self.members, self.ledger.session());
        let stored = |id| {
            let member = members.get(id);
            let recording = member.and_then(|member| member.recording);
            StoredSample { session, recording, number: member.and_then(|member| member.number) }
        };
        let ledger = &mut self.ledger;
        let effect = self.triggers.act(self.path, stored, |of, at, text| ledger.mark(of, at, text));
        let mut notes = effect.notes;
        notes.extend(self.triggers.look_at_heaps(
            self.path,
            |after| self.ledger.marks_after(after),
            |recording| members.pid_of(recording),
        ));
        if !notes.is_empty() {
            self.progress.fired(&notes);
        }
        if let Some(burst) = effect.burst {
            self.schedule.burst(self.begun.elapsed(), burst);
        }
        Ok(())
    }
}

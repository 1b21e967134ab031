//! The processes that a session records, each with its state from tick to tick.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use vmrec_report::ProcessSizes;
use vmrec_sampler::{
    Error as SamplerError, Evidence, ListedProcess, ProcessInfo, Sampler, Snapshot, StackTick,
    Timestamp,
};
use vmrec_store::{NextSample, RecordingId, WhyEnded};

use crate::commands::record::events::{Looked, MemberId};
use crate::commands::record::family::name_counts::NameCounts;
use crate::commands::record::family::outcome::{Ending, Leader, Outcome};
use crate::commands::record::family::pool::Look;
use crate::commands::record::family::stacks::MemberStacks;
use crate::commands::record::target::is_gone;

/// A process that the session records.
pub(crate) struct Member {
    pub(crate) listed: ListedProcess,
    /// Whether it was asked for by itself.
    pub(crate) is_root: bool,
    found: Instant,
    state: State,
    /// The process as it was attached to last.
    pub(crate) process: Option<ProcessInfo>,
    /// Its recording, once that has a sample that is stored.
    pub(crate) recording: Option<RecordingId>,
    /// The number of its newest sample, if that is stored.
    pub(crate) number: Option<u64>,
    /// A sample that waits to be stored.
    pub(crate) sample: Option<NextSample>,
    /// The stacks of that sample and of those before, if they are recorded.
    pub(crate) stacks: MemberStacks,
    /// When the look began that its recording begins with.
    pub(crate) begun: Option<Timestamp>,
    /// Whether it was there as the session began.
    is_initial: bool,
    /// Its sizes in the first sample: nothing, if it came later than the session began.
    pub(crate) first: ProcessSizes,
    /// The last tick that was missed because it kept the sampler waiting.
    late_since: Option<Timestamp>,
    /// Its sizes in the last sample.
    pub(crate) last: Option<ProcessSizes>,
}

/// Where its sampler is.
enum State {
    /// There is none yet, or its last one is of another program.
    Unattached,
    /// It waits for the next tick.
    Idle(Box<Sampler>),
    /// It is looking.
    Looking,
}

/// All living processes of the session, and what is left to store of others.
#[derive(Default)]
pub(crate) struct Members {
    /// Whether those that are added came after the session began.
    pub(crate) has_begun: bool,
    /// The sums over the first samples of those that were there as it began.
    pub(crate) initial: Option<ProcessSizes>,
    living: BTreeMap<MemberId, Member>,
    by_pid: BTreeMap<u32, MemberId>,
    next: u64,
    /// When the last looks were asked for: a process that was gone by then ended before.
    at: Timestamp,
    pub(crate) endings: Vec<Ending>,
    /// How many processes had a sample.
    pub(crate) recorded: u64,
    /// Processes that were seen and had ended before a sample of them, by name.
    pub(crate) too_short: NameCounts,
    /// Processes that may not be read, by name.
    pub(crate) refused: NameCounts,
    /// Processes of which no stacks could be recorded, by name.
    pub(crate) without_stacks: NameCounts,
}

impl Members {
    /// Adds a process.
    pub(crate) fn add(&mut self, listed: ListedProcess, is_root: bool) -> MemberId {
        let id = MemberId(self.next);
        self.next += 1;
        self.by_pid.insert(listed.pid, id);
        let member = Member {
            listed,
            is_root,
            found: Instant::now(),
            state: State::Unattached,
            process: None,
            recording: None,
            number: None,
            sample: None,
            stacks: MemberStacks::default(),
            begun: None,
            is_initial: !self.has_begun,
            first: ProcessSizes::ZERO,
            late_since: None,
            last: None,
        };
        self.living.insert(id, member);
        id
    }

    /// Returns the numbers of all living processes.
    pub(crate) fn pids(&self) -> BTreeSet<u32> {
        self.by_pid.keys().copied().collect()
    }

    /// Returns the living processes, parents before their children.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&MemberId, &Member)> {
        self.living.iter()
    }

    /// Returns all living processes with their names.
    pub(crate) fn all(&self) -> Vec<(MemberId, ListedProcess, String)> {
        let all = self.living.iter();
        all.map(|(id, member)| (*id, member.listed.clone(), member.name().to_owned())).collect()
    }

    /// Returns the living processes, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&MemberId, &mut Member)> {
        self.living.iter_mut()
    }

    pub(crate) fn get(&self, id: MemberId) -> Option<&Member> {
        self.living.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.living.get_mut(&id)
    }

    /// Returns the number of a living process.
    pub(crate) fn pid(&self, id: MemberId) -> Option<u32> {
        self.get(id).map(|member| member.listed.pid)
    }

    /// Returns the process number of a living process by its recording.
    pub(crate) fn pid_of(&self, recording: RecordingId) -> Option<u32> {
        let mut living = self.living.values();
        living.find(|of| of.recording == Some(recording)).map(|member| member.listed.pid)
    }

    /// Returns whether a living process was asked for by itself.
    pub(crate) fn is_root(&self, id: MemberId) -> bool {
        self.get(id).is_some_and(|member| member.is_root)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.living.is_empty()
    }

    /// Returns whether any sample waits to be stored.
    pub(crate) fn has_samples(&self) -> bool {
        self.living.values().any(|member| member.sample.is_some())
    }

    /// Records a missed tick for each process that still keeps the sampler of an earlier tick
    /// waiting.
    pub(crate) fn wait_for_late(&mut self, due: Timestamp) {
        for member in self.living.values_mut() {
            if matches!(member.state, State::Looking) && member.recording.is_some() {
                member.late_since = Some(due);
                let reason = "the process kept the sampler waiting".to_owned();
                member.sample = Some(NextSample::Missed { due, ticks: 1, reason });
            }
        }
    }

    /// Returns whether any process is being looked at.
    pub(crate) fn is_looking(&self) -> bool {
        self.living.values().any(|member| matches!(member.state, State::Looking))
    }

    /// Returns looks at all processes that are not being looked at.
    /// They begin with the tick of this moment.
    pub(crate) fn looks(&mut self, at: Timestamp) -> Vec<Look> {
        self.at = at;
        let all: Vec<MemberId> = self.living.keys().copied().collect();
        all.into_iter().filter_map(|id| self.look(id)).collect()
    }

    /// Returns looks at processes that have had none and were found before `found`.
    pub(crate) fn first_looks(&mut self, found: Instant, at: Timestamp) -> Vec<Look> {
        self.at = at;
        let is_new = |member: &Member| {
            member.process.is_none()
                && matches!(member.state, State::Unattached)
                && member.found <= found
        };
        let new = self.living.iter().filter(|(_, member)| is_new(member));
        let new: Vec<MemberId> = new.map(|(id, _)| *id).collect();
        new.into_iter().filter_map(|id| self.look(id)).collect()
    }

    /// Returns a look at one process, unless it is being looked at.
    pub(crate) fn look(&mut self, id: MemberId) -> Option<Look> {
        let member = self.living.get_mut(&id)?;
        let sampler = match std::mem::replace(&mut member.state, State::Looking) {
            State::Looking => return None,
            State::Unattached => None,
            State::Idle(sampler) => Some(sampler),
        };
        if member.recording.is_none() {
            member.begun = Some(self.at);
        }
        let ListedProcess { pid, start_ticks, .. } = member.listed;
        Some(Look { member: id, pid, start_ticks, sampler })
    }

    /// Takes the result of a look.
    pub(crate) fn looked(&mut self, looked: Looked) -> Outcome {
        let Looked { member: id, attached, sampler, sampled, .. } = looked;
        let Some(member) = self.living.get_mut(&id) else { return Outcome::Unknown };
        member.state = sampler.map_or(State::Unattached, State::Idle);
        if let Some(mut process) = attached {
            // The one that started it may have ended since it was found.
            process.parent_pid =
                Some(member.listed.parent_pid).filter(|parent| *parent != 0).or(process.parent_pid);
            member.process = Some(process);
        }
        match sampled.snapshot {
            // Its sample would be out of order.
            Ok(snapshot) if member.late_since.is_some_and(|due| due >= snapshot.taken) => {
                Outcome::Unknown
            }
            Ok(snapshot) => {
                let is_first = member.last.is_none();
                let sizes = member.keep(snapshot, sampled.evidence);
                self.recorded += u64::from(is_first);
                if is_first && member.is_initial {
                    member.first = sizes;
                    self.initial = Some(self.initial.unwrap_or(ProcessSizes::ZERO).and(sizes));
                }
                Outcome::Sampled
            }
            Err(SamplerError::Replaced { .. }) => {
                let at = self.at;
                let ended = member.recording.take();
                member.stacks = MemberStacks::default();
                let why = WhyEnded::TargetReplaced;
                self.endings.extend(ended.map(|recording| Ending { recording, at, why }));
                Outcome::Replaced
            }
            Err(error) if is_gone(&error) => Outcome::Gone,
            Err(error) => Outcome::Refused(error),
        }
    }

    /// Takes the stacks that belong to the result of a look, whose sample waits to be stored if it is
    /// `kept`.
    pub(crate) fn stacks(&mut self, id: MemberId, tick: Option<StackTick>, kept: bool) {
        let Some(member) = self.living.get_mut(&id) else { return };
        match tick {
            Some(tick) => member.stacks.take(tick, kept),
            None if member.stacks.refused => {}
            None => {
                member.stacks.refused = true;
                self.without_stacks.count(member.name());
            }
        }
    }

    /// Removes a process that has ended, with its status if that is known.
    pub(crate) fn remove_ended(&mut self, id: MemberId, status: Option<i32>, at: Timestamp) {
        let ended = self.remove(id, WhyEnded::TargetExited(status), at);
        let Some(member) = ended else { return };
        if member.last.is_none() {
            self.too_short.count(&member.listed.short_name);
        }
    }

    /// Removes a process that cannot be read.
    pub(crate) fn remove_refused(&mut self, id: MemberId, error: &SamplerError) {
        let why = WhyEnded::Failed(error.to_string());
        if let Some(member) = self.remove(id, why, vmrec_sampler::now()) {
            self.refused.count(member.name());
        }
    }

    /// Ends the recordings of all that live.
    pub(crate) fn end_all(&mut self, why: &WhyEnded) {
        let all: Vec<MemberId> = self.living.keys().copied().collect();
        for id in all {
            self.remove(id, why.clone(), vmrec_sampler::now());
        }
    }

    fn remove(&mut self, id: MemberId, why: WhyEnded, at: Timestamp) -> Option<Member> {
        let member = self.living.remove(&id)?;
        if self.by_pid.get(&member.listed.pid) == Some(&id) {
            self.by_pid.remove(&member.listed.pid);
        }
        let ending = member.recording.map(|recording| Ending { recording, at, why });
        self.endings.extend(ending);
        Some(member)
    }

    /// Returns when the last looks were asked for.
    pub(crate) const fn looked_at(&self) -> Timestamp {
        self.at
    }

    /// Returns the sums over the last samples of all that live.
    pub(crate) fn sizes(&self) -> ProcessSizes {
        self.living.values().filter_map(|member| member.last).sum()
    }

    /// Returns the process whose private + swapped size grew most since the session began.
    pub(crate) fn grown(&self) -> Option<Leader<'_>> {
        let grown = self.leaders().filter(|leader| leader.last > leader.first);
        grown.max_by_key(|leader| leader.last - leader.first)
    }

    /// Returns the process with the largest private + swapped size.
    pub(crate) fn largest(&self) -> Option<Leader<'_>> {
        self.leaders().max_by_key(|leader| leader.last)
    }

    fn leaders(&self) -> impl Iterator<Item = Leader<'_>> {
        self.living.values().filter_map(|member| {
            Some(Leader {
                name: member.name(),
                pid: member.listed.pid,
                first: member.first.own_bytes?,
                last: member.last?.own_bytes?,
            })
        })
    }

    /// Returns how many of the living have a sample.
    pub(crate) fn sampled(&self) -> usize {
        self.living.values().filter(|member| member.last.is_some()).count()
    }
}

impl Member {
    fn keep(&mut self, snapshot: Snapshot, evidence: Option<Evidence>) -> ProcessSizes {
        let sizes = ProcessSizes::of(&snapshot);
        self.last = Some(sizes);
        self.sample = Some(NextSample::Taken(Box::new(snapshot), evidence.map(Box::new)));
        sizes
    }

    /// Returns the name to show. Not escaped.
    pub(crate) fn name(&self) -> &str {
        self.process.as_ref().map_or(&self.listed.short_name, ProcessInfo::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(pid: u32) -> ListedProcess {
        ListedProcess {
            pid,
            start_ticks: 1,
            parent_pid: 1,
            short_name: format!("p{pid}"),
            ended: false,
        }
    }

    #[test]
    fn a_process_that_ends_before_its_first_sample_is_counted_by_name() {
        let mut members = Members::default();
        let id = members.add(listed(7), false);
        assert_eq!(members.looks(Timestamp::default()).len(), 1);
        assert!(members.looks(Timestamp::default()).is_empty(), "it is being looked at");
        members.remove_ended(id, None, Timestamp::default());
        members.remove_ended(id, None, Timestamp::default());
        assert_eq!((members.too_short.total(), members.is_empty()), (1, true));
        assert!(members.endings.is_empty() && members.pids().is_empty());
        assert_eq!(members.too_short.words(3), "p7");
    }

    #[test]
    fn a_number_that_is_used_again_stays_with_its_new_process() {
        let mut members = Members::default();
        let (old, new) = (members.add(listed(7), false), members.add(listed(7), false));
        members.remove_ended(old, None, Timestamp::default());
        assert_eq!(members.pids(), BTreeSet::from([7]));
        members.remove_ended(new, None, Timestamp::default());
        assert!(members.pids().is_empty());
    }
}

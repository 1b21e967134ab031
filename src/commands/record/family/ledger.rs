//! Writes the recordings of a session: all that a tick adds to them in one transaction.

use std::time::{Duration, Instant};

use vmrec_sampler::Timestamp;
use vmrec_store::{
    Added, Addition, Continues, Error as StoreError, Mark, NextSample, RecordingId, Retention,
    SessionId, SessionStart, Writer,
};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::events::{Events, MemberId};
use crate::commands::record::family::members::{Member, Members};
use crate::commands::record::family::outcome::Ending;
use crate::commands::record::pruning::Pruning;
use crate::commands::record::schedule::due_before;
use crate::commands::record::session::DISK_FULL_PATIENCE;
use crate::failure::Failure;

/// The file that a session is written to.
pub(crate) struct Ledger {
    writer: Writer,
    targets: String,
    name: Option<String>,
    interval_ns: u64,
    session: Option<SessionId>,
    pruning: Pruning,
    /// Ticks whose samples could not be written, since when.
    unwritten: Option<(Timestamp, u64, Instant)>,
}

/// The outcome of writing.
pub(crate) enum Written {
    /// This many samples are on disk.
    Kept(u64),
    /// The disk is full: they are lost, those before are not.
    Lost(Failure),
}

impl Ledger {
    /// Prepares to write a session.
    pub(crate) fn new(
        mut writer: Writer,
        args: &RecordArgs,
        retention: Option<Retention>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            pruning: Pruning::new(&mut writer, retention)?,
            writer,
            targets: args.targets(),
            name: args.name.clone(),
            interval_ns: u64::try_from(args.every.as_nanos()).unwrap_or(u64::MAX),
            session: None,
            unwritten: None,
        })
    }

    /// Returns the session, once it has a sample.
    pub(crate) const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Writes the samples and ends that wait. A full disk is waited for, tick by tick, for a minute.
    pub(crate) fn write(&mut self, members: &mut Members) -> Result<Written, Failure> {
        if let Some((due, ticks, _)) = self.unwritten
            && self.missed_by_all(members, due, ticks, "disk full").is_ok()
        {
            self.unwritten = None;
        }
        let waiting: Vec<(MemberId, NextSample)> = members
            .iter_mut()
            .filter_map(|(id, member)| {
                let sample = member.sample.take()?;
                member.number = None;
                Some((*id, sample))
            })
            .collect();
        if waiting.is_empty() && members.endings.is_empty() {
            return Ok(Written::Kept(0));
        }
        let endings = std::mem::take(&mut members.endings);
        let ids: Vec<MemberId> = waiting.iter().map(|(id, _)| *id).collect();
        match self.add(members, &endings, waiting) {
            Ok(added) => {
                let (mut kept, samples) = (0, added.into_iter().skip(endings.len()));
                for (id, added) in ids.into_iter().zip(samples) {
                    if let Some(member) = members.get_mut(id) {
                        member.recording = Some(added.recording);
                        member.number = added.number;
                    }
                    kept += u64::from(added.number.is_some());
                }
                self.write_stacks(members)?;
                Ok(Written::Kept(kept))
            }
            Err(error @ StoreError::DiskFull { .. }) => {
                // They end later, at the time that is known already.
                members.endings.splice(..0, endings);
                let now = vmrec_sampler::now();
                let is_first = self.session.is_none();
                let (due, ticks, since) = self.unwritten.unwrap_or((now, 0, Instant::now()));
                self.unwritten = Some((due, ticks + 1, since));
                // Nothing kept yet means that the disk was full from the start.
                if is_first || since.elapsed() > DISK_FULL_PATIENCE {
                    return Err(error.into());
                }
                Ok(Written::Lost(error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the stacks of samples that are stored.
    fn write_stacks(&mut self, members: &mut Members) -> Result<(), Failure> {
        let (mut ids, mut ticks) = (Vec::new(), Vec::new());
        for (id, member) in members.iter_mut() {
            let Some(tick) =
                member.stacks.tick.take().and_then(|tick| member.stacks.kept.due(tick))
            else {
                continue;
            };
            match (member.recording, member.number) {
                (Some(recording), Some(number)) => {
                    ids.push(*id);
                    ticks.push((recording, number, tick));
                }
                _ => member.stacks.kept.written(tick, false),
            }
        }
        if ticks.is_empty() {
            return Ok(());
        }
        let stored = match self.writer.stacks(&ticks) {
            Ok(()) => true,
            Err(StoreError::DiskFull { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        for (id, (_, _, tick)) in ids.into_iter().zip(ticks) {
            if let Some(member) = members.get_mut(id) {
                member.stacks.kept.written(tick, stored);
            }
        }
        Ok(())
    }

    /// Writes ends, then samples, and returns what they were added to in that order.
    fn add(
        &mut self,
        members: &Members,
        endings: &[Ending],
        samples: Vec<(MemberId, NextSample)>,
    ) -> Result<Vec<Added>, StoreError> {
        let session = match (self.session, samples.first()) {
            (Some(session), _) => session,
            (None, None) => return Ok(Vec::new()),
            (None, Some((id, _))) => self.begin(members.get(*id))?,
        };
        let mut additions: Vec<Addition<'_>> = endings
            .iter()
            .map(|Ending { recording, at, why }| Addition {
                to: Continues::Active(*recording),
                sample: None,
                end: Some((*at, why.clone())),
            })
            .collect();
        for (id, sample) in samples {
            let Some(member) = members.get(id) else { continue };
            let to = match (member.recording, &member.process) {
                (Some(recording), _) => Continues::Active(recording),
                (None, Some(process)) => {
                    let name = self.name.as_deref().filter(|_| member.is_root);
                    let begun = member.begun.unwrap_or_else(vmrec_sampler::now);
                    Continues::New(process, name, begun)
                }
                (None, None) => continue,
            };
            additions.push(Addition { to, sample: Some(sample), end: None });
        }
        self.writer.tick(session, additions)
    }

    fn begin(&mut self, first: Option<&Member>) -> Result<SessionId, StoreError> {
        let host = vmrec_sampler::host();
        let process = first.and_then(|member| member.process.as_ref());
        let boot_id = process.map_or("", |process| &process.id.boot_id);
        let start = SessionStart {
            targets: &self.targets,
            host: &host,
            boot_id,
            interval_ns: self.interval_ns,
        };
        let at = first.and_then(|member| member.begun).unwrap_or_else(vmrec_sampler::now);
        let session = self.writer.begin_session(&start, at)?;
        self.session = Some(session);
        Ok(session)
    }

    /// Marks a moment of a recording.
    pub(crate) fn mark(
        &mut self,
        recording: RecordingId,
        utc_ns: i64,
        text: &str,
    ) -> Result<(), Failure> {
        Ok(self.writer.mark(recording, utc_ns, text)?)
    }

    /// Returns the marks set after that of the number `after`, with the number of the last.
    pub(crate) fn marks_after(&self, after: i64) -> Result<(i64, Vec<Mark>), Failure> {
        Ok(self.writer.marks_after(after)?)
    }

    /// Writes that the recorder came late, for this many ticks.
    pub(crate) fn missed(
        &mut self,
        members: &Members,
        ticks: u64,
        interval: Duration,
    ) -> Result<(), Failure> {
        let due = due_before(vmrec_sampler::now(), ticks, interval);
        match self.missed_by_all(members, due, ticks, "the recorder came late") {
            // Nothing is lost that the next sample would not say: the gap stays visible by its times.
            Ok(()) | Err(StoreError::DiskFull { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn missed_by_all(
        &mut self,
        members: &Members,
        due: Timestamp,
        ticks: u64,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(session) = self.session else { return Ok(()) };
        let missed = || NextSample::Missed { due, ticks, reason: reason.to_owned() };
        let recordings = members.iter().filter_map(|(_, member)| member.recording);
        let additions = recordings.map(|recording| Addition {
            to: Continues::Active(recording),
            sample: Some(missed()),
            end: None,
        });
        let additions: Vec<_> = additions.collect();
        self.writer.tick(session, additions).map(drop)
    }

    /// Returns why regions of the last tick are not stored, the first time.
    pub(crate) fn left_out(&mut self) -> Option<String> {
        self.pruning.left_out(&mut self.writer)
    }

    /// Prunes while there is time; returns why that is given up, if it is.
    pub(crate) fn prune(
        &mut self,
        events: &Events,
        has_time: impl Fn() -> bool,
    ) -> Result<(), Failure> {
        self.pruning.run(&mut self.writer, events, has_time)
    }

    /// Returns the bytes of the file on disk.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.writer.file_bytes()
    }

    /// Leaves the file in one piece, or none if it is new and nothing was recorded.
    pub(crate) fn close(self) -> Result<(), Failure> {
        Ok(self.writer.close_or_discard()?)
    }
}

//! A session opened for a command: its recordings, and which processes there are at a time.
//! `sums` has its sums over time, and the text beside them.

mod stacks;
mod sums;

use std::path::PathBuf;

use jiff::tz::TimeZone;
use vmrec_report::{ProcessAt, Resolved, SessionHeading, TimeSpec, Timeline};
use vmrec_sampler::{Timestamp, sort_by_key};
use vmrec_store::{
    Extent, Mark, Moment, Recording, RecordingId, Sample, SampleAt, Session, SessionId, Store,
    WhyEnded,
};

use crate::args::{FileArgs, FileNumber};
use crate::failure::{Failure, Status};
use crate::file::{Numbered, all, db_option, parse_time, path};
use crate::recording::now_utc_ns;
use crate::zone;

/// One session opened for reading.
pub(crate) struct OpenedSession {
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
    pub(crate) session: Session,
    members: Vec<Member>,
    /// The first and last samples of all, by the numbers [`FIRST`] and [`LAST`].
    extent: Option<Extent>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) running: bool,
}

/// A recording of the session.
struct Member {
    recording: Recording,
    extent: Extent,
}

impl Member {
    /// Returns the monotonic clock when its process was seen to be gone, unless it went on when recording ended. Those
    /// that are missed by a tick were gone as that began, before the samples of the others.
    fn gone_ns(&self) -> Option<u64> {
        self.gone().map(|at| at.monotonic_ns)
    }

    fn gone(&self) -> Option<Timestamp> {
        let goes_on = matches!(
            self.recording.why_ended,
            None | Some(WhyEnded::Finished | WhyEnded::Interrupted | WhyEnded::RecorderLost)
        );
        self.recording.ended.filter(|_| !goes_on)
    }
}

/// Numbers that stand for the first and the last sample of a session: its samples have none.
const FIRST: u64 = 0;
const LAST: u64 = u64::MAX;

impl OpenedSession {
    /// Returns the heading of a comparison of two moments.
    pub(crate) fn heading<'a>(
        &'a self,
        [from, to]: [&'a Resolved; 2],
        time_zone: &'a TimeZone,
    ) -> SessionHeading<'a> {
        let Session { id, targets, .. } = &self.session;
        SessionHeading { session: *id, targets, from, to, time_zone }
    }

    /// Opens the session of that number, or the newest of the file and those beside it.
    pub(crate) fn open(file: &FileArgs, number: Option<FileNumber>) -> Result<Self, Failure> {
        let first = path(file)?;
        let mut files = all(&first)?;
        let mut found: Option<(i64, usize, Session)> = None;
        for (at, file) in files.iter().enumerate() {
            let wanted = |session: &Session| {
                number.is_none_or(|wanted| {
                    (wanted.file, wanted.number) == (file.number, session.id.0)
                })
            };
            let Some(session) = file.content.sessions()?.into_iter().rfind(wanted) else {
                continue;
            };
            let begun = session.begun.utc_ns;
            if found.as_ref().is_none_or(|(newest, ..)| begun > *newest) {
                found = Some((begun, at, session));
            }
        }
        let Some((_, at, session)) = found else {
            let missing = match number {
                Some(number) => {
                    anyhow::anyhow!("there is no session {number} in {}", first.display())
                }
                None => anyhow::anyhow!("{} holds no session yet", first.display()),
            };
            let db = db_option(&first);
            return Err(Failure::new(Status::Recording, missing)
                .hint(format!("`vmrec list{db} --sessions` shows the sessions of the file")));
        };
        let Numbered { path, content: store, .. } = files.swap_remove(at);
        let (mut members, mut marks, mut running) = (Vec::new(), Vec::new(), false);
        let held = store.being_recorded();
        for recording in store.recordings_of(session.id)? {
            marks.extend(store.marks(recording.id)?);
            running |= held && recording.ended.is_none();
            if let Some(extent) = store.extent(recording.id)? {
                members.push(Member { recording, extent });
            }
        }
        let extent = whole(&members, session.begun);
        Ok(Self { path, store, session, members, extent, marks, running })
    }

    /// Finds the moment that a time on the command line means: that of the newest sample at or
    /// before it, of whichever process.
    pub(crate) fn resolve(&self, text: &str) -> Result<Resolved, Failure> {
        self.find(&parse_time(text)?)
    }

    fn find(&self, spec: &TimeSpec) -> Result<Resolved, Failure> {
        let timeline = self.timeline();
        let moment = match spec {
            TimeSpec::Sample(_) => return Err(self.no_numbers()),
            TimeSpec::Beside { anchor, offset_ns } => {
                timeline.beside(&self.find(anchor)?, *offset_ns)
            }
            _ => spec.moment(&timeline).map_err(|error| self.unresolved(error))?,
        };
        let found = self.sample_at(moment)?;
        timeline.resolved(moment, found).map_err(|error| self.unresolved(error))
    }

    /// Returns the newest sample at or before a moment.
    fn sample_at(&self, moment: Moment) -> Result<Option<SampleAt>, Failure> {
        let whole = |sample: &Sample| SampleAt { sample: sample.clone(), due: sample.taken };
        let extent = self.extent.as_ref();
        match moment {
            Moment::Number(FIRST) => return Ok(extent.map(|extent| whole(&extent.first))),
            Moment::Number(_) => return Ok(extent.map(|extent| whole(&extent.last))),
            Moment::Peak => return self.peak(),
            Moment::Utc(_) | Moment::Monotonic(_) => {}
        }
        let mut newest: Option<SampleAt> = None;
        for member in &self.members {
            let before = match moment {
                Moment::Utc(ns) => member.extent.first.taken.utc_ns <= ns,
                Moment::Monotonic(ns) => i128::from(member.extent.first.taken.monotonic_ns) <= ns,
                _ => true,
            };
            if !before {
                continue;
            }
            let found = self.store.sample_at(member.recording.id, moment)?;
            let taken = |at: &SampleAt| at.sample.taken.monotonic_ns;
            if found.as_ref().map(taken) > newest.as_ref().map(taken) {
                newest = found;
            }
        }
        Ok(newest)
    }

    /// Returns the sample at which the footprints of all processes together were largest.
    fn peak(&self) -> Result<Option<SampleAt>, Failure> {
        let mut changes: Vec<(Sample, usize)> = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let samples = self.store.samples(member.recording.id)?;
            changes.extend(samples.into_iter().filter(Sample::is_taken).map(|one| (one, index)));
        }
        let mut steady = vec![false; self.members.len()];
        for (sample, index) in &changes {
            steady[*index] |= !sample.state.is_torn() && sample.totals.footprint_bytes.is_some();
        }
        sort_by_key(&mut changes, |(sample, _)| sample.taken.monotonic_ns);
        let mut gone: Vec<(u64, usize)> = self
            .members
            .iter()
            .enumerate()
            .filter_map(|(index, member)| Some((member.gone_ns()?, index)))
            .collect();
        gone.sort_unstable_by(|one, other| other.cmp(one));
        let mut footprints = vec![0_u64; self.members.len()];
        let (mut sum, mut peak) = (0_u64, None::<(u64, Sample)>);
        for (sample, index) in changes {
            while let Some((_, gone)) = gone.pop_if(|(at, _)| *at <= sample.taken.monotonic_ns) {
                sum -= std::mem::take(&mut footprints[gone]);
            }
            let Some(footprint) = sample.totals.footprint_bytes else { continue };
            if sample.state.is_torn() && steady[index] {
                continue;
            }
            sum = sum - std::mem::replace(&mut footprints[index], footprint) + footprint;
            if peak.as_ref().is_none_or(|(largest, _)| sum > *largest) {
                peak = Some((sum, sample));
            }
        }
        Ok(peak.map(|(_, sample)| SampleAt { due: sample.taken, sample }))
    }

    /// Returns the processes at a moment, with the sums of their samples.
    pub(crate) fn processes_at(&self, at: &Resolved) -> Result<Vec<ProcessAt>, Failure> {
        let mut processes = Vec::new();
        for (member, number) in self.present_at(at)? {
            let recording = &member.recording;
            let snapshot = self.store.snapshot(recording.id, number)?;
            processes.push(ProcessAt::of(recording.id, &recording.process, &snapshot));
        }
        Ok(processes)
    }

    /// Returns the recordings of the processes at a moment, and the numbers of their samples.
    pub(crate) fn samples_at(&self, at: &Resolved) -> Result<Vec<(RecordingId, u64)>, Failure> {
        let present = self.present_at(at)?;
        Ok(present.into_iter().map(|(member, number)| (member.recording.id, number)).collect())
    }

    /// Returns the processes at a moment, and their newest samples at or before it.
    fn present_at(&self, at: &Resolved) -> Result<Vec<(&Member, u64)>, Failure> {
        let now = at.taken.monotonic_ns;
        let mut present = Vec::new();
        for member in &self.members {
            let Member { recording, extent } = member;
            let is_gone = member.gone_ns().is_some_and(|gone| gone <= now);
            if extent.first.taken.monotonic_ns > now || is_gone {
                continue;
            }
            let moment = Moment::Monotonic(i128::from(now));
            let Some(SampleAt { sample, .. }) = self.store.sample_at(recording.id, moment)? else {
                continue;
            };
            present.push((member, sample.number));
        }
        Ok(present)
    }

    fn timeline(&self) -> Timeline<'_> {
        Timeline {
            extent: self.extent.as_ref(),
            marks: &self.marks,
            interval_ns: self.session.interval_ns,
            now_utc_ns: now_utc_ns(),
            running: self.running,
            time_zone: zone::local(),
        }
    }

    fn no_numbers(&self) -> Failure {
        Failure::usage("the samples of a session have no numbers: each recording has its own")
            .hint("give a time, or name one process with --recording N")
    }

    fn unresolved(&self, error: vmrec_report::Error) -> Failure {
        let SessionId(number) = self.session.id;
        let db = db_option(&self.path);
        Failure::new(Status::Usage, error)
            .hint(format!("`vmrec list{db} --session {number}` shows when its processes ran"))
    }
}

/// Returns the first and last samples of all. The first moment is when all that were looked at as
/// the session began have a sample.
fn whole(members: &[Member], begun: Timestamp) -> Option<Extent> {
    let first = |member: &&Member| member.extent.first.taken.monotonic_ns;
    let at_once = members.iter().filter(|member| member.recording.begun == begun);
    let found = at_once.max_by_key(first).or_else(|| members.iter().min_by_key(first))?;
    let last = members.iter().max_by_key(|member| member.extent.last.taken.monotonic_ns)?;
    let numbered = |sample: &Sample, number| Sample { number, ..sample.clone() };
    Some(Extent {
        oldest_number: FIRST,
        newest: numbered(&last.extent.newest, LAST),
        first: numbered(&found.extent.first, FIRST),
        last: numbered(&last.extent.last, LAST),
    })
}

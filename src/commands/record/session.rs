//! The recording that a run of the recorder writes.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vmrec_sampler::{Evidence, Facts, ProcessInfo, Snapshot, StackTick, Timestamp};
use vmrec_store::{
    Error as StoreError, Mark, RecordingId, Retention, SessionId, SessionStart, WhyEnded, Writer,
};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::events::Events;
use crate::commands::record::kept_stacks::KeptStacks;
use crate::commands::record::pruning::Pruning;
use crate::commands::record::schedule::due_before;
use crate::commands::record::triggers::Triggers;
use crate::failure::Failure;
use crate::failure::hints::FOLDER_MISSING;
use crate::{file, output};

/// How long a full disk is waited for before the recording is given up.
pub(crate) const DISK_FULL_PATIENCE: Duration = Duration::from_secs(60);

/// How long samples that are like the one before wait to be written together.
const MAX_HELD: Duration = Duration::from_secs(1);

/// Opens the file for recording, making the default folder where it is missing; one beside it while
/// another recorder writes to it. Returns which.
pub(crate) fn open_writer(path: &Path) -> Result<(Writer, PathBuf), Failure> {
    if let (Some(folder), true) = (path.parent(), file::default_path().as_deref() == Some(path)) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| {
            Failure::io("create", folder, source).hint("name a file with --db FILE")
        })?;
    }
    let opened = file::first_free(path, Writer::open).map_err(|error| match error {
        // A writer makes the file, so that only its folder can be missing.
        missing @ StoreError::Missing { .. } => Failure::from(missing).hint(FOLDER_MISSING),
        error => Failure::from(error),
    })?;
    if opened.number > 1 {
        output::note(&format!(
            "{} is being recorded to: this goes to {}, which commands read with it",
            path.display(),
            opened.path.display()
        ));
    }
    Ok((opened.content, opened.path))
}

/// How the file is written.
pub(crate) struct Output<'a> {
    pub(crate) path: &'a Path,
    pub(crate) writer: Writer,
    pub(crate) retention: Option<Retention>,
    /// The conditions that samples are judged by.
    pub(crate) triggers: Triggers,
}

/// The outcome of writing a sample.
pub(crate) enum Stored {
    /// It is on disk, under this number, and so are those held before it.
    Kept(u64),
    /// It is like the one before, and will be written together with those that follow.
    Held,
    /// The disk is full: it is lost, those before are not.
    Lost(Failure),
}

/// A recording being written. It begins with its first sample, so that a program
/// that only starts another one (a shell, `env`) leaves no empty recording.
pub(crate) struct Session {
    writer: Writer,
    process: ProcessInfo,
    name: Option<String>,
    /// The targets asked for, as on the command line.
    targets: String,
    interval_ns: u64,
    session: Option<SessionId>,
    recording: Option<RecordingId>,
    samples_taken: u64,
    /// Whether samples that are like the one before are written together.
    holds: bool,
    /// Those that wait to be written, since when.
    held: Vec<Snapshot>,
    held_since: Option<Instant>,
    /// The numbers of those written since they were last taken.
    written: Vec<u64>,
    /// Ticks whose samples could not be written, since when.
    unwritten: Option<(Timestamp, u64, Instant)>,
    /// The facts of the evidence written last.
    facts: Option<Facts>,
    stacks: KeptStacks,
    pruning: Pruning,
}

impl Session {
    /// Prepares to record the sampler's process.
    pub(crate) fn new(
        mut writer: Writer,
        process: &ProcessInfo,
        args: &RecordArgs,
        retention: Option<Retention>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            pruning: Pruning::new(&mut writer, retention)?,
            writer,
            process: process.clone(),
            name: args.name.clone(),
            targets: args.targets(),
            interval_ns: u64::try_from(args.interval().as_nanos()).unwrap_or(u64::MAX),
            session: None,
            recording: None,
            samples_taken: 0,
            // What is written beside samples refers to their numbers.
            holds: !args.records_stacks() && args.triggers.when.is_empty(),
            held: Vec::new(),
            held_since: None,
            written: Vec::new(),
            unwritten: None,
            facts: None,
            stacks: KeptStacks::default(),
        })
    }

    /// Ends the recording because its target runs another program now, which the next one is of.
    pub(crate) fn replace(&mut self, process: &ProcessInfo) -> Result<(), Failure> {
        self.end(&WhyEnded::TargetReplaced)?;
        self.recording = None;
        self.process = process.clone();
        self.facts = None;
        self.stacks = KeptStacks::default();
        Ok(())
    }

    fn begin(&mut self, at: Timestamp) -> Result<RecordingId, StoreError> {
        let session = match self.session {
            Some(session) => session,
            None => {
                let host = vmrec_sampler::host();
                let start = SessionStart {
                    targets: &self.targets,
                    host: &host,
                    boot_id: &self.process.id.boot_id,
                    interval_ns: self.interval_ns,
                };
                self.writer.begin_session(&start, at)?
            }
        };
        self.session = Some(session);
        self.writer.begin(session, &self.process, self.name.as_deref(), at)
    }

    /// Writes a sample. A full disk is waited for, tick by tick, for a minute.
    ///
    /// `evidence` is the evidence its types rest on, if they were classified again.
    pub(crate) fn append(
        &mut self,
        snapshot: Snapshot,
        evidence: Option<Evidence>,
    ) -> Result<Stored, Failure> {
        let taken = snapshot.taken;
        self.samples_taken += 1;
        let recording = match self.recording {
            Some(recording) => recording,
            None => {
                let recording = self.begin(taken)?;
                *self.recording.insert(recording)
            }
        };
        if let Some((due, ticks, _)) = self.unwritten
            && self.writer.missed(recording, due, ticks, "disk full").is_ok()
        {
            self.unwritten = None;
        }
        let holds = evidence.is_none() && self.may_hold(&snapshot);
        self.held.push(snapshot);
        if holds {
            self.held_since.get_or_insert_with(Instant::now);
            return Ok(Stored::Held);
        }
        match self.write_held(recording) {
            Ok(()) => {
                let number = self.written.last().copied().unwrap_or_default();
                if let Some(evidence) = evidence {
                    self.keep_evidence(recording, number, evidence)?;
                }
                Ok(Stored::Kept(number))
            }
            Err(error @ StoreError::DiskFull { .. }) => {
                let since = self.unwritten.map_or_else(Instant::now, |(_, _, since)| since);
                // Nothing kept yet means that the disk was full from the start.
                if self.samples_taken == 1 || since.elapsed() > DISK_FULL_PATIENCE {
                    return Err(error.into());
                }
                Ok(Stored::Lost(error.into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether a sample can wait for the next ones: it has the regions of the one before, and
    /// the next tick comes before the first that waits has waited too long.
    fn may_hold(&self, snapshot: &Snapshot) -> bool {
        let waited = self.held_since.map_or(Duration::ZERO, |since| since.elapsed());
        self.holds
            && snapshot.consistency.is_unchanged()
            && self.unwritten.is_none()
            && waited + Duration::from_nanos(self.interval_ns) <= MAX_HELD
    }

    /// Writes the samples that wait; on a full disk those are lost that were not written.
    fn write_held(&mut self, recording: RecordingId) -> Result<(), StoreError> {
        self.held_since = None;
        let held = std::mem::take(&mut self.held);
        let times: Vec<Timestamp> = held.iter().map(|snapshot| snapshot.taken).collect();
        let before = self.written.len();
        let result = self.writer.append_run(recording, held, &mut self.written);
        let lost = times.get(self.written.len() - before..).unwrap_or_default();
        if let (Err(StoreError::DiskFull { .. }), Some(first)) = (&result, lost.first()) {
            let (due, ticks, since) = self.unwritten.unwrap_or((*first, 0, Instant::now()));
            self.unwritten = Some((due, ticks + lost.len() as u64, since));
        }
        result
    }

    /// Writes the samples that wait; returns why some are lost, if the disk is full.
    pub(crate) fn flush(&mut self) -> Result<Option<Failure>, Failure> {
        let Some(recording) = self.recording.filter(|_| !self.held.is_empty()) else {
            return Ok(None);
        };
        match self.write_held(recording) {
            Ok(()) => Ok(None),
            Err(error @ StoreError::DiskFull { .. }) => Ok(Some(error.into())),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the numbers of the samples written since the last call.
    pub(crate) fn take_written(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.written)
    }

    /// Writes the evidence that the types from a sample on rest on, unless it was written before.
    fn keep_evidence(
        &mut self,
        recording: RecordingId,
        number: u64,
        evidence: Evidence,
    ) -> Result<(), Failure> {
        let nothing_new = evidence.peeks.is_empty() && self.facts.as_ref() == Some(&evidence.facts);
        if nothing_new {
            return Ok(());
        }
        match self.writer.evidence(recording, number, &evidence) {
            Ok(()) => self.facts = Some(evidence.facts),
            // The sample is kept, and its types with it: only newer rules would miss this.
            Err(StoreError::DiskFull { .. }) => self.facts = None,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Writes the stacks of a sample, unless nothing changed.
    pub(crate) fn keep_stacks(&mut self, number: u64, tick: StackTick) -> Result<(), Failure> {
        let Some(recording) = self.recording else { return Ok(()) };
        let Some(tick) = self.stacks.due(tick) else { return Ok(()) };
        let mut ticks = [(recording, number, tick)];
        let stored = match self.writer.stacks(&ticks) {
            Ok(()) => true,
            Err(StoreError::DiskFull { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        let [(_, _, tick)] = &mut ticks;
        self.stacks.written(std::mem::take(tick), stored);
        Ok(())
    }

    /// Takes note of the stacks of a sample that is lost.
    pub(crate) fn leave_out_stacks(&mut self, tick: StackTick) {
        self.stacks.left_out(tick);
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

    /// Writes that ticks went by without a sample.
    pub(crate) fn missed(&mut self, ticks: u64, interval: Duration) -> Result<(), Failure> {
        let Some(recording) = self.recording else { return Ok(()) };
        self.flush()?;
        let due = due_before(vmrec_sampler::now(), ticks, interval);
        match self.writer.missed(recording, due, ticks, "the recorder came late") {
            // Nothing is lost that the next sample would not say: the gap stays visible by its times.
            Ok(_) | Err(StoreError::DiskFull { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
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

    /// Writes why the recording ends, if it began.
    pub(crate) fn end(&mut self, why: &WhyEnded) -> Result<(), Failure> {
        let Some(recording) = self.recording else { return Ok(()) };
        self.flush()?;
        if let Some((due, ticks, _)) = self.unwritten.take() {
            self.writer.missed(recording, due, ticks, "disk full")?;
        }
        Ok(self.writer.end(recording, vmrec_sampler::now(), why)?)
    }

    /// Leaves the file in one piece, or none if it is new and nothing was recorded.
    pub(crate) fn close(self) -> Result<(), Failure> {
        Ok(self.writer.close_or_discard()?)
    }

    /// Returns the recording being written, once it has a sample.
    pub(crate) const fn recording(&self) -> Option<RecordingId> {
        self.recording
    }

    /// Returns the session being written, once it has a sample.
    pub(crate) const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// Returns how many samples were taken, kept or not.
    pub(crate) const fn samples_taken(&self) -> u64 {
        self.samples_taken
    }

    /// Returns the bytes of the file on disk.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.writer.file_bytes()
    }
}

//! A recording opened for a command: where it begins and ends, its marks, times in it.

pub(crate) mod types;

use std::ops::{ControlFlow, RangeInclusive};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use vmrec_report::{
    By, Counting, Metric, ObjectOwner, ObjectSums, RecordedLimit, Resolved, Series, SeriesBuilder,
    TimeSpec, Timeline, TornValues, TypeFilter,
};
use vmrec_sampler::{Naming, ProcessTotals, Snapshot};
use vmrec_store::{Extent, Mark, Moment, Recording, RecordingId, SampleAt, Store};

use crate::args::{Choice, FileNumber, RecordingArgs, SpanArgs};
use crate::failure::{Failure, Status};
use crate::file::{Numbered, all, db_option, one, parse_time, path};
use crate::progress::Done;
use crate::shell::shell_word;
use crate::{progress, zone};

/// One recording opened for reading, with its extent and marks.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
    pub(crate) recording: Recording,
    /// Its first and last samples, if any has regions.
    pub(crate) extent: Option<Extent>,
    pub(crate) marks: Vec<Mark>,
    /// Whether a recorder is adding to it now.
    pub(crate) running: bool,
}

impl Opened {
    /// Opens the recording asked for, or the newest of the file.
    pub(crate) fn open(args: &RecordingArgs) -> Result<Self, Failure> {
        let path = path(&args.file)?;
        if let Some(Choice::Beside(FileNumber { file, number })) = args.recording {
            return Self::at(&one(&path, file), RecordingId(number));
        }
        let mut files = all(&path)?;
        if let Some(Choice::Number(number)) = args.recording {
            return match files.iter().position(|file| file.number == 1) {
                Some(first) => Self::in_file(files.swap_remove(first), RecordingId(number)),
                None => Self::at(&path, RecordingId(number)),
            };
        }
        let mut found: Option<(i64, usize, RecordingId)> = None;
        for (at, file) in files.iter().enumerate() {
            let store = &file.content;
            let id = match &args.recording {
                Some(Choice::Name(name)) => named(store, name)?,
                _ => store.newest()?,
            };
            let Some(id) = id else { continue };
            let begun = store.recording(id)?.begun.utc_ns;
            if found.is_none_or(|(newest, ..)| begun > newest) {
                found = Some((begun, at, id));
            }
        }
        match (found, &args.recording) {
            (Some((_, at, id)), _) => Self::in_file(files.swap_remove(at), id),
            (None, Some(Choice::Name(name))) => Err(Failure::new(
                Status::Recording,
                anyhow::anyhow!("no recording is called `{name}`"),
            )
            .hint("`vmrec list` shows the recordings with their numbers and names")),
            (None, _) => Err(Failure::new(
                Status::Recording,
                anyhow::anyhow!("{} holds no recording yet", path.display()),
            )
            .hint("record something first: `vmrec record TARGET`")),
        }
    }

    fn in_file(file: Numbered<Store>, id: RecordingId) -> Result<Self, Failure> {
        Self::of(file.path, file.content, id)
    }

    /// Opens one recording of this file alone, the newest unless one is named.
    pub(crate) fn alone(path: &Path, number: Option<i64>) -> Result<Self, Failure> {
        let store = Store::open(path)?;
        let id = match number {
            Some(number) => Some(RecordingId(number)),
            None => store.newest()?,
        };
        let id = id.ok_or_else(|| {
            Failure::new(
                Status::Recording,
                anyhow::anyhow!("{} holds no recording yet", path.display()),
            )
            .hint("record something first: `vmrec record TARGET`")
        })?;
        Self::of(path.to_owned(), store, id)
    }

    /// Opens one recording of a file.
    pub(crate) fn at(path: &Path, id: RecordingId) -> Result<Self, Failure> {
        Self::of(path.to_owned(), Store::open(path)?, id)
    }

    fn of(path: PathBuf, store: Store, id: RecordingId) -> Result<Self, Failure> {
        let recording = store.recording(id)?;
        let mut opened =
            Self { path, store, recording, extent: None, marks: Vec::new(), running: false };
        opened.read_extent()?;
        Ok(opened)
    }

    /// Reads again all that changes while it is recorded.
    pub(crate) fn read_again(&mut self) -> Result<(), Failure> {
        self.recording = self.store.recording(self.recording.id)?;
        self.read_extent()
    }

    fn read_extent(&mut self) -> Result<(), Failure> {
        let id = self.recording.id;
        self.extent = self.store.extent(id)?;
        self.marks = self.store.marks(id)?;
        self.running = self.recording.ended.is_none() && self.store.being_recorded();
        Ok(())
    }

    /// Returns the options, as they must be typed after a command, that lead to this recording again.
    pub(crate) fn options(&self, args: &RecordingArgs) -> String {
        let is_first = path(&args.file).is_ok_and(|first| first == self.path);
        let choice = match is_first {
            true => args.recording.as_ref().map(Choice::to_string),
            false => Some(self.recording.id.0.to_string()),
        };
        let recording = choice.map(|choice| format!(" --recording {}", shell_word(&choice)));
        db_option(&self.path) + &recording.unwrap_or_default()
    }

    /// Finds the sample a time on the command line means.
    pub(crate) fn resolve(&self, text: &str) -> Result<Resolved, Failure> {
        self.find(&parse_time(text)?)
    }

    fn find(&self, spec: &TimeSpec) -> Result<Resolved, Failure> {
        let timeline = self.timeline();
        let moment = match spec {
            TimeSpec::Beside { anchor, offset_ns } => {
                timeline.beside(&self.find(anchor)?, *offset_ns)
            }
            _ => spec.moment(&timeline).map_err(|error| self.unresolved(error))?,
        };
        let found = match self.end_at(moment) {
            None => self.store.sample_at(self.recording.id, moment)?,
            end => end,
        };
        timeline.resolved(moment, found).map_err(|error| self.unresolved(error))
    }

    /// Returns the first or the last sample, if that is what a moment means: both are read already.
    fn end_at(&self, moment: Moment) -> Option<SampleAt> {
        let Extent { first, last, .. } = self.extent.as_ref()?;
        let end = [first, last].into_iter().find(|end| moment == Moment::Number(end.number))?;
        Some(SampleAt { sample: end.clone(), due: end.taken })
    }

    fn timeline(&self) -> Timeline<'_> {
        Timeline {
            extent: self.extent.as_ref(),
            marks: &self.marks,
            interval_ns: self.recording.interval_ns,
            now_utc_ns: now_utc_ns(),
            running: self.running,
            time_zone: zone::local(),
        }
    }

    fn unresolved(&self, error: vmrec_report::Error) -> Failure {
        let hint = format!(
            "`vmrec info{} --recording {}` shows its span, samples and marks",
            db_option(&self.path),
            self.recording.id.0
        );
        Failure::new(Status::Usage, error).hint(hint)
    }

    /// Reads the snapshot of a resolved time.
    pub(crate) fn snapshot(&self, at: &Resolved) -> Result<Snapshot, Failure> {
        Ok(self.store.snapshot(self.recording.id, at.number)?)
    }

    /// Sums the regions of the samples between two times, for figures and pictures.
    pub(crate) fn series(
        &self,
        metrics: &[Metric],
        by: By,
        span: &SpanArgs,
    ) -> Result<Vec<Series>, Failure> {
        self.series_of(metrics, by, span, None)
    }

    /// Sums the regions of some types, for figures and pictures; of all without a filter.
    pub(crate) fn series_of(
        &self,
        metrics: &[Metric],
        by: By,
        span: &SpanArgs,
        only: Option<TypeFilter>,
    ) -> Result<Vec<Series>, Failure> {
        self.sums_among(metrics, by, span, only, TornValues::LeftOut)
    }

    /// Sums the regions of the samples between two times.
    pub(crate) fn sums(
        &self,
        metrics: &[Metric],
        by: By,
        span: &SpanArgs,
        torn: TornValues,
    ) -> Result<Vec<Series>, Failure> {
        self.sums_among(metrics, by, span, None, torn)
    }

    fn sums_among(
        &self,
        metrics: &[Metric],
        by: By,
        span: &SpanArgs,
        only: Option<TypeFilter>,
        torn: TornValues,
    ) -> Result<Vec<Series>, Failure> {
        let (from, to) = self.between(span)?;
        let numbers = from.number..=to.number;
        let interval_ns = self.recording.interval_ns;
        if by == By::Object {
            let sums = ObjectSums::new(metrics, Naming::of(&self.recording.host), interval_ns);
            return self.sums_by_object(sums.only(only).torn(torn), numbers);
        }
        let mut builder = SeriesBuilder::new(metrics, by, interval_ns).only(only).torn(torn);
        builder.reserve(numbers.end() - numbers.start() + 1);
        self.push_samples(&mut builder, numbers)?;
        Ok(builder.finish())
    }

    /// Sums the regions of samples by object, which takes decoding them.
    fn sums_by_object(
        &self,
        mut sums: ObjectSums,
        numbers: RangeInclusive<u64>,
    ) -> Result<Vec<Series>, Failure> {
        let steps = numbers.end() - numbers.start() + 1;
        let measures = sums.measures().to_vec();
        let mut pushed = Ok(());
        let work = |done: &Done| {
            self.store.for_each_kind_sums(self.recording.id, numbers, &measures, |block| {
                done.add(block.ticks.len() as u64);
                pushed = sums.push(block);
                if pushed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        };
        progress::counted("reading regions", steps, work)?;
        pushed.map_err(|error| {
            Failure::new(Status::Recording, error)
                .hint("draw a part, such as --from -1h, or by type: --by type")
        })?;
        Ok(sums.finish())
    }

    /// Returns the limits that the process was under at the last of these samples.
    pub(crate) fn limits(
        &self,
        numbers: &RangeInclusive<u64>,
    ) -> Result<Vec<RecordedLimit>, Failure> {
        let totals = |number: u64| -> Result<Option<ProcessTotals>, Failure> {
            let found = match self.end_at(Moment::Number(number)) {
                None => self.store.sample_at(self.recording.id, Moment::Number(number))?,
                end => end,
            };
            Ok(found.map(|found| found.sample.totals))
        };
        let ends = totals(*numbers.start())?.zip(totals(*numbers.end())?);
        Ok(ends.map_or_else(Vec::new, |(first, last)| RecordedLimit::all(&first, &last)))
    }

    /// Returns its name for display, with that of its file if it may be of another one than is meant.
    pub(crate) fn title(&self, with_file: bool) -> String {
        let Recording { id, process, name, .. } = &self.recording;
        let named = name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let file = if with_file { format!(" of {}", self.path.display()) } else { String::new() };
        format!("{named}{} (pid {}), #{}{file}", process.name(), process.id.pid_text(), id.0)
    }

    /// Returns the process as the owner of its objects.
    pub(crate) fn owner(&self) -> ObjectOwner {
        let Recording { process, host, .. } = &self.recording;
        ObjectOwner {
            executable: process.executable.clone(),
            pid: process.id.known_pid(),
            naming: Naming::of(host),
        }
    }

    /// Adds the sums of samples to a series.
    pub(crate) fn push_samples(
        &self,
        builder: &mut SeriesBuilder,
        numbers: RangeInclusive<u64>,
    ) -> Result<(), Failure> {
        let measures = builder.measures().to_vec();
        let id = self.recording.id;
        let steps = numbers.end().saturating_sub(*numbers.start()) + 1;
        let work = |done: &Done| {
            self.store.for_each_sums(id, numbers, &measures, |block| {
                done.add(block.ticks.len() as u64);
                builder.push(block);
            })
        };
        Ok(progress::counted("reading samples", steps, work)?)
    }

    /// Finds the samples that a part of the recording begins and ends with.
    pub(crate) fn between(&self, span: &SpanArgs) -> Result<(Resolved, Resolved), Failure> {
        let (from, to) = (self.resolve(&span.from)?, self.resolve(&span.to)?);
        if to.number < from.number {
            return Err(Failure::usage(format!("`{}` is later than `{}`", span.from, span.to))
                .hint(format!("swap them: --from {} --to {}", span.to, span.from)));
        }
        Ok((from, to))
    }
}

/// Fails if recordings count different pages, so that their sizes in memory mean different things.
pub(crate) fn same_counting<'a>(
    all: impl IntoIterator<Item = &'a Opened>,
    metrics: &[Metric],
) -> Result<(), Failure> {
    if !metrics.iter().any(|metric| metric.counts_pages()) {
        return Ok(());
    }
    let mut first: Option<Counting> = None;
    // Elsewhere pages are counted in one way only.
    for opened in all.into_iter().filter(|opened| opened.recording.host.os == "macos") {
        let Some(extent) = &opened.extent else { continue };
        let snapshot = opened.store.snapshot(opened.recording.id, extent.first.number)?;
        let Some(counting) = Counting::of(&snapshot) else { continue };
        match first {
            Some(other) if other != counting => {
                let (one, two) = (other.words(), counting.words());
                return Err(Failure::usage(format!(
                    "sizes of {one} and of {two} are not comparable: they mean different things"
                ))
                .hint("record both with --footprint or both without, or compare virtual sizes"));
            }
            _ => first = Some(counting),
        }
    }
    Ok(())
}

/// Returns the newest recording of that name, or else the newest of a process of that name.
fn named(store: &Store, name: &str) -> Result<Option<RecordingId>, Failure> {
    let all = store.recordings()?;
    let newest = |fits: &dyn Fn(&Recording) -> bool| {
        all.iter().map(|summary| &summary.recording).rfind(|one| fits(one))
    };
    let found = newest(&|one| one.name.as_deref() == Some(name))
        .or_else(|| newest(&|one| one.process.name() == name));
    Ok(found.map(|recording| recording.id))
}

/// Returns the wall clock now, in nanoseconds since 1970-01-01 UTC.
pub(crate) fn now_utc_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

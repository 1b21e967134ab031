//! A recording opened for a command: its samples, its marks, times in it.

use std::path::PathBuf;

use jiff::Timestamp;
use vmrec_report::{
    By, Metric, Resolved, Series, SeriesBuilder, TimeSpec, Timeline, moment, resolve,
};
use vmrec_sampler::Snapshot;
use vmrec_store::{Mark, Moment, Recording, RecordingId, Sample, Store};

use crate::args::{RecordingArgs, SpanArgs};
use crate::failure::{Failure, Status};
use crate::file::{TIME_FORMS, db_option, path};
use crate::zone;

/// One recording opened for reading, with its ends and marks.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) store: Store,
    pub(crate) recording: Recording,
    /// Some samples, in order: among them the first and the last, and the first and the last with regions.
    pub(crate) ends: Vec<Sample>,
    pub(crate) marks: Vec<Mark>,
    /// Whether a recorder is adding to it now.
    pub(crate) running: bool,
}

impl Opened {
    /// Opens the recording asked for, or the newest of the file.
    pub(crate) fn open(args: &RecordingArgs) -> Result<Self, Failure> {
        let path = path(&args.file)?;
        let store = Store::open(&path)?;
        let id = match args.recording {
            Some(number) => RecordingId(number),
            None => store.newest()?.ok_or_else(|| {
                Failure::new(
                    Status::Recording,
                    anyhow::anyhow!("{} holds no recording yet", path.display()),
                )
                .hint("record something first: `vmrec record TARGET`")
            })?,
        };
        let recording = store.recording(id)?;
        let ends = store.samples_near(id, Moment::Ends)?;
        let marks = store.marks(id)?;
        let running = recording.ended.is_none() && store.being_recorded();
        Ok(Self { path, store, recording, ends, marks, running })
    }

    /// Finds the sample a time on the command line means.
    pub(crate) fn resolve(&self, text: &str) -> Result<Resolved, Failure> {
        let spec: TimeSpec = TimeSpec::parse(text)
            .map_err(|error| Failure::new(Status::Usage, error).hint(TIME_FORMS))?;
        let ends = self.timeline(&self.ends);
        let moment = moment(&spec, &ends).map_err(|error| self.unresolved(error))?;
        let near = match moment {
            Moment::Ends => Vec::new(),
            _ => self.store.samples_near(self.recording.id, moment)?,
        };
        let samples = merged(&self.ends, near);
        let timeline = Timeline { samples: &samples, ..ends };
        resolve(&spec, &timeline).map_err(|error| self.unresolved(error))
    }

    fn timeline<'a>(&'a self, samples: &'a [Sample]) -> Timeline<'a> {
        Timeline {
            samples,
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

    /// Sums the regions of every sample between two times.
    pub(crate) fn series(
        &self,
        metrics: &[Metric],
        by: By,
        span: &SpanArgs,
    ) -> Result<Vec<Series>, Failure> {
        let (from, to) = self.between(span)?;
        let mut builder = SeriesBuilder::new(metrics, by, self.recording.interval_ns);
        builder.reserve(to.number - from.number + 1);
        let measures = builder.measures().to_vec();
        let numbers = from.number..=to.number;
        let id = self.recording.id;
        self.store.for_each_sums(id, numbers, &measures, |block| builder.push(block))?;
        Ok(builder.finish())
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

/// Puts samples read later among those read first, in order; those recorded meanwhile are left
/// out, so that both are of one moment.
pub(crate) fn merged(ends: &[Sample], near: Vec<Sample>) -> Vec<Sample> {
    let newest = ends.last().map_or(0, |sample| sample.number);
    let mut all = near;
    all.retain(|sample| sample.number <= newest);
    all.extend_from_slice(ends);
    all.sort_by_key(|sample| sample.number);
    all.dedup_by_key(|sample| sample.number);
    all
}

/// Returns the wall clock now, in nanoseconds since 1970-01-01 UTC.
pub(crate) fn now_utc_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

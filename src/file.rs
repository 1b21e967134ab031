//! Which file and which recording a command works on, and what lies in it.

use std::env;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use vmrec_report::metric::Metric;
use vmrec_report::series::{By, Series, SeriesBuilder};
use vmrec_report::time::{self, Resolved, TimeSpec, Timeline};
use vmrec_sampler::Snapshot;
use vmrec_store::{Mark, Moment, Recording, RecordingId, Sample, Store};

use crate::cli::{FileArgs, RecordingArgs, SpanArgs};
use crate::failure::{Failure, Status};
use crate::zone;

/// How times are written, for those who wrote one wrong.
const TIME_FORMS: &str = "times are 2026-03-01T14:05:09Z, '2026-03-01 14:05', 14:05[:09] (local),
-1h30m (before the end, or before now while recording), +90s (after the start),
start, end, now, peak (largest footprint), #12 (a sample), @TEXT (a mark)";

/// Returns the file to use: the one given, else `vmrec/vmrec.db` in the user's data folder.
pub(crate) fn path(args: &FileArgs) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.db {
        if path.as_os_str().is_empty() {
            return Err(Failure::usage("the file name given with --db or VMREC_DB is empty"));
        }
        return Ok(path.clone());
    }
    default_path().ok_or_else(|| {
        Failure::usage("cannot tell where your data folder is: HOME is not set")
            .hint("name a file with --db FILE")
    })
}

/// Returns the default file, unless the environment does not say where the user's data lies.
pub(crate) fn default_path() -> Option<PathBuf> {
    let folder =
        |variable| env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = if cfg!(target_os = "macos") {
        folder("HOME")?.join("Library/Application Support")
    } else {
        folder("XDG_DATA_HOME").or_else(|| Some(folder("HOME")?.join(".local/share")))?
    };
    Some(data.join("vmrec/vmrec.db"))
}

/// Returns ` --db FILE` as it must be typed after a command to mean `path`, or nothing for the default file.
pub(crate) fn db_option(path: &Path) -> String {
    let by_environment = env::var_os("VMREC_DB").is_some_and(|set| set == path.as_os_str());
    if by_environment || default_path().as_deref() == Some(path) {
        return String::new();
    }
    format!(" --db {}", shell_word(&path.display().to_string()))
}

/// Quotes a word for a POSIX shell where it needs it.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

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
        let moment = time::moment(&spec, &ends).map_err(|error| self.unresolved(error))?;
        let near = match moment {
            Moment::Ends => Vec::new(),
            _ => self.store.samples_near(self.recording.id, moment)?,
        };
        let samples = merged(&self.ends, near);
        let timeline = Timeline { samples: &samples, ..ends };
        time::resolve(&spec, &timeline).map_err(|error| self.unresolved(error))
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
fn merged(ends: &[Sample], near: Vec<Sample>) -> Vec<Sample> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_a_shell_would_split_are_quoted() {
        assert_eq!(shell_word("/tmp/a.db"), "/tmp/a.db");
        assert_eq!(shell_word("my file's.db"), r"'my file'\''s.db'");
        assert_eq!(shell_word(""), "''");
    }
}

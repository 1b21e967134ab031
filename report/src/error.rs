//! Errors of reporting, one variant for each reaction of a caller.

use plotters::drawing::DrawingAreaErrorKind;

use crate::text::escape;

/// An error of the reports. Messages name the object; remedies are the caller's to give.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The words are of no known form.
    #[error("time \"{}\" is not understood: {}", escape::terminal(text), reason)]
    Unparsable {
        /// The user's text.
        text: String,
        /// The mistake in it.
        reason: &'static str,
    },
    /// The time is before the first sample.
    #[error("{asked} is before the recording, which spans {first} to {last}")]
    BeforeFirst {
        /// The time asked for, local.
        asked: String,
        /// The first sample's time, local.
        first: String,
        /// The last sample's time, local.
        last: String,
    },
    /// The time is after the last sample.
    #[error("{asked} is after the recording, which spans {first} to {last}")]
    AfterLast {
        /// The time asked for, local.
        asked: String,
        /// The first sample's time, local.
        first: String,
        /// The last sample's time, local.
        last: String,
    },
    /// No mark has this text or begins so.
    #[error("no mark begins with \"{}\"; {}", escape::terminal(text), listed(marks))]
    UnknownMark {
        /// The user's text, without the `@`.
        text: String,
        /// The marks there are, each with its local time.
        marks: Vec<String>,
    },
    /// Several marks have this text or begin so.
    #[error("several marks fit \"{}\"; {}", escape::terminal(text), listed(marks))]
    AmbiguousMark {
        /// The user's text, without the `@`.
        text: String,
        /// The marks that fit, each with its local time.
        marks: Vec<String>,
    },
    /// A report on a heap is not as this version writes them.
    #[error("a report on a heap cannot be read: {0}")]
    HeapReport(serde_json::Error),
    /// The recording has no sample of this number.
    #[error("no sample #{number}; the recording has #{first} to #{last}")]
    NoSuchSample {
        /// The number asked for.
        number: u64,
        /// The first sample's number.
        first: u64,
        /// The last sample's number.
        last: u64,
    },
    /// `peak` was asked for, but no sample has a footprint.
    #[error("the recording has no peak: the footprint of every sample is unknown")]
    NoPeak,
    /// There is no sample, at all or in the time asked for.
    #[error("the recording has no samples")]
    NoSamples,
    /// Every sample was missed.
    #[error("all {missed} samples were missed: there is nothing to draw")]
    NothingMeasured {
        /// How many samples were missed.
        missed: usize,
    },
    /// No sample has regions, since they may not be read.
    #[error(
        "the regions of all {samples} samples are unknown, since they may not be read: they have the \
         totals of the process alone"
    )]
    TotalsAlone {
        /// How many samples there are.
        samples: usize,
    },
    /// The platform does not say what was asked for.
    #[error("{metric} is unknown in this recording: its platform does not report it")]
    Unknown {
        /// The name of the metric.
        metric: String,
    },
    /// No sample was a full one.
    #[error("{metric} is unknown in this recording: its {samples} samples are cheap")]
    Cheap {
        /// The name of the metric.
        metric: String,
        /// How many samples there are.
        samples: usize,
    },
    /// The objects and their changes are more than fit in memory.
    #[error(
        "objects changed {changes} times up to sample #{number}: more than can be kept at once"
    )]
    TooManyChanges {
        /// How often their sums changed.
        changes: usize,
        /// The sample up to which they did.
        number: u64,
    },
    /// The picture would be too small or too large.
    #[error(
        "a chart of {width}x{height} pixels cannot be drawn: it must be at least \
         {min_width}x{min_height} and at most {max}x{max}"
    )]
    Size {
        /// The width asked for, in pixels.
        width: u32,
        /// The height asked for, in pixels.
        height: u32,
        /// The minimum width, in pixels.
        min_width: u32,
        /// The minimum height, in pixels.
        min_height: u32,
        /// The maximum of either, in pixels.
        max: u32,
    },
    /// The drawing library failed.
    #[error("the chart could not be drawn")]
    Draw {
        /// Its message.
        #[from]
        source: DrawingAreaErrorKind<std::io::Error>,
    },
    /// CSV could not be written.
    #[error("CSV could not be written")]
    Csv(#[source] csv::Error),
    /// The output could not be written.
    #[error("a report could not be written")]
    Write(#[from] std::io::Error),
}

impl From<csv::Error> for Error {
    /// Keeps apart what could not be written to: csv hides that kind of error from its chain.
    fn from(error: csv::Error) -> Self {
        match error.kind() {
            csv::ErrorKind::Io(source) => Self::Write(std::io::Error::new(source.kind(), error)),
            _ => Self::Csv(error),
        }
    }
}

fn listed(marks: &[String]) -> String {
    if marks.is_empty() {
        "the recording has no marks".to_owned()
    } else {
        format!("marks: {}", marks.join(", "))
    }
}

//! How a chart looks, and the text beside it.

use jiff::tz::TimeZone;
use vmrec_sampler::Naming;

use crate::limits::RecordedLimit;

/// The aspect of a series that is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChartKind {
    /// The values, stacked to their total.
    #[default]
    Area,
    /// A line for each key: its value less its first one.
    Growth,
}

/// The colours around the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light, and dark where the reader prefers it.
    #[default]
    Auto,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

impl Theme {
    /// Returns its word on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// How times are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeAxis {
    /// Local time of day, with its offset from UTC said once.
    #[default]
    Wall,
    /// Time since the first sample.
    Elapsed,
}

/// How a chart is to look.
#[derive(Clone, Debug)]
pub struct ChartOptions {
    /// The aspect of the series that is drawn.
    pub kind: ChartKind,
    /// The colours around the data.
    pub theme: Theme,
    /// How times are shown.
    pub axis: TimeAxis,
    /// The time zone of local times.
    pub zone: TimeZone,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How many times larger text and lines are in it.
    pub scale: f64,
    /// Whether virtual memory includes the reserved family, which may be a thousand times the rest.
    pub include_reserved: bool,
    /// The word that the ids of its elements begin with, before a hash of the content; letters, digits, `-` and `_` are kept.
    pub id: String,
}

impl Default for ChartOptions {
    fn default() -> Self {
        Self {
            kind: ChartKind::default(),
            theme: Theme::default(),
            axis: TimeAxis::default(),
            zone: TimeZone::UTC,
            width: 960,
            height: 540,
            scale: 1.0,
            include_reserved: false,
            id: "vmrec".to_owned(),
        }
    }
}

/// A chart, and what it shows in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The SVG document.
    pub svg: String,
    /// The finding. Its words may hold anything: escape them where they are shown.
    pub finding: String,
}

/// The text about a series of means between the first sample and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// How many there are.
    pub chunks: u64,
    /// From how many samples they are.
    pub samples: u64,
    /// How many of the newest samples are in none of them.
    pub not_drawn: u64,
}

impl Means {
    /// Returns from how many samples each is, about.
    pub(crate) fn each(&self) -> u64 {
        self.samples.checked_div(self.chunks).unwrap_or(0)
    }
}

/// A named moment to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartMark {
    /// When: nanoseconds since 1970-01-01 UTC.
    pub utc_ns: i64,
    /// Its text, as the user gave it.
    pub text: String,
}

impl ChartContext {
    /// Returns the process, or the types counted and the process: `MALLOC (brk heap) of node`.
    pub(crate) fn subject(&self) -> String {
        let types = match &self.types[..] {
            [] => return self.process.clone(),
            [most @ .., last] if !most.is_empty() && most.len() < MAX_NAMED_TYPES => {
                format!("{} + {last}", most.join(", "))
            }
            [one] => one.clone(),
            many => format!("{} types", many.len()),
        };
        format!("{types} of {}", self.process)
    }
}

/// The maximum number of types that a title names.
const MAX_NAMED_TYPES: usize = 3;

/// The text beside the data. Text may hold anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartContext {
    /// The name of the process.
    pub process: String,
    /// Its number.
    pub pid: Option<u32>,
    /// How many processes a session has; `None` of one process.
    pub processes: Option<u64>,
    /// The name of the machine.
    pub host: String,
    /// Whose words types and families have.
    pub naming: Naming,
    /// Its system and release, such as `linux 6.18.44 x86_64`.
    pub kernel: String,
    /// The user's name for the recording.
    pub recording: Option<String>,
    /// When the process started: nanoseconds since 1970-01-01 UTC, if that is known.
    pub started_utc_ns: Option<i64>,
    /// Planned time between samples, in nanoseconds.
    pub interval_ns: u64,
    /// Where the series has means in place of samples, what they are of.
    pub means: Option<Means>,
    /// Processor time of taking a sample, in nanoseconds, on average.
    pub cost_ns: Option<u64>,
    /// Processor time of taking samples, as a part of one processor in percent.
    pub cost_percent: Option<f64>,
    /// The largest resident size since the process began, by the kernel's own count.
    pub kernel_peak_bytes: Option<u64>,
    /// The limits it was under at the end.
    pub limits: Vec<RecordedLimit>,
    /// The labels of the types counted, if some only are.
    pub types: Vec<String>,
    /// Named moments; those outside the time drawn are left out.
    pub marks: Vec<ChartMark>,
    /// The version of vmrec that draws.
    pub version: String,
}

//! A time as it is written, and the sample it leads to.

use jiff::civil;
use jiff::tz::TimeZone;
use vmrec_sampler::Timestamp;
use vmrec_store::{Extent, Mark};

use crate::text::{clock, units};

/// A time as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeSpec {
    /// A moment of the wall clock: nanoseconds since 1970-01-01 UTC.
    At {
        /// Which moment.
        utc_ns: i64,
    },
    /// A local date and time; of two (clocks set back), the first.
    Local(civil::DateTime),
    /// A local time of day: the latest such time that is not after the end, or after now while recording.
    TimeOfDay(civil::Time),
    /// So long before the end of the recording, or before now while it runs.
    BeforeEnd {
        /// How long before.
        ns: u64,
    },
    /// So long after the start of the recording.
    AfterStart {
        /// How long after.
        ns: u64,
    },
    /// The first sample.
    Start,
    /// The last sample.
    End,
    /// The last sample too: the newest there is.
    Now,
    /// The sample with the largest footprint; the first of several.
    Peak,
    /// The sample of that number.
    Sample(u64),
    /// The mark of that text, or the only one whose text begins so; so long after or before it
    /// where the text ends like `+5s` and no mark is called that.
    Mark(String),
    /// So long before the clock now.
    Ago {
        /// How long before.
        ns: u64,
    },
    /// That part of the recording, from its first sample to its last.
    Part {
        /// In hundredths of a percent.
        hundredths: u32,
    },
    /// So long after the peak or a sample; before it if negative.
    Beside {
        /// [`TimeSpec::Peak`] or [`TimeSpec::Sample`].
        anchor: Box<TimeSpec>,
        /// How long after.
        offset_ns: i64,
    },
}

/// All that gives a time its meaning: where the recording begins and ends, its marks, the clock now.
#[derive(Clone, Debug)]
pub struct Timeline<'a> {
    /// The first and last samples of the recording, if any has regions.
    pub extent: Option<&'a Extent>,
    /// Every mark of the recording.
    pub marks: &'a [Mark],
    /// Planned time between samples: how far past its last sample a recording reaches.
    pub interval_ns: u64,
    /// The wall clock now.
    pub now_utc_ns: i64,
    /// Whether the recording is still being made.
    pub running: bool,
    /// Where local times are read and shown.
    pub time_zone: TimeZone,
}

/// The sample a time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The sample's number.
    pub number: u64,
    /// When it was taken.
    pub taken: Timestamp,
    /// The moment asked for.
    pub asked_utc_ns: i64,
    /// How far the sample is from the moment asked for; negative if it is earlier.
    pub off_by_ns: i64,
}

impl Resolved {
    /// Says which sample was used and how far off it is:
    /// `sample #12 of 2026-03-01 14:05:09.250 +01:00, 1.2s before the time asked for`.
    pub fn sentence(&self, time_zone: &TimeZone) -> String {
        let taken = clock::local_exact(self.taken.utc_ns, time_zone);
        let off_by = units::duration(self.off_by_ns.unsigned_abs());
        match self.off_by_ns.signum() {
            -1 => format!("sample #{} of {taken}, {off_by} before the time asked for", self.number),
            1 => format!("sample #{} of {taken}, {off_by} after the time asked for", self.number),
            _ => format!("sample #{} of {taken}", self.number),
        }
    }
}

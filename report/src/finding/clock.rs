//! Times within a series as a reader sees them: by the wall clock, or since the first sample.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::text::units;

/// How the times of a series are written.
#[derive(Clone, Debug)]
pub enum Clock {
    /// By the wall clock of the first tick and the time since.
    Wall {
        /// When the first tick was: nanoseconds since 1970-01-01 UTC.
        begin_utc_ns: i64,
        /// The time zone.
        zone: TimeZone,
    },
    /// Since the first tick.
    Elapsed,
}

impl Clock {
    /// Returns a time since the first tick: `07:21:39`, or `2m 10s`.
    pub fn moment(&self, elapsed_ns: u64) -> String {
        match self {
            Self::Elapsed => units::duration(elapsed_ns),
            Self::Wall { begin_utc_ns, zone } => {
                let begin = local(*begin_utc_ns, 0, zone);
                let local = local(*begin_utc_ns, elapsed_ns, zone);
                let same_day = begin.date() == local.date();
                local.strftime(if same_day { "%H:%M:%S" } else { "%b %-d %H:%M:%S" }).to_string()
            }
        }
    }

    /// Returns a time with its preposition: `at 07:21:39`, or `after 2m 10s`.
    pub fn at(&self, elapsed_ns: u64) -> String {
        let preposition = if matches!(self, Self::Elapsed) { "after" } else { "at" };
        format!("{preposition} {}", self.moment(elapsed_ns))
    }
}

/// Returns the moment `elapsed_ns` after `utc_ns` in local time.
pub(crate) fn local(utc_ns: i64, elapsed_ns: u64, zone: &TimeZone) -> DateTime {
    zone.to_datetime(moment(utc_ns, elapsed_ns))
}

/// Returns the moment `elapsed_ns` after `utc_ns`.
pub(crate) fn moment(utc_ns: i64, elapsed_ns: u64) -> Timestamp {
    let ns = i128::from(utc_ns) + i128::from(elapsed_ns);
    Timestamp::from_nanosecond(ns).unwrap_or(Timestamp::MAX)
}

//! From the time that a user wrote to a moment of the recording, and from the
//! sample that the store has for it to an answer, or to an error in words.
//!
//! Lengths of time are counted on the monotonic clock, since the wall clock
//! may have stepped meanwhile; dates and times of day on the wall clock.

#[cfg(test)]
mod sparse_tests;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use vmrec_sampler::Timestamp;
use vmrec_store::{Extent, Mark, Moment, SampleAt};

use crate::error::Error;
use crate::text::{clock, escape};
use crate::time::spec::{Resolved, TimeSpec, Timeline};

impl TimeSpec {
    /// Returns the moment of the recording that this means.
    pub fn moment(&self, timeline: &Timeline<'_>) -> Result<Moment, Error> {
        let span = SampledTimeline::of(timeline)?;
        Ok(match self {
            Self::Start => Moment::Number(span.extent.first.number),
            Self::End | Self::Now => Moment::Number(span.extent.last.number),
            Self::Peak => Moment::Peak,
            Self::Sample(number) => Moment::Number(span.numbered(*number)?),
            Self::At { utc_ns } => Moment::Utc(*utc_ns),
            Self::Mark(text) => {
                Moment::Utc(find_mark(text, timeline.marks, &timeline.time_zone)?.utc_ns)
            }
            Self::Local(local) => {
                let moment = timeline.time_zone.to_ambiguous_timestamp(*local).compatible();
                let moment = moment.map_err(|_| span.outside(&local.to_string(), true))?;
                Moment::Utc(nanoseconds(moment))
            }
            Self::TimeOfDay(time) => {
                let utc_ns = latest(*time, span.end_utc_ns(), &timeline.time_zone);
                Moment::Utc(utc_ns.ok_or_else(|| span.outside(&time.to_string(), true))?)
            }
            Self::BeforeEnd { ns } => span.end_monotonic_ns().checked_sub(*ns).map_or_else(
                || Err(span.before_first(i128::from(span.end_monotonic_ns()) - i128::from(*ns))),
                |ns| Ok(Moment::Monotonic(ns)),
            )?,
            // Later than all clocks show is after the last sample as well.
            Self::AfterStart { ns } => {
                Moment::Monotonic(span.extent.first.taken.monotonic_ns.saturating_add(*ns))
            }
        })
    }
}

impl Timeline<'_> {
    /// Returns the answer for a moment, given the sample that the store has at or before it.
    pub fn resolved(&self, moment: Moment, found: Option<SampleAt>) -> Result<Resolved, Error> {
        let span = SampledTimeline::of(self)?;
        match moment {
            Moment::Peak => {
                let SampleAt { sample, .. } = found.ok_or(Error::NoPeak)?;
                Ok(resolved(sample.number, sample.taken, sample.taken.utc_ns))
            }
            Moment::Number(number) => {
                let found =
                    found.ok_or_else(|| span.outside(&format!("sample #{number}"), true))?;
                let SampleAt { sample, due } = found;
                Ok(Resolved {
                    number: sample.number,
                    taken: sample.taken,
                    asked_utc_ns: due.utc_ns,
                    off_by_ns: monotonic_difference(sample.taken, due),
                })
            }
            Moment::Utc(utc_ns) => {
                if utc_ns > span.end_utc_ns() {
                    return Err(span.outside(&span.local(utc_ns), false));
                }
                let found = found.ok_or_else(|| span.outside(&span.local(utc_ns), true))?;
                Ok(resolved(found.sample.number, found.sample.taken, utc_ns))
            }
            Moment::Monotonic(ns) => span.at_monotonic(ns, found),
        }
    }
}

/// A timeline that has samples.
struct SampledTimeline<'a> {
    timeline: &'a Timeline<'a>,
    extent: &'a Extent,
}

impl<'a> SampledTimeline<'a> {
    fn of(timeline: &'a Timeline<'a>) -> Result<Self, Error> {
        Ok(Self { timeline, extent: timeline.extent.ok_or(Error::NoSamples)? })
    }

    /// The wall clock at the end: now while recording, else one interval after the last sample.
    fn end_utc_ns(&self) -> i64 {
        let newest = self.extent.newest.taken.utc_ns;
        if self.timeline.running {
            self.timeline.now_utc_ns.max(newest)
        } else {
            let interval = i64::try_from(self.timeline.interval_ns).unwrap_or(i64::MAX);
            newest.saturating_add(interval)
        }
    }

    /// The monotonic clock at the end: the last sample's, plus what passed since while recording.
    fn end_monotonic_ns(&self) -> u64 {
        let newest = self.extent.newest.taken;
        let since = self.timeline.now_utc_ns.saturating_sub(newest.utc_ns);
        let since = if self.timeline.running { u64::try_from(since).unwrap_or(0) } else { 0 };
        newest.monotonic_ns.saturating_add(since)
    }

    /// Returns a number that the recording has, or had before it was thinned out.
    fn numbered(&self, number: u64) -> Result<u64, Error> {
        let (first, last) = (self.extent.oldest_number, self.extent.newest.number);
        match (first..=last).contains(&number) {
            true => Ok(number),
            false => Err(Error::NoSuchSample { number, first, last }),
        }
    }

    fn at_monotonic(&self, asked_ns: u64, found: Option<SampleAt>) -> Result<Resolved, Error> {
        let Some(SampleAt { sample, .. }) = found else {
            return Err(self.before_first(i128::from(asked_ns)));
        };
        let off_by = i128::from(sample.taken.monotonic_ns) - i128::from(asked_ns);
        let asked_utc_ns = clamped(i128::from(sample.taken.utc_ns) - off_by);
        if asked_ns > self.end_monotonic_ns().saturating_add(self.timeline.interval_ns) {
            return Err(self.outside(&self.local(asked_utc_ns), false));
        }
        Ok(Resolved {
            number: sample.number,
            taken: sample.taken,
            asked_utc_ns,
            off_by_ns: clamped(off_by),
        })
    }

    /// The error for a moment of the monotonic clock before the first sample.
    fn before_first(&self, asked_ns: i128) -> Error {
        let first = self.extent.first.taken;
        let before = i128::from(first.monotonic_ns) - asked_ns;
        self.outside(&self.local(clamped(i128::from(first.utc_ns) - before)), true)
    }

    fn outside(&self, asked: &str, before: bool) -> Error {
        let asked = asked.to_owned();
        let first = self.local(self.extent.first.taken.utc_ns);
        let last = self.local(self.extent.last.taken.utc_ns);
        if before {
            Error::BeforeFirst { asked, first, last }
        } else {
            Error::AfterLast { asked, first, last }
        }
    }

    fn local(&self, utc_ns: i64) -> String {
        clock::local(utc_ns, &self.timeline.time_zone)
    }
}

fn resolved(number: u64, taken: Timestamp, asked_utc_ns: i64) -> Resolved {
    let off_by_ns = taken.utc_ns.saturating_sub(asked_utc_ns);
    Resolved { number, taken, asked_utc_ns, off_by_ns }
}

fn monotonic_difference(a: Timestamp, b: Timestamp) -> i64 {
    clamped(i128::from(a.monotonic_ns) - i128::from(b.monotonic_ns))
}

fn clamped(ns: i128) -> i64 {
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

fn nanoseconds(moment: jiff::Timestamp) -> i64 {
    clamped(moment.as_nanosecond())
}

/// Returns the latest moment with that time of day that is not after `end_utc_ns`.
fn latest(time: jiff::civil::Time, end_utc_ns: i64, time_zone: &TimeZone) -> Option<i64> {
    let end = jiff::Timestamp::from_nanosecond(i128::from(end_utc_ns)).ok()?;
    let mut day = end.to_zoned(time_zone.clone()).date();
    // Two days suffice, since a zone's days have 23 hours or more; one is for zones that skip a day.
    for _ in 0..3 {
        let moment = time_zone.to_ambiguous_timestamp(day.to_datetime(time));
        // Clocks set back show the time twice.
        for candidate in [moment.later(), moment.earlier()].into_iter().flatten() {
            if candidate <= end {
                return Some(nanoseconds(candidate));
            }
        }
        day = day.yesterday().ok()?;
    }
    None
}

fn find_mark<'a>(text: &str, marks: &'a [Mark], time_zone: &TimeZone) -> Result<&'a Mark, Error> {
    let shown = |mark: &Mark| {
        let moment = clock::local(mark.utc_ns, time_zone);
        format!("\"{}\" ({moment})", escape::terminal(&mark.text))
    };
    let exact: Vec<&Mark> = marks.iter().filter(|mark| mark.text == text).collect();
    let fitting = if exact.is_empty() {
        marks.iter().filter(|mark| mark.text.starts_with(text)).collect()
    } else {
        exact
    };
    match fitting[..] {
        [mark] => Ok(mark),
        [] => Err(Error::UnknownMark {
            text: text.to_owned(),
            marks: marks.iter().map(shown).collect(),
        }),
        _ => Err(Error::AmbiguousMark {
            text: text.to_owned(),
            marks: fitting.into_iter().map(shown).collect(),
        }),
    }
}

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
use crate::time::parse::split_offset;
use crate::time::span::SPAN_END;
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
            Self::Mark(text) => Moment::Utc(marked(text, timeline)?),
            Self::Ago { ns } => {
                let ns = i64::try_from(*ns).unwrap_or(i64::MAX);
                Moment::Utc(timeline.now_utc_ns.saturating_sub(ns))
            }
            Self::Part { hundredths } => {
                let (first, last) = (span.extent.first.taken, span.extent.last.taken);
                let length = i128::from(last.monotonic_ns) - i128::from(first.monotonic_ns);
                let part = length * i128::from(*hundredths) / 10_000;
                Moment::Monotonic(i128::from(first.monotonic_ns) + part)
            }
            // The caller resolves the anchor first, which only the store can.
            Self::Beside { anchor, .. } => anchor.moment(timeline)?,
            Self::Local(local) => {
                let moment = timeline.time_zone.to_ambiguous_timestamp(*local).compatible();
                let moment = moment.map_err(|_| span.outside(&local.to_string(), true))?;
                Moment::Utc(nanoseconds(moment))
            }
            Self::TimeOfDay(time) => {
                let utc_ns = latest(*time, span.end_utc_ns(), &timeline.time_zone);
                Moment::Utc(utc_ns.ok_or_else(|| span.outside(&time.to_string(), true))?)
            }
            Self::BeforeEnd { ns } => {
                Moment::Monotonic(i128::from(span.end_monotonic_ns()) - i128::from(*ns))
            }
            // Later than all clocks show is after the last sample as well.
            Self::AfterStart { ns } => {
                let first = span.extent.first.taken.monotonic_ns;
                Moment::Monotonic(i128::from(first) + i128::from(*ns))
            }
        })
    }
}

impl Timeline<'_> {
    /// Returns the moment so long after a sample, or before it if negative.
    pub fn beside(&self, anchor: &Resolved, offset_ns: i64) -> Moment {
        Moment::Monotonic(i128::from(anchor.taken.monotonic_ns) + i128::from(offset_ns))
    }

    /// Returns the answer for a moment, given the sample that the store has at or before it.
    ///
    /// A length of time that reaches back before the first sample means that one.
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

    fn at_monotonic(&self, asked_ns: i128, found: Option<SampleAt>) -> Result<Resolved, Error> {
        let sample = found.map_or_else(|| self.extent.first.clone(), |found| found.sample);
        let off_by = i128::from(sample.taken.monotonic_ns) - asked_ns;
        let asked_utc_ns = clamped(i128::from(sample.taken.utc_ns) - off_by);
        let end_ns = self.end_monotonic_ns().saturating_add(self.timeline.interval_ns);
        if asked_ns > i128::from(end_ns) {
            return Err(self.outside(&self.local(asked_utc_ns), false));
        }
        Ok(Resolved {
            number: sample.number,
            taken: sample.taken,
            asked_utc_ns,
            off_by_ns: clamped(off_by),
        })
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

/// Returns when a mark was set, or so long after or before it.
fn marked(text: &str, timeline: &Timeline<'_>) -> Result<i64, Error> {
    let found =
        |text: &str| find_mark(text, timeline.marks, &timeline.time_zone).map(|mark| mark.utc_ns);
    match (found(text), split_offset(text)) {
        (Err(unknown @ Error::UnknownMark { .. }), Some((mark, offset_ns))) => {
            found(mark).map_or(Err(unknown), |utc_ns| Ok(utc_ns.saturating_add(offset_ns)))
        }
        (found, _) => found,
    }
}

fn find_mark<'a>(text: &str, marks: &'a [Mark], time_zone: &TimeZone) -> Result<&'a Mark, Error> {
    let shown = |mark: &Mark| {
        let moment = clock::local(mark.utc_ns, time_zone);
        format!("\"{}\" ({moment})", escape::terminal(&mark.text))
    };
    let lower = text.to_lowercase();
    let fits: [&dyn Fn(&str) -> bool; 3] =
        [&|mark| mark == text, &|mark| mark.starts_with(text), &|mark| {
            mark.to_lowercase().starts_with(&lower)
        }];
    let fitting = |fits: &&dyn Fn(&str) -> bool| -> Vec<&Mark> {
        marks.iter().filter(|mark| fits(&mark.text)).collect()
    };
    let mut fitting =
        fits.iter().map(fitting).find(|fitting| !fitting.is_empty()).unwrap_or_default();
    // The first letters of a span mean its begin; its end is asked for by its whole name.
    let is_end = |mark: &&Mark| {
        let name = mark.text.strip_suffix(SPAN_END);
        name.is_some_and(|name| marks.iter().any(|other| other.text == name))
    };
    if fitting.len() > 1 && !fitting.iter().all(is_end) {
        fitting.retain(|mark| !is_end(mark));
    }
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

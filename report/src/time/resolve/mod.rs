//! Finds the sample a time means.
//!
//! Lengths of time are counted on the monotonic clock, since the wall clock
//! may have stepped meanwhile; dates and times of day on the wall clock.

#[cfg(test)]
mod sparse_tests;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use vmrec_sampler::Timestamp;
use vmrec_store::{Mark, Moment, Sample};

use crate::error::Error;
use crate::text::{clock, escape};
use crate::time::spec::{Resolved, TimeSpec, Timeline};

/// Returns the sample `spec` means: between two samples, the last one with regions at or before.
pub fn resolve(spec: &TimeSpec, timeline: &Timeline<'_>) -> Result<Resolved, Error> {
    let span = Span::of(timeline)?;
    match asked(spec, &span)? {
        Asked::First => Ok(exactly(span.first)),
        Asked::Last => Ok(exactly(span.last)),
        Asked::Peak => peak(timeline).map(exactly),
        Asked::Number(number) => span.numbered(number),
        Asked::Utc(utc_ns) => span.at_wall_clock(utc_ns),
        Asked::Monotonic(ns) => span.at_monotonic(ns),
    }
}

/// Returns where in the recording the samples are that decide the meaning of `spec`.
///
/// `ends` needs no samples but those of [`Moment::Ends`]; [`resolve`] needs those of the moment too.
pub fn moment(spec: &TimeSpec, ends: &Timeline<'_>) -> Result<Moment, Error> {
    Ok(match asked(spec, &Span::of(ends)?)? {
        Asked::First | Asked::Last => Moment::Ends,
        Asked::Peak => Moment::Peak,
        Asked::Number(number) => Moment::Number(number),
        Asked::Utc(utc_ns) => Moment::Utc(utc_ns),
        // Before all clocks there is nothing, and after the last sample only that one.
        Asked::Monotonic(ns) => u64::try_from(ns).map_or(Moment::Ends, Moment::Monotonic),
    })
}

/// What a time asks for, once the ends of the recording and its marks are known.
enum Asked {
    First,
    Last,
    Peak,
    Number(u64),
    Utc(i64),
    Monotonic(i128),
}

fn asked(spec: &TimeSpec, span: &Span<'_>) -> Result<Asked, Error> {
    let timeline = span.timeline;
    Ok(match spec {
        TimeSpec::Start => Asked::First,
        TimeSpec::End | TimeSpec::Now => Asked::Last,
        TimeSpec::Peak => Asked::Peak,
        TimeSpec::Sample(number) => Asked::Number(*number),
        TimeSpec::At { utc_ns } => Asked::Utc(*utc_ns),
        TimeSpec::Mark(text) => {
            Asked::Utc(find_mark(text, timeline.marks, &timeline.time_zone)?.utc_ns)
        }
        TimeSpec::Local(local) => {
            match timeline.time_zone.to_ambiguous_timestamp(*local).compatible() {
                Ok(moment) => Asked::Utc(nanoseconds(moment)),
                Err(_) => return Err(span.outside(&local.to_string(), true)),
            }
        }
        TimeSpec::TimeOfDay(time) => match latest(*time, span.end_utc_ns(), &timeline.time_zone) {
            Some(utc_ns) => Asked::Utc(utc_ns),
            None => return Err(span.outside(&time.to_string(), true)),
        },
        TimeSpec::BeforeEnd { ns } => {
            Asked::Monotonic(i128::from(span.end_monotonic_ns()) - i128::from(*ns))
        }
        TimeSpec::AfterStart { ns } => {
            Asked::Monotonic(i128::from(span.first.taken.monotonic_ns) + i128::from(*ns))
        }
    })
}

/// The stretch of a timeline that has samples.
struct Span<'a> {
    timeline: &'a Timeline<'a>,
    /// The first sample with regions.
    first: &'a Sample,
    /// The last sample with regions.
    last: &'a Sample,
    /// The last sample of all, perhaps a missed one.
    newest: &'a Sample,
}

impl<'a> Span<'a> {
    fn of(timeline: &'a Timeline<'a>) -> Result<Self, Error> {
        let mut seen = timeline.samples.iter().filter(|sample| sample.has_regions());
        let first = seen.next().ok_or(Error::NoSamples)?;
        let last = seen.next_back().unwrap_or(first);
        let newest = timeline.samples.last().unwrap_or(last);
        Ok(Self { timeline, first, last, newest })
    }

    /// The wall clock at the end: now while recording, else one interval after the last sample.
    fn end_utc_ns(&self) -> i64 {
        let newest = self.newest.taken.utc_ns;
        if self.timeline.running {
            self.timeline.now_utc_ns.max(newest)
        } else {
            let interval = i64::try_from(self.timeline.interval_ns).unwrap_or(i64::MAX);
            newest.saturating_add(interval)
        }
    }

    /// The monotonic clock at the end: the last sample's, plus what passed since while recording.
    fn end_monotonic_ns(&self) -> u64 {
        let newest = self.newest.taken;
        let since = self.timeline.now_utc_ns.saturating_sub(newest.utc_ns);
        let since = if self.timeline.running { u64::try_from(since).unwrap_or(0) } else { 0 };
        newest.monotonic_ns.saturating_add(since)
    }

    fn seen(&self) -> impl Iterator<Item = &'a Sample> {
        self.timeline.samples.iter().filter(|sample| sample.has_regions())
    }

    fn at_wall_clock(&self, asked_utc_ns: i64) -> Result<Resolved, Error> {
        if asked_utc_ns > self.end_utc_ns() {
            return Err(self.outside(&self.local(asked_utc_ns), false));
        }
        // After a step back two stretches bear the same times: the nearest sample before is meant.
        self.seen()
            .filter(|sample| sample.taken.utc_ns <= asked_utc_ns)
            .max_by_key(|sample| (sample.taken.utc_ns, sample.number))
            .map(|sample| resolved(sample, asked_utc_ns))
            .ok_or_else(|| self.outside(&self.local(asked_utc_ns), true))
    }

    fn at_monotonic(&self, asked_ns: i128) -> Result<Resolved, Error> {
        let end = i128::from(self.end_monotonic_ns()) + i128::from(self.timeline.interval_ns);
        let before = self.seen().filter(|s| i128::from(s.taken.monotonic_ns) <= asked_ns).last();
        let nearest = before.unwrap_or(self.first);
        let off_by = i128::from(nearest.taken.monotonic_ns) - asked_ns;
        let asked_utc_ns = clamped(i128::from(nearest.taken.utc_ns) - off_by);
        if before.is_none() || asked_ns > end {
            return Err(self.outside(&self.local(asked_utc_ns), before.is_none()));
        }
        Ok(Resolved {
            number: nearest.number,
            taken: nearest.taken,
            asked_utc_ns,
            off_by_ns: clamped(off_by),
        })
    }

    fn numbered(&self, number: u64) -> Result<Resolved, Error> {
        let samples = self.timeline.samples;
        let first = samples.first().unwrap_or(self.first).number;
        let last = self.newest.number;
        if !(first..=last).contains(&number) {
            return Err(Error::NoSuchSample { number, first, last });
        }
        // A missed sample, or one thinned out since, gives the last one before it.
        let upto = &samples[..samples.partition_point(|sample| sample.number <= number)];
        let asked = upto.last().map_or(self.first.taken, |sample| sample.taken);
        match upto.iter().rfind(|sample| sample.has_regions()) {
            Some(sample) => Ok(Resolved {
                number: sample.number,
                taken: sample.taken,
                asked_utc_ns: asked.utc_ns,
                off_by_ns: monotonic_difference(sample.taken, asked),
            }),
            None => Err(self.outside(&format!("sample #{number}"), true)),
        }
    }

    fn outside(&self, asked: &str, before: bool) -> Error {
        let asked = asked.to_owned();
        let first = self.local(self.first.taken.utc_ns);
        let last = self.local(self.last.taken.utc_ns);
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

fn exactly(sample: &Sample) -> Resolved {
    resolved(sample, sample.taken.utc_ns)
}

fn resolved(sample: &Sample, asked_utc_ns: i64) -> Resolved {
    Resolved {
        number: sample.number,
        taken: sample.taken,
        asked_utc_ns,
        off_by_ns: sample.taken.utc_ns.saturating_sub(asked_utc_ns),
    }
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

fn peak<'a>(timeline: &Timeline<'a>) -> Result<&'a Sample, Error> {
    let footprint = |sample: &'a Sample| Some((sample.totals.footprint_bytes?, sample));
    timeline
        .samples
        .iter()
        .filter(|sample| sample.has_regions())
        .filter_map(footprint)
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, sample)| sample)
        .ok_or(Error::NoPeak)
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

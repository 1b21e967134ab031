//! States a series before it is drawn, for pictures and terminals alike: the keys counted, the marks
//! in its time, the finding and its words.

use crate::chart::limits::ShownLimits;
use crate::chart::marks::Moment;
use crate::chart::options::{ChartContext, ChartMark, ChartOptions};
use crate::chart::select::CountedKeys;
use crate::chart::{marks, text, words};
use crate::error::Error;
use crate::finding::baseline::age_ns;
use crate::finding::clock::Clock;
use crate::finding::{Finding, Source};
use crate::metric::Metric;
use crate::series::Series;
use crate::series::tick::TickState;

/// A series with all that is stated of it.
pub(crate) struct Stated<'a> {
    pub(crate) series: &'a Series,
    pub(crate) counted: CountedKeys<'a>,
    /// The marks in its time, with their times since the first tick.
    pub(crate) marks: Vec<(u64, &'a ChartMark)>,
    /// The same as they are drawn: the two ends of a span are one.
    pub(crate) moments: Vec<Moment<'a>>,
    pub(crate) finding: Finding,
    pub(crate) clock: Clock,
    /// The finding in a sentence, whole.
    pub(crate) headline: String,
    /// The finding in a sentence, in forms that say less and less.
    pub(crate) titles: Vec<String>,
    /// The parts of the line on its course.
    pub(crate) course: Vec<String>,
    /// The line on what is drawn.
    pub(crate) about: String,
    pub(crate) limits: ShownLimits,
}

impl<'a> Stated<'a> {
    /// States the first of `series`; the others are of the same samples, and show whether memory
    /// that the first one no longer counts was freed.
    pub(crate) fn of_first(
        series: &'a [Series],
        options: &ChartOptions,
        context: &'a ChartContext,
    ) -> Result<Self, Error> {
        let Some((series, others)) = series.split_first() else { return Err(Error::NoSamples) };
        Self::of(series, others, options, context)
    }

    /// States one series of several of the same samples.
    pub(crate) fn of(
        series: &'a Series,
        others: &'a [Series],
        options: &ChartOptions,
        context: &'a ChartContext,
    ) -> Result<Self, Error> {
        check(series)?;
        let counted = CountedKeys::of(series, options);
        let marks = marks::within(series, &context.marks);
        let named: Vec<(u64, &str)> =
            marks.iter().map(|(at, mark)| (*at, mark.text.as_str())).collect();
        let source = Source {
            series,
            totals: &counted.totals,
            left_out: counted.left_out,
            reserved: counted.reserved,
            naming: context.naming,
            marks: &named,
            age_ns: series
                .ticks
                .first()
                .and_then(|first| age_ns(context.started_utc_ns, first.taken.utc_ns)),
            resident: others.iter().find(|other| other.metric == Metric::RESIDENT),
            means: context.means.is_some(),
        };
        let finding = Finding::of_series(&source)
            .ok_or_else(|| Error::Unknown { metric: series.metric.words() })?;
        let clock = words::clock(series, options);
        let titles = finding.headlines(&context.subject(), &clock);
        let mark_texts: Vec<&str> = named.iter().map(|(_, text)| *text).collect();
        let course = words::course(&finding, &clock, &mark_texts);
        Ok(Self {
            headline: titles.first().cloned().unwrap_or_default(),
            titles: titles.iter().map(|title| text::clean(title)).collect(),
            about: words::about(series, options, context),
            limits: ShownLimits::of(series, &counted, options, context),
            series,
            counted,
            moments: marks::moments(&marks),
            marks,
            finding,
            clock,
            course,
        })
    }
}

fn check(series: &Series) -> Result<(), Error> {
    let in_state = |state| series.ticks.iter().filter(|tick| tick.state == state).count();
    let (missed, unread) = (in_state(TickState::Missed), in_state(TickState::TotalsAlone));
    if series.ticks.is_empty() {
        Err(Error::NoSamples)
    } else if missed == series.ticks.len() {
        Err(Error::NothingMeasured { missed })
    } else if missed + unread == series.ticks.len() {
        Err(Error::TotalsAlone { samples: unread })
    } else if series.totals.last_known().is_none() && in_state(TickState::Cheap) > 0 {
        let samples = in_state(TickState::Cheap);
        Err(Error::Cheap { metric: series.metric.words(), samples })
    } else if series.totals.last_known().is_none() {
        Err(Error::Unknown { metric: series.metric.words() })
    } else {
        Ok(())
    }
}

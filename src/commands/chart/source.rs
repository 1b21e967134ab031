//! The sources of a chart: the series of a recording, and the text beside it.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use vmrec_report::{
    By, ChartContext, ChartMark, Means, Metric, RecordedLimit, Series, SeriesBuilder, Stretch,
    TypeFilter, overhead,
};
use vmrec_sampler::{Naming, StackMetric, Timestamp};
use vmrec_store::{Measure, Rollup, SampleState};

use crate::args::{SeriesBy, SpanArgs};
use crate::commands::chart::args::{ChartArgs, Drawing};
use crate::failure::{Failure, Status};
use crate::recording::Opened;
use crate::session::OpenedSession;
use crate::stacks;

/// All that is drawn.
pub(crate) struct Source {
    pub(crate) series: Vec<Series>,
    pub(crate) context: ChartContext,
    /// Processor time at each tick, where that is drawn.
    pub(crate) cpu_ns: Vec<Option<u64>>,
}

impl Source {
    /// Reads the sums of a recording.
    pub(crate) fn of_recording(args: &ChartArgs) -> Result<Self, Failure> {
        let usual = match (args.types.is_empty(), args.metric()) {
            (false, Drawing::One(_)) => SeriesBy::Type,
            _ => SeriesBy::Family,
        };
        let by = args.by.unwrap_or(usual).of_process()?;
        let opened = Opened::open(&args.recording)?;
        let only = match args.types.is_empty() {
            true => None,
            false => Some(opened.type_filter(&args.types, &args.span)?),
        };
        let metrics = args.metric().metrics(false);
        let (series, means) = match args.rollups {
            true => means(&metrics, by, &args.span, &opened, only.clone())?
                .ok_or_else(no_means)
                .map(|(series, means)| (series, Some(means)))?,
            false => (opened.series_of(&metrics, by, &args.span, only.clone())?, None),
        };
        // Drawn by stack is one metric, summed by type above.
        let series = match args.by {
            Some(SeriesBy::Stack) => series
                .into_iter()
                .map(|one| stacks::over_time(&opened, one))
                .collect::<Result<_, _>>()?,
            _ => series,
        };
        if only.is_some() && series.iter().all(|one| one.keys.is_empty() && one.unknown.is_empty())
        {
            return Err(opened.without_types(&args.types, &args.span)?);
        }
        let types =
            only.map_or_else(Vec::new, |only| only.labels(Naming::of(&opened.recording.host)));
        let cpu_ns = match args.metric() {
            Drawing::All => cpu_ns(&opened, &series)?,
            Drawing::One(_) => Vec::new(),
        };
        let (from, to) = opened.between(&args.span)?;
        let limits = opened.limits(&(from.number..=to.number))?;
        let context = ChartContext { means, limits, types, ..context(&opened)? };
        Ok(Self { series, context, cpu_ns })
    }

    /// Reads the sums of a session.
    pub(crate) fn of_session(args: &ChartArgs) -> Result<Self, Failure> {
        let usual = match args.metric() {
            Drawing::All => SeriesBy::Family,
            Drawing::One(_) => SeriesBy::Process,
        };
        let by = args.by.unwrap_or(usual).of_session()?;
        let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
        opened.must_have_samples()?;
        let metrics = args.metric().metrics(true);
        let (series, means) = match args.rollups {
            true => session_means(&metrics, by, args, &opened)
                .map(|(series, means)| (series, Some(means)))?,
            false if by == By::Stack => (session_stacks(&metrics, args, &opened)?, None),
            false => (opened.series(&metrics, by, &args.span, args.reserved)?, None),
        };
        let cpu_ns = match (args.metric(), series.first()) {
            (Drawing::All, Some(series)) => opened.cpu_ns(&series.ticks)?,
            _ => Vec::new(),
        };
        Ok(Self { series, context: ChartContext { means, ..opened.context()? }, cpu_ns })
    }
}

/// Sums the processes of a session by the functions that made their memory resident.
fn session_stacks(
    metrics: &[Metric],
    args: &ChartArgs,
    opened: &OpenedSession,
) -> Result<Vec<Series>, Failure> {
    let (whole, mut any) = (SpanArgs::whole(), false);
    let metric = opened.leading_metric()?;
    let mut series = opened.series_of(metrics, By::Stack, &args.span, args.reserved, |one| {
        let by_type = one.series(metrics, By::Type, &whole)?.into_iter();
        let by_stack = by_type.map(|series| {
            let (series, has_stacks) = stacks::over_time_if_any(one, series, metric)?;
            any |= has_stacks;
            Ok(series)
        });
        by_stack.collect()
    })?;
    if metric == StackMetric::Live {
        series.iter_mut().for_each(|series| series.metric = Metric::Live);
    }
    if any { Ok(series) } else { Err(opened.without_stacks()) }
}

/// Reads means of all processes of a session in place of samples; one without means yet has its samples.
fn session_means(
    metrics: &[Metric],
    by: By,
    args: &ChartArgs,
    opened: &OpenedSession,
) -> Result<(Vec<Series>, Means), Failure> {
    let whole = SpanArgs::whole();
    let mut all = Means { chunks: 0, samples: 0, not_drawn: 0 };
    let series = opened.series_of(metrics, by, &args.span, args.reserved, |one| {
        let Some((mut series, means)) = means(metrics, By::Type, &whole, one, None)? else {
            return one.series(metrics, By::Type, &whole);
        };
        series.iter_mut().for_each(|series| delay_first_mean(series, one.recording.interval_ns));
        all.chunks += means.chunks;
        all.samples += means.samples;
        all.not_drawn = all.not_drawn.max(means.not_drawn);
        Ok(series)
    })?;
    if all.chunks == 0 { Err(no_means()) } else { Ok((series, all)) }
}

/// Lets the first mean begin after the first sample, not with it: processes of one tick are sampled one
/// after the other, and at the first moment each is to count with its sample.
fn delay_first_mean(series: &mut Series, interval_ns: u64) {
    let mut ticks = series.ticks.to_vec();
    if let [first, mean, after, ..] = &mut ticks[..] {
        // It begins where the second sample was due.
        let room = after.taken.monotonic_ns.saturating_sub(first.taken.monotonic_ns);
        let delay = interval_ns.min(room.saturating_sub(1));
        mean.taken = Timestamp {
            utc_ns: first.taken.utc_ns.saturating_add(i64::try_from(delay).unwrap_or(0)),
            monotonic_ns: first.taken.monotonic_ns.saturating_add(delay),
        };
    }
    series.ticks = Arc::new(ticks);
}

fn no_means() -> Failure {
    Failure::new(Status::Recording, anyhow::anyhow!("there are no means of that time yet"))
        .hint("draw its samples: leave out --rollups")
}

/// Reads means in place of samples, between the first sample and the last; `None` if there are none yet.
fn means(
    metrics: &[Metric],
    by: By,
    span: &SpanArgs,
    opened: &Opened,
    only: Option<TypeFilter>,
) -> Result<Option<(Vec<Series>, Means)>, Failure> {
    let (from, to) = opened.between(span)?;
    let recording = &opened.recording;
    // The ends are exact, and no figure is of a torn sample if there is another one.
    let (first, last) = (from.number, to.number);
    let near = steady(opened, first..=last.min(first.saturating_add(NEAR)))?;
    let from = near.first().copied().unwrap_or((first, from.taken));
    let near = steady(opened, first.max(last.saturating_sub(NEAR))..=last)?;
    let to = near.last().copied().unwrap_or((last, to.taken));
    let stretch = Stretch { from: from.1, to: to.1, interval_ns: recording.interval_ns };
    let mut measures: Vec<Measure> = Vec::new();
    for measure in metrics.iter().flat_map(|metric| metric.measures()) {
        if !measures.contains(&measure) {
            measures.push(measure);
        }
    }
    let between = from.1.monotonic_ns..=to.1.monotonic_ns;
    let rollups = opened.store.rollups(recording.id, between, &measures)?;
    if rollups.spans.is_empty() {
        return Ok(None);
    }
    let length = |chunk: &Rollup| chunk.to.monotonic_ns.saturating_sub(chunk.from.monotonic_ns);
    let longest = rollups.spans.iter().map(length).max().unwrap_or(0);
    let interval_ns = longest.saturating_add(recording.interval_ns);
    let mut builder = SeriesBuilder::new(metrics, by, interval_ns).only(only);
    opened.push_samples(&mut builder, from.0..=from.0)?;
    let samples = builder.push_means(&rollups, &measures, &stretch);
    opened.push_samples(&mut builder, to.0..=to.0)?;
    let chunks = rollups.spans.len() as u64;
    let not_drawn = last.saturating_sub(rollups.last);
    Ok(Some((builder.finish(), Means { chunks, samples, not_drawn })))
}

/// The number of samples among which one that is not torn is looked for at an end.
const NEAR: u64 = 100;

/// Returns numbers and times of the complete samples among some.
fn steady(opened: &Opened, numbers: RangeInclusive<u64>) -> Result<Vec<(u64, Timestamp)>, Failure> {
    let mut steady = Vec::new();
    opened.store.for_each_sums(opened.recording.id, numbers, &[Measure::Regions], |block| {
        let complete = block.ticks.iter().filter(|tick| tick.state == SampleState::Complete);
        steady.extend(complete.map(|tick| (tick.number, tick.taken)));
    })?;
    Ok(steady)
}

/// Collects the text beside the data.
pub(crate) fn context(opened: &Opened) -> Result<ChartContext, Failure> {
    let (recording, host) = (&opened.recording, &opened.recording.host);
    let summary = opened.store.summary(recording.id)?;
    let extent = opened.extent.as_ref();
    let overhead = extent
        .and_then(|extent| overhead(summary.cost_cpu_ns, extent.first.taken, extent.last.taken));
    Ok(ChartContext {
        process: recording.process.name().to_owned(),
        pid: recording.process.id.known_pid(),
        host: host.name.clone(),
        naming: Naming::of(host),
        kernel: format!("{} {} {}", host.os, host.kernel, host.architecture),
        recording: recording.name.clone(),
        started_utc_ns: recording.process.started_utc_ns,
        interval_ns: recording.interval_ns,
        cost_ns: summary.cost_cpu_ns.checked_div(summary.samples),
        cost_percent: overhead.map(|part| part * 100.0),
        kernel_peak_bytes: extent.and_then(|extent| extent.last.totals.peak_resident_bytes),
        marks: opened
            .marks
            .iter()
            .map(|mark| ChartMark { utc_ns: mark.utc_ns, text: mark.text.clone() })
            .collect(),
        limits: extent.map_or_else(Vec::new, |extent| {
            RecordedLimit::all(&extent.first.totals, &extent.last.totals)
        }),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..ChartContext::default()
    })
}

/// Returns the processor time of the process since it began, at each tick of a series.
fn cpu_ns(opened: &Opened, series: &[Series]) -> Result<Vec<Option<u64>>, Failure> {
    let Some(series) = series.first() else { return Ok(Vec::new()) };
    let samples = opened.store.samples(opened.recording.id)?;
    let used: HashMap<u64, u64> =
        samples.iter().filter_map(|sample| Some((sample.number, sample.totals.cpu_ns?))).collect();
    Ok(series.ticks.iter().map(|tick| used.get(&tick.number).copied()).collect())
}

//! The sources of a chart: the series of a recording, and the text beside it.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use vmrec_report::{By, ChartContext, ChartMark, Means, Series, SeriesBuilder, Stretch, overhead};
use vmrec_sampler::{Naming, Timestamp};
use vmrec_store::{Measure, Rollup, SampleState};

use crate::args::SeriesBy;
use crate::commands::chart::args::{ChartArgs, Drawing};
use crate::failure::{Failure, Status};
use crate::recording::Opened;
use crate::session::OpenedSession;

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
        let by = args.by.unwrap_or(SeriesBy::Family).of_process()?;
        let opened = Opened::open(&args.recording)?;
        let metrics = args.metric().metrics();
        let (series, means) = match args.rollups {
            true => means(args, &opened, by).map(|(series, means)| (series, Some(means)))?,
            false => (opened.series(&metrics, by, &args.span)?, None),
        };
        let cpu_ns = match args.metric() {
            Drawing::All => cpu_ns(&opened, &series)?,
            Drawing::One(_) => Vec::new(),
        };
        Ok(Self { series, context: ChartContext { means, ..context(&opened)? }, cpu_ns })
    }

    /// Reads the sums of a session.
    pub(crate) fn of_session(args: &ChartArgs) -> Result<Self, Failure> {
        let by = args.by.unwrap_or(SeriesBy::Process).of_session()?;
        let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
        opened.must_have_samples()?;
        let metrics = args.metric().metrics();
        let series = opened.series(&metrics, by, &args.span, args.reserved)?;
        Ok(Self { series, context: opened.context()?, cpu_ns: Vec::new() })
    }
}

/// Reads means in place of samples, between the first sample and the last.
fn means(args: &ChartArgs, opened: &Opened, by: By) -> Result<(Vec<Series>, Means), Failure> {
    let (from, to) = opened.between(&args.span)?;
    let recording = &opened.recording;
    // The ends are exact, and no figure is of a torn sample if there is another one.
    let (first, last) = (from.number, to.number);
    let near = steady(opened, first..=last.min(first.saturating_add(NEAR)))?;
    let from = near.first().copied().unwrap_or((first, from.taken));
    let near = steady(opened, first.max(last.saturating_sub(NEAR))..=last)?;
    let to = near.last().copied().unwrap_or((last, to.taken));
    let stretch = Stretch { from: from.1, to: to.1, interval_ns: recording.interval_ns };
    let metrics = args.metric().metrics();
    let mut measures: Vec<Measure> = Vec::new();
    for measure in metrics.iter().flat_map(|metric| metric.measures()) {
        if !measures.contains(&measure) {
            measures.push(measure);
        }
    }
    let between = from.1.monotonic_ns..=to.1.monotonic_ns;
    let rollups = opened.store.rollups(recording.id, between, &measures)?;
    if rollups.spans.is_empty() {
        let none = anyhow::anyhow!("there are no means of that time yet");
        return Err(
            Failure::new(Status::Recording, none).hint("draw its samples: leave out --rollups")
        );
    }
    let length = |chunk: &Rollup| chunk.to.monotonic_ns.saturating_sub(chunk.from.monotonic_ns);
    let longest = rollups.spans.iter().map(length).max().unwrap_or(0);
    let interval_ns = longest.saturating_add(recording.interval_ns);
    let mut builder = SeriesBuilder::new(&metrics, by, interval_ns);
    opened.push_samples(&mut builder, from.0..=from.0)?;
    let samples = builder.push_means(&rollups, &measures, &stretch);
    opened.push_samples(&mut builder, to.0..=to.0)?;
    let chunks = rollups.spans.len() as u64;
    let not_drawn = last.saturating_sub(rollups.last);
    Ok((builder.finish(), Means { chunks, samples, not_drawn }))
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

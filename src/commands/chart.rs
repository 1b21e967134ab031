//! `vmrec chart`: draws memory over time, as SVG or in a terminal.

use std::io;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vmrec_report::{
    ChartContext, ChartKind, ChartMark, ChartOptions, Means, Metric, Series, SeriesBuilder,
    Stretch, Theme, TimeAxis, draw, draw_terminal, escape, overhead,
};
use vmrec_sampler::Naming;
use vmrec_store::{Measure, Rollup};

use crate::args::{RecordingArgs, SpanArgs, SumBy};
use crate::failure::{Failure, Status};
use crate::parse::metric_parser;
use crate::recording::Opened;
use crate::terminal::terminal;
use crate::{output, zone};

/// Draw memory over time: an SVG chart, or blocks in a terminal
///
/// Without -o it is drawn where standard output is a terminal, and written there as SVG where it
/// is a file or a pipe.
#[derive(Args, Debug)]
pub(crate) struct ChartArgs {
    /// SVG file to write; - for standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Draw in characters, also where standard output is no terminal
    #[arg(long, conflicts_with = "output")]
    terminal: bool,

    /// Metric to draw
    #[arg(long, value_name = "METRIC", default_value = "resident", value_parser = metric_parser())]
    metric: Metric,

    /// Kind of the areas or lines
    #[arg(long, value_enum, default_value_t = SumBy::Family)]
    by: SumBy,

    /// Draw the growth of each since the first sample instead of stacked sizes
    #[arg(long)]
    growth: bool,

    #[command(flatten)]
    span: SpanArgs,

    /// Count reserved address space in virtual sizes
    #[arg(long)]
    reserved: bool,

    /// Form of times
    #[arg(long, value_enum, default_value_t = Axis::Wall)]
    axis: Axis,

    /// Colours: auto is light, and dark for readers who prefer that
    #[arg(long, value_enum, default_value_t = Colours::Auto)]
    theme: Colours,

    /// Draw means of some hundred samples each: a quick look over weeks, without peaks
    #[arg(long)]
    rollups: bool,

    /// Width of a picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960)]
    width: u32,

    /// Height of a picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 540)]
    height: u32,

    /// Draw text and lines this many times larger, such as 2 for a slide
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    scale: f64,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// Parses how many times larger text and lines are drawn.
fn parse_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (0.5..=8.0).contains(&scale) => Ok(scale),
        _ => Err("a factor is a number from 0.5 to 8, such as 2".to_owned()),
    }
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Axis {
    /// Local time of day
    Wall,
    /// Time since the first sample
    Elapsed,
}

/// Which colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colours {
    Auto,
    Light,
    Dark,
}

/// Runs the command.
pub(crate) fn run(args: &ChartArgs) -> Result<ExitCode, Failure> {
    let is_terminal = io::stdout().is_terminal();
    if args.output.as_deref() == Some(Path::new("-")) && is_terminal {
        return Err(Failure::usage("a terminal cannot show an SVG chart")
            .hint("leave out -o to draw in the terminal, or name a file: -o growth.svg"));
    }
    let opened = Opened::open(&args.recording)?;
    let (series, means) = match args.rollups {
        true => means(args, &opened).map(|(series, means)| (series, Some(means)))?,
        false => (opened.series(&metrics(args), args.by.into(), &args.span)?, None),
    };
    let context = ChartContext { means, ..context(&opened)? };
    let options = options(args);
    let failed = |error| Failure::new(Status::Recording, error);
    if args.terminal || args.output.is_none() && is_terminal {
        let drawn = draw_terminal(&series, &options, &context, &terminal()).map_err(failed)?;
        output::print(&drawn)?;
        return Ok(ExitCode::SUCCESS);
    }
    let drawn = draw(&series, &options, &context).map_err(failed)?;
    match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => output::print(&drawn.svg)?,
        Some(path) => {
            output::replace_file(path, drawn.svg.as_bytes())?;
            output::note(&format!("{}: {}", path.display(), escape::terminal(&drawn.finding)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the metric to draw, and the one that shows whether private memory was freed or shared.
fn metrics(args: &ChartArgs) -> Vec<Metric> {
    match args.metric {
        Metric::PRIVATE => vec![Metric::PRIVATE, Metric::RESIDENT],
        metric => vec![metric],
    }
}

/// Reads means in place of samples, between the first sample and the last.
fn means(args: &ChartArgs, opened: &Opened) -> Result<(Vec<Series>, Means), Failure> {
    let (from, to) = opened.between(&args.span)?;
    let recording = &opened.recording;
    let stretch = Stretch { from: from.taken, to: to.taken, interval_ns: recording.interval_ns };
    let metrics = metrics(args);
    let mut measures: Vec<Measure> = Vec::new();
    for measure in metrics.iter().flat_map(|metric| metric.measures()) {
        if !measures.contains(&measure) {
            measures.push(measure);
        }
    }
    let between = from.taken.monotonic_ns..=to.taken.monotonic_ns;
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
    let mut builder = SeriesBuilder::new(&metrics, args.by.into(), interval_ns);
    opened.push_samples(&mut builder, from.number..=from.number)?;
    let samples = builder.push_means(&rollups, &measures, &stretch);
    opened.push_samples(&mut builder, to.number..=to.number)?;
    let chunks = rollups.spans.len() as u64;
    let not_drawn = to.number.saturating_sub(rollups.last);
    Ok((builder.finish(), Means { chunks, samples, not_drawn }))
}

fn options(args: &ChartArgs) -> ChartOptions {
    ChartOptions {
        kind: if args.growth { ChartKind::Growth } else { ChartKind::Area },
        theme: match args.theme {
            Colours::Auto => Theme::Auto,
            Colours::Light => Theme::Light,
            Colours::Dark => Theme::Dark,
        },
        axis: match args.axis {
            Axis::Wall => TimeAxis::Wall,
            Axis::Elapsed => TimeAxis::Elapsed,
        },
        zone: zone::local(),
        width: args.width,
        height: args.height,
        scale: args.scale,
        include_reserved: args.reserved,
        ..ChartOptions::default()
    }
}

/// Collects the text beside the data.
fn context(opened: &Opened) -> Result<ChartContext, Failure> {
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

//! `vmrec chart`: draws memory over time as SVG.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use vmrec_report::chart::{
    ChartContext, ChartKind, ChartMark, ChartOptions, Theme, TimeAxis, draw,
};
use vmrec_report::metric::Metric;
use vmrec_report::recordings::Overview;

use crate::cli::{RecordingArgs, SpanArgs, SumBy, parse_metric};
use crate::failure::{Failure, Status};
use crate::file::Opened;
use crate::output;

/// Draw memory over time as an SVG chart
#[derive(Args, Debug)]
pub(crate) struct ChartArgs {
    /// File to write; - for standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// What is drawn
    #[arg(long, value_name = "METRIC", default_value = "resident", value_parser = parse_metric)]
    metric: Metric,

    /// What an area or line stands for
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

    /// How times are written
    #[arg(long, value_enum, default_value_t = Axis::Wall)]
    axis: Axis,

    /// Colours: auto is light, and dark for readers who prefer that
    #[arg(long, value_enum, default_value_t = Colours::Auto)]
    theme: Colours,

    /// Width in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960)]
    width: u32,

    /// Height in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 540)]
    height: u32,

    #[command(flatten)]
    recording: RecordingArgs,
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
    let to_stdout = args.output == Path::new("-");
    if to_stdout && io::stdout().is_terminal() {
        return Err(Failure::usage("a terminal cannot show an SVG chart")
            .hint("write it to a file: vmrec chart -o growth.svg"));
    }
    let opened = Opened::open(&args.recording)?;
    let series = opened.series(&[args.metric], args.by.into(), &args.span)?;
    let Some(series) = series.first() else {
        return Err(Failure::usage("nothing to draw"));
    };
    let svg = draw(series, &options(args), &context(&opened))
        .map_err(|error| Failure::new(Status::Recording, error))?;
    if to_stdout {
        output::print(&svg)?
    } else {
        output::replace_file(&args.output, svg.as_bytes())?
    }
    Ok(ExitCode::SUCCESS)
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
        zone: TimeZone::system(),
        width: args.width,
        height: args.height,
        include_reserved: args.reserved,
        ..ChartOptions::default()
    }
}

/// Gathers what is told beside the data.
fn context(opened: &Opened) -> ChartContext {
    let (recording, host) = (&opened.recording, &opened.recording.host);
    let overview = Overview {
        recording,
        samples: &opened.samples,
        marks: &opened.marks,
        running: opened.running,
    };
    let summary = overview.summary();
    ChartContext {
        process: recording.process.name().to_owned(),
        pid: recording.process.id.pid,
        host: host.name.clone(),
        kernel: format!("{} {} {}", host.os, host.kernel, host.architecture),
        recording: recording.name.clone(),
        interval_ns: recording.interval_ns,
        cost_ns: summary.mean_cpu_ns(),
        cost_percent: summary.overhead().map(|part| part * 100.0),
        marks: opened
            .marks
            .iter()
            .map(|mark| ChartMark { utc_ns: mark.utc_ns, text: mark.text.clone() })
            .collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..ChartContext::default()
    }
}

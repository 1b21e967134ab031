//! The arguments of `vmrec chart`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use vmrec_report::{ChartKind, ChartOptions, Metric, Theme, TimeAxis};
use vmrec_sampler::Quantity;

use crate::args::{RecordingArgs, SeriesBy, SessionArgs, SpanArgs};
use crate::parse::parse_metric;
use crate::{picture, zone};

/// Draw memory over time: an SVG chart, or blocks in a terminal
///
/// Without -o it is drawn where standard output is a terminal, and written there as SVG where it
/// is a file or a pipe.
#[derive(Args, Debug)]
pub(crate) struct ChartArgs {
    /// File to write, SVG or PNG by its name; - for SVG on standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Draw in characters, also where standard output is no terminal
    #[arg(long, conflicts_with = "output")]
    pub(crate) terminal: bool,

    /// Metric to draw; all draws six of them, and processor time, beside each other [default:
    /// resident; of a session: private-and-swapped, which counts no page twice, as pss does]
    #[arg(long, value_name = "METRIC", value_parser = drawing_parser())]
    metric: Option<Drawing>,

    /// Kind of the areas or lines [default: family, or type with --type; of a session: process]
    #[arg(long, value_enum)]
    pub(crate) by: Option<SeriesBy>,

    /// Count regions of this type or family only: its label, such as "V8 heap", or its key; may be
    /// given several times
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "session")]
    pub(crate) types: Vec<String>,

    /// Draw the growth of each since the first sample instead of stacked sizes
    #[arg(long)]
    growth: bool,

    #[command(flatten)]
    pub(crate) span: SpanArgs,

    /// Count reserved address space in virtual sizes
    #[arg(long)]
    pub(crate) reserved: bool,

    /// Form of times
    #[arg(long, value_enum, default_value_t = Axis::Wall)]
    axis: Axis,

    /// Colours: auto is light, and dark for readers who prefer that
    #[arg(long, value_enum, default_value_t = Colours::Auto)]
    theme: Colours,

    /// Draw means of some hundred samples each: a quick look over weeks, without peaks
    #[arg(long)]
    pub(crate) rollups: bool,

    /// Width of a picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960)]
    width: u32,

    /// Height of a picture in pixels [default: 540, or 720 for all metrics]
    #[arg(long, value_name = "PIXELS")]
    height: Option<u32>,

    /// Draw text and lines this many times larger, such as 2 for a slide
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    scale: f64,

    #[command(flatten)]
    pub(crate) session: SessionArgs,

    #[command(flatten)]
    pub(crate) recording: RecordingArgs,
}

impl ChartArgs {
    /// Returns what is drawn.
    pub(crate) fn metric(&self) -> Drawing {
        let usual = match self.session.session {
            Some(_) if self.by != Some(SeriesBy::Stack) => Metric::Own,
            _ => Metric::RESIDENT,
        };
        self.metric.unwrap_or(Drawing::One(usual))
    }
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
pub(crate) enum Colours {
    Auto,
    Light,
    Dark,
}

impl From<Colours> for Theme {
    fn from(colours: Colours) -> Self {
        match colours {
            Colours::Auto => Self::Auto,
            Colours::Light => Self::Light,
            Colours::Dark => Self::Dark,
        }
    }
}

/// Whether one metric is drawn or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawing {
    One(Metric),
    All,
}

/// The metrics drawn when all are asked for.
const PANELS: [Metric; 6] = [
    Metric::RESIDENT,
    Metric::PRIVATE,
    Metric::Virtual,
    Metric::Measured(Quantity::Dirty),
    Metric::SWAPPED,
    Metric::Regions,
];

/// The same of a session: sums over processes in which no page counts twice, but for virtual sizes.
const SESSION_PANELS: [Metric; 6] = [
    Metric::Own,
    Metric::PSS,
    Metric::Virtual,
    Metric::Measured(Quantity::PrivateDirty),
    Metric::SWAPPED,
    Metric::Regions,
];

impl Drawing {
    /// Returns the metrics to read: beside private memory that which shows whether it was freed.
    pub(crate) fn metrics(self, of_session: bool) -> Vec<Metric> {
        match self {
            Self::All if of_session => SESSION_PANELS.to_vec(),
            Self::One(Metric::PRIVATE) => vec![Metric::PRIVATE, Metric::RESIDENT],
            Self::One(metric) => vec![metric],
            Self::All => PANELS.to_vec(),
        }
    }
}

/// Reads a metric's name, or `all`, and lists them in the help.
fn drawing_parser() -> impl TypedValueParser<Value = Drawing> {
    let value = |metric: Metric| PossibleValue::new(metric.name()).alias(metric.column());
    let values = Metric::ALL.map(value).into_iter().chain([PossibleValue::new("all")]);
    PossibleValuesParser::new(values).try_map(|name| match &*name {
        "all" => Ok(Drawing::All),
        name => parse_metric(name).map(Drawing::One),
    })
}

/// Returns how the chart is to look.
pub(crate) fn options(args: &ChartArgs) -> ChartOptions {
    ChartOptions {
        kind: if args.growth { ChartKind::Growth } else { ChartKind::Area },
        theme: picture::theme(args.output.as_deref(), args.theme.into()),
        axis: match args.axis {
            Axis::Wall => TimeAxis::Wall,
            Axis::Elapsed => TimeAxis::Elapsed,
        },
        zone: zone::local(),
        width: args.width,
        height: args.height.unwrap_or(if args.metric() == Drawing::All { 720 } else { 540 }),
        scale: args.scale,
        include_reserved: args.reserved,
        ..ChartOptions::default()
    }
}

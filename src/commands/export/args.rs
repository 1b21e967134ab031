//! The arguments of `vmrec export`.

use std::path::PathBuf;

use clap::Args;
use vmrec_report::StackChoice;

use vmrec_sampler::StackMetric;

use crate::args::{RecordingArgs, SessionArgs, SpanArgs, SumBy};
use crate::metric_choice::stack_metric_parser;

/// Write a snapshot or a series over time for other programs
///
/// Without --series, JSON and CSV are of the snapshot at --at, region by region; a trace is of
/// the whole recording, by type.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Time of the snapshot
    #[arg(
        long,
        value_name = "TIME",
        default_value = "end",
        allow_hyphen_values = true,
        conflicts_with = "series"
    )]
    pub(crate) at: String,

    /// Sums over time instead of one snapshot, by family or type
    #[arg(long, value_enum, value_name = "BY")]
    pub(crate) series: Option<SumBy>,

    #[command(flatten)]
    pub(crate) span: SpanArgs,

    /// With --folded, --speedscope or --pprof: the regions of this type alone
    #[arg(long = "type", value_name = "TYPE", requires = "stacks")]
    pub(crate) only_type: Option<String>,

    /// With --folded, --speedscope or --pprof: the metric of the stacks [default: resident, of a
    /// recording made by --allocs live]
    #[arg(
        long,
        value_name = "METRIC",
        value_parser = stack_metric_parser(),
        requires = "stacks"
    )]
    pub(crate) metric: Option<StackMetric>,

    #[command(flatten)]
    pub(crate) format: Format,

    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) session: SessionArgs,

    #[command(flatten)]
    pub(crate) recording: RecordingArgs,
}

/// At most one format.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct Format {
    /// Write JSON, as without a format
    #[arg(long)]
    pub(crate) json: bool,

    /// Write CSV
    #[arg(long)]
    pub(crate) csv: bool,

    /// Write a trace for Perfetto (ui.perfetto.dev): a counter for each type and metric, marks
    #[arg(long)]
    pub(crate) perfetto: bool,

    /// Write which call stacks grew or shrank from --from to --to, as FlameGraph's folded lines
    #[arg(long, group = "stacks", conflicts_with_all = ["at", "series"])]
    pub(crate) folded: bool,

    /// Write the same for speedscope: a profile of the grown stacks, one of the shrunk
    #[arg(long, group = "stacks", conflicts_with_all = ["at", "series"])]
    pub(crate) speedscope: bool,

    /// Write the same for pprof (profile.proto, gzip)
    #[arg(long, group = "stacks", conflicts_with_all = ["at", "series"])]
    pub(crate) pprof: bool,

    /// Write every sample that this folder of Parquet files lacks, of all recordings unless -r
    #[arg(long, value_name = "DIR")]
    pub(crate) parquet: Option<PathBuf>,
}

impl ExportArgs {
    /// Returns the parts of stacks to write.
    pub(crate) fn stack_choice(&self, metric: StackMetric) -> StackChoice<'_> {
        StackChoice { metric, only_type: self.only_type.as_deref() }
    }
}

impl Format {
    /// Returns whether changes by call stack are wanted.
    pub(crate) const fn is_stacks(&self) -> bool {
        self.folded || self.speedscope || self.pprof
    }

    /// Returns whether JSON is wanted, or nothing else.
    pub(crate) const fn is_json(&self) -> bool {
        self.json || !self.csv
    }
}

//! What may be typed: the arguments all commands share and the list of commands.
//!
//! Each command's own arguments stand beside its function in `commands/`.

use std::path::PathBuf;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use vmrec_report::metric::Metric;
use vmrec_report::series::By;

use crate::commands::{
    backup, chart, demo, diff, export, info, list, map, mark, reclassify, record, repair, sql,
};

const AFTER_HELP: &str = "\
Times are RFC 3339, HH:MM[:SS], -10m before the end (or now, while recording),
+90s after the start, start, end, now, peak, #12 (a sample) or @text (a mark).

Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 target not found or
not permitted, 4 recording unusable; `record -- COMMAND` passes on COMMAND's own.";

/// Record where a process's memory goes, over time
#[derive(Debug, Parser)]
#[command(version, max_term_width = 80, styles = Styles::plain(), after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order a newcomer needs them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Record(record::RecordArgs),
    List(list::ListArgs),
    Info(info::InfoArgs),
    Map(map::MapArgs),
    Diff(diff::DiffArgs),
    Chart(chart::ChartArgs),
    Export(export::ExportArgs),
    Sql(sql::SqlArgs),
    Mark(mark::MarkArgs),
    Backup(backup::BackupArgs),
    Repair(repair::RepairArgs),
    Reclassify(reclassify::ReclassifyArgs),
    Demo(demo::DemoArgs),
    #[command(hide = true)]
    DemoWorkload,
}

/// Which file.
#[derive(Args, Clone, Debug)]
pub(crate) struct FileArgs {
    /// File that holds the recordings [default: vmrec/vmrec.db in your data folder]
    #[arg(long, env = "VMREC_DB", value_name = "FILE", hide_env_values = true)]
    pub(crate) db: Option<PathBuf>,
}

/// Which recording of which file.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecordingArgs {
    #[command(flatten)]
    pub(crate) file: FileArgs,

    /// Number of the recording, as `vmrec list` shows it [default: the newest]
    #[arg(long, short, value_name = "N")]
    pub(crate) recording: Option<i64>,
}

/// The user's own types.
#[derive(Args, Clone, Debug)]
pub(crate) struct TypesArgs {
    /// File with types of your own, which go before the built-in ones
    #[arg(long, value_name = "FILE")]
    pub(crate) types: Option<PathBuf>,
}

/// Tables for people unless a format for programs is asked for.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,

    /// Print CSV
    #[arg(long)]
    pub(crate) csv: bool,
}

/// Which part of a recording.
#[derive(Args, Clone, Debug)]
pub(crate) struct SpanArgs {
    /// Begin at this time
    #[arg(long, value_name = "TIME", default_value = "start", allow_hyphen_values = true)]
    pub(crate) from: String,

    /// End at this time
    #[arg(long, value_name = "TIME", default_value = "end", allow_hyphen_values = true)]
    pub(crate) to: String,
}

/// What values over time are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SumBy {
    Family,
    Type,
}

impl From<SumBy> for By {
    fn from(by: SumBy) -> Self {
        match by {
            SumBy::Family => Self::Family,
            SumBy::Type => Self::Type,
        }
    }
}

/// Reads the name of a metric.
pub(crate) fn parse_metric(name: &str) -> Result<Metric, String> {
    Metric::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Metric::ALL.into_iter().map(Metric::name).collect();
        format!("there is no such metric\nhint: the metrics are {}", names.join(", "))
    })
}

//! What may be typed: the arguments all commands share and the list of commands.
//!
//! Each command's own arguments stand beside its function in `commands/`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::Styles;
use clap::{Args, Parser, Subcommand, ValueEnum};
use vmrec_report::metric::Metric;
use vmrec_report::series::By;
use vmrec_store::Retention;

use crate::commands::{
    backup, chart, demo, diff, export, info, list, map, mark, prune, reclassify, record, repair,
    selftest, sql,
};
use crate::failure::Failure;
use crate::types_file;

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
    Prune(prune::PruneArgs),
    Reclassify(reclassify::ReclassifyArgs),
    Selftest(selftest::SelftestArgs),
    Demo(demo::DemoArgs),
    #[command(hide = true)]
    DemoWorkload,
    #[command(hide = true)]
    SelftestWorkload,
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

/// What is kept of old samples, but for how long.
#[derive(Args, Clone, Debug)]
pub(crate) struct RetentionArgs {
    /// Keep the file below this size, such as 200M: the oldest samples go
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_size: Option<u64>,

    /// Keep one sample a minute of those older than this, such as 1d
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) thin_after: Option<Duration>,

    /// Keep samples within a minute of a mark, unless --max-size needs their room
    #[arg(long)]
    pub(crate) keep_marks: bool,
}

impl RetentionArgs {
    /// Returns what is asked for, with what is older than `older_than` to go; `None` if nothing is to go.
    pub(crate) fn policy(
        &self,
        older_than: Option<Duration>,
    ) -> Result<Option<Retention>, Failure> {
        let Self { max_size: max_bytes, thin_after, keep_marks } = *self;
        let any = older_than.is_some() || thin_after.is_some() || max_bytes.is_some();
        if keep_marks && !any {
            return Err(Failure::usage("--keep-marks says what stays, and nothing is said to go")
                .hint("say what goes too, such as --thin-after 1d"));
        }
        Ok(any.then_some(Retention { older_than, thin_after, max_bytes, keep_marks }))
    }
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

/// Reads a duration such as `2s`, `500ms`, `1h30m` or `7d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a time span\nhint: write it like 500ms, 2s, 10m, 1h30m or 7d".to_owned();
    // A day has 24 hours here, which is more than jiff takes for granted.
    let (days, rest) = match text.trim().split_once('d') {
        Some((days, rest)) => (days.parse::<u32>().map_err(|_| wrong())?, rest),
        None => (0, text),
    };
    let span = match rest.trim() {
        "" if days > 0 => jiff::SignedDuration::ZERO,
        rest => rest.parse().map_err(|_| wrong())?,
    };
    let duration =
        Duration::try_from(span).map_err(|_| wrong())? + Duration::from_secs(86_400) * days;
    if duration.is_zero() { Err("no time at all".to_owned()) } else { Ok(duration) }
}

/// Reads a size such as `200M`.
fn parse_size(text: &str) -> Result<u64, String> {
    types_file::size_of(text.trim()).filter(|bytes| *bytes > 0).ok_or_else(|| {
        "not a size\nhint: write bytes, or K, M, G or T of them, like 200M".to_owned()
    })
}

/// Reads the name of a metric.
pub(crate) fn parse_metric(name: &str) -> Result<Metric, String> {
    Metric::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Metric::ALL.into_iter().map(Metric::name).collect();
        format!("there is no such metric\nhint: the metrics are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_24_hours() {
        let hours = |hours: u64| Ok(Duration::from_secs(hours * 3600));
        assert_eq!(parse_duration("7d"), hours(168));
        assert_eq!(parse_duration("1d12h"), hours(36));
        assert_eq!(parse_duration(" 1d 1h "), hours(25));
        for wrong in ["d", "-1d", "1.5d", "1d1", "0d", "1h1d", "d1h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_size_is_nothing() {
        assert_eq!(parse_size("200M"), Ok(200 << 20));
        for wrong in ["0", "", "200MB", "-1"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}

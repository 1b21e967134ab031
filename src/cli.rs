//! The command line: the list of commands.
//!
//! Each command's own arguments stand beside its function in `commands/`.

use clap::builder::styling::Styles;
use clap::{Parser, Subcommand};
use vmrec_report::By;

use crate::args::SumBy;
use crate::commands::{
    backup, completions, delete, demo, diff, explain, export, import, info, list, man, map, mark,
    prune, reclassify, rename, repair, selftest, status, stop, trend,
};
use crate::later::Later;

/// Record where a process's memory goes, over time
#[derive(Debug, Parser)]
#[command(version, max_term_width = 80, styles = Styles::plain())]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Print long output at once, without a pager
    #[arg(long, global = true, hide = true)]
    pub(crate) no_pager: bool,
}

/// The commands, in the order a newcomer needs them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Record(Later<Box<crate::commands::record::args::RecordArgs>>),
    Status(Later<status::StatusArgs>),
    Stop(Later<stop::StopArgs>),
    List(Later<list::ListArgs>),
    Info(Later<info::InfoArgs>),
    Map(Later<map::MapArgs>),
    Heap(Later<crate::commands::heap::HeapArgs>),
    Leaks(Later<crate::commands::leaks::LeaksArgs>),
    Strings(Later<crate::commands::strings::StringsArgs>),
    Explain(Later<explain::ExplainArgs>),
    Diff(Later<diff::DiffArgs>),
    Chart(Later<crate::commands::chart::args::ChartArgs>),
    Flame(Later<crate::commands::flame::FlameArgs>),
    History(Later<crate::commands::history::HistoryArgs>),
    Watch(Later<crate::commands::watch::WatchArgs>),
    Report(Later<crate::commands::report::ReportArgs>),
    Check(Later<crate::commands::check::args::CheckArgs>),
    Compare(Later<crate::commands::compare::args::CompareArgs>),
    Trend(Later<trend::TrendArgs>),
    Export(Later<export::args::ExportArgs>),
    Import(Later<import::ImportArgs>),
    Serve(Later<crate::commands::serve::args::ServeArgs>),
    Sql(Later<crate::commands::sql::args::SqlArgs>),
    Mark(Later<mark::MarkArgs>),
    Rename(Later<rename::RenameArgs>),
    Delete(Later<delete::DeleteArgs>),
    Backup(Later<backup::BackupArgs>),
    Repair(Later<repair::RepairArgs>),
    Prune(Later<prune::PruneArgs>),
    Reclassify(Later<reclassify::ReclassifyArgs>),
    Selftest(Later<selftest::SelftestArgs>),
    Completions(Later<completions::CompletionsArgs>),
    Man(Later<man::ManArgs>),
    Demo(Later<demo::DemoArgs>),
    #[command(hide = true)]
    DemoWorkload,
    #[command(hide = true)]
    SelftestWorkload,
    /// Prints malloc's zones of a process, for `map`
    #[cfg(target_os = "macos")]
    #[command(hide = true)]
    MapZones {
        pid: u32,
    },
    /// Prints the heap of a process as bytes, for `heap`, `leaks` and `strings`
    #[cfg(target_os = "macos")]
    #[command(hide = true)]
    HeapWalk {
        pid: u32,
        max_stop_ms: u64,
        leaks: u8,
        texts: Option<usize>,
    },
}

impl From<SumBy> for By {
    fn from(by: SumBy) -> Self {
        match by {
            SumBy::Family => Self::Family,
            SumBy::Type => Self::Type,
        }
    }
}

#[cfg(test)]
mod tests {

    use crate::parse::{parse_duration, parse_interval, parse_size};
    use std::time::Duration;

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

    #[test]
    fn intervals_have_bounds() {
        assert_eq!(parse_interval("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse_interval("1h30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["0", "0s", "49ms", "25h", "-2s", "fast", "", "2"] {
            assert!(parse_interval(wrong).is_err(), "{wrong}");
        }
    }
}

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
    Record(Box<crate::commands::record::args::RecordArgs>),
    Status(status::StatusArgs),
    Stop(stop::StopArgs),
    List(list::ListArgs),
    Info(info::InfoArgs),
    Map(map::MapArgs),
    Heap(crate::commands::heap::HeapArgs),
    Leaks(crate::commands::leaks::LeaksArgs),
    Strings(crate::commands::strings::StringsArgs),
    Explain(explain::ExplainArgs),
    Diff(diff::DiffArgs),
    Chart(crate::commands::chart::args::ChartArgs),
    Flame(crate::commands::flame::FlameArgs),
    Watch(crate::commands::watch::WatchArgs),
    Report(crate::commands::report::ReportArgs),
    Check(crate::commands::check::args::CheckArgs),
    Compare(crate::commands::compare::args::CompareArgs),
    Trend(trend::TrendArgs),
    Export(export::args::ExportArgs),
    Import(import::ImportArgs),
    Serve(crate::commands::serve::args::ServeArgs),
    Sql(crate::commands::sql::args::SqlArgs),
    Mark(mark::MarkArgs),
    Rename(rename::RenameArgs),
    Delete(delete::DeleteArgs),
    Backup(backup::BackupArgs),
    Repair(repair::RepairArgs),
    Prune(prune::PruneArgs),
    Reclassify(reclassify::ReclassifyArgs),
    Selftest(selftest::SelftestArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Demo(demo::DemoArgs),
    #[command(hide = true)]
    DemoWorkload,
    #[command(hide = true)]
    SelftestWorkload,
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

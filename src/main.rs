//! vmrec: records where a process's memory goes, over time.
//!
//! This file parses the command line, runs one command and turns its outcome
//! into an exit status. What a command does is in `commands/`.

mod args;
mod bounded;
mod cli;
mod commands;
mod completion;
mod failure;
mod file;
mod heap_reports;
mod help;
mod later;
mod live_heap;
mod metric_choice;
mod misread;
mod output;
mod pager;
mod parse;
mod picture;
mod process;
mod progress;
mod recorders;
mod recording;
mod session;
mod shell;
mod stacks;
mod terminal;
mod toml_text;
mod types_file;
mod zone;

use std::process::ExitCode;

use clap::FromArgMatches;
use clap_complete::CompleteEnv;

use crate::cli::{Cli, Command};
use crate::commands::map::spelling;
use crate::commands::selftest::child;
use crate::commands::{
    backup, chart, check, compare, completions, delete, demo, diff, explain, export, import, info,
    list, man, map, mark, prune, reclassify, record, rename, repair, selftest, sql, status, stop,
    trend, watch,
};
use crate::failure::Failure;
use crate::later::Later;

fn main() -> ExitCode {
    // A shell that asks for candidates gets them, and nothing else is done.
    CompleteEnv::with_factory(|| completion::offer(help::command()))
        .var(completions::VARIABLE)
        .complete();
    if std::env::args_os().len() == 1 {
        return match output::print_bytes(help::command().render_help().to_string().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        };
    }
    let words = spelling::arguments(std::env::args_os());
    let typed: Vec<_> =
        words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let command = help::parser(typed.first());
    let matches = match misread::unknown_option(&command, &typed) {
        Some(error) => Err(error),
        None => command.try_get_matches_from(&words),
    };
    let matches =
        matches.unwrap_or_else(|error| misread::with_tip(error, &help::command(), &typed).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if cli.no_pager {
        pager::turn_off();
    }
    match run(cli) {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}

/// Runs one command.
fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Record(Later(args)) => record::run(&args),
        Command::Status(Later(args)) => status::run(&args),
        Command::Stop(Later(args)) => stop::run(&args),
        Command::List(Later(args)) => list::run(&args),
        Command::Info(Later(args)) => info::run(&args),
        Command::Diff(Later(args)) => diff::run(&args),
        Command::Chart(Later(args)) => chart::run(&args),
        Command::Flame(Later(args)) => commands::flame::run(&args),
        Command::History(Later(args)) => commands::history::run(&args),
        Command::Watch(Later(args)) => watch::run(&args),
        Command::Report(Later(args)) => commands::report::run(&args),
        Command::Check(Later(args)) => check::run(&args),
        Command::Compare(Later(args)) => compare::run(&args),
        Command::Trend(Later(args)) => trend::run(&args),
        Command::Export(Later(args)) => export::run(&args),
        Command::Import(Later(args)) => import::run(&args),
        Command::Serve(Later(args)) => commands::serve::run(&args),
        Command::Sql(Later(args)) => sql::run(&args),
        Command::Map(Later(args)) => map::run(&args),
        Command::Heap(Later(args)) => commands::heap::run(&args),
        Command::Leaks(Later(args)) => commands::leaks::run(&args),
        Command::Strings(Later(args)) => commands::strings::run(&args),
        Command::Explain(Later(args)) => explain::run(&args),
        Command::Mark(Later(args)) => mark::run(&args),
        Command::Rename(Later(args)) => rename::run(&args),
        Command::Delete(Later(args)) => delete::run(&args),
        Command::Backup(Later(args)) => backup::run(&args),
        Command::Repair(Later(args)) => repair::run(&args),
        Command::Prune(Later(args)) => prune::run(&args),
        Command::Reclassify(Later(args)) => reclassify::run(&args),
        Command::Selftest(Later(args)) => selftest::run(&args),
        Command::Completions(Later(args)) => completions::run(&args),
        Command::Man(Later(args)) => man::run(&args, &help::command()),
        Command::Demo(Later(args)) => demo::run(&args),
        Command::DemoWorkload => demo::workload(),
        Command::SelftestWorkload => child::workload(),
        #[cfg(target_os = "macos")]
        Command::MapZones { pid } => map::zones::print(pid),
        #[cfg(target_os = "macos")]
        Command::HeapWalk { pid, max_stop_ms, leaks, texts } => {
            let max_stop = std::time::Duration::from_millis(max_stop_ms);
            let leaks = leaks != 0;
            live_heap::print(pid, &vmrec_sampler::HeapRequest { max_stop, leaks, texts })
        }
    }
}

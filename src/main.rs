//! vmrec: records where a process's memory goes, over time.
//!
//! This file parses the command line, runs one command and turns its outcome
//! into an exit status. What a command does is in `commands/`.

mod args;
mod cli;
mod commands;
mod completion;
mod failure;
mod file;
mod help;
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
    if let Some(error) = misread::unknown_option(&help::command(), &typed) {
        error.exit();
    }
    let matches = help::command()
        .try_get_matches_from(&words)
        .unwrap_or_else(|error| misread::with_tip(error, &help::command(), &typed).exit());
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
        Command::Record(args) => record::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::List(args) => list::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Chart(args) => chart::run(&args),
        Command::Flame(args) => commands::flame::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Trend(args) => trend::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Sql(args) => sql::run(&args),
        Command::Map(args) => map::run(&args),
        Command::Heap(args) => commands::heap::run(&args),
        Command::Leaks(args) => commands::leaks::run(&args),
        Command::Strings(args) => commands::strings::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Mark(args) => mark::run(&args),
        Command::Rename(args) => rename::run(&args),
        Command::Delete(args) => delete::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Repair(args) => repair::run(&args),
        Command::Prune(args) => prune::run(&args),
        Command::Reclassify(args) => reclassify::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, &help::command()),
        Command::Demo(args) => demo::run(&args),
        Command::DemoWorkload => demo::workload(),
        Command::SelftestWorkload => child::workload(),
    }
}

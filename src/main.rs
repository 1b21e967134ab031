//! vmrec: records where a process's memory goes, over time.
//!
//! This file parses the command line, runs one command and turns its outcome
//! into an exit status. What a command does is in `commands/`.

mod args;
mod cli;
mod commands;
mod failure;
mod file;
mod output;
mod parse;
mod process;
mod recording;
mod shell;
mod types_file;
mod zone;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::commands::map::spelling;
use crate::commands::selftest::child;
use crate::commands::{
    backup, chart, check, demo, diff, export, info, list, map, mark, prune, reclassify, record,
    repair, selftest, sql,
};
use crate::failure::Failure;

fn main() -> ExitCode {
    match run(Cli::parse_from(spelling::arguments(std::env::args_os()))) {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}

/// Runs one command.
fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Record(args) => record::run(&args),
        Command::List(args) => list::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Chart(args) => chart::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Sql(args) => sql::run(&args),
        Command::Map(args) => map::run(&args),
        Command::Mark(args) => mark::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Repair(args) => repair::run(&args),
        Command::Prune(args) => prune::run(&args),
        Command::Reclassify(args) => reclassify::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::DemoWorkload => demo::workload(),
        Command::SelftestWorkload => child::workload(),
    }
}

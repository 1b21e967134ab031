//! Faults on purpose, against the recording file: every sample reported as stored
//! is there, bit for bit, or its damage is reported. Longer than `cargo test`, which
//! runs short versions of some; see CONTRIBUTING.md.
//!
//!     torture NAME [--quick] [--seed N]
//!
//! Each prints its steps and all that was lost or wrong, and fails if anything
//! was. What is random follows from the seed, except when a process is killed.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's own program: it fails by panicking and prints its findings"
)]

mod check;
mod child;
mod churn;
mod clock;
mod disk;
mod disk_full;
mod flips;
mod housekeeping;
mod kills;
mod pinned;
mod powercuts;
mod random;
mod shown;
#[path = "../target.rs"]
mod target;
mod two_writers;
mod world;

use std::process::ExitCode;
use std::time::Instant;

/// What a command is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Far fewer tries, within seconds.
    pub(crate) quick: bool,
    pub(crate) seed: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = arguments.split_first().expect("the name of a command");
    let after = |word: &str| {
        let place = rest.iter().position(|argument| argument == word)?;
        Some(rest[place + 1].parse().expect("a number"))
    };
    let clock = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() % 1_000_000;
    let options = Options {
        quick: rest.iter().any(|argument| argument == "--quick"),
        seed: after("--seed").unwrap_or_else(clock),
    };
    let run = match name.as_str() {
        "kills" => kills::run,
        "powercuts" => powercuts::run,
        "flips" => flips::run,
        "disk_full" => disk_full::run,
        "two_writers" => two_writers::run,
        "pinned" => pinned::run,
        "clock" => clock::run,
        "churn" => churn::run,
        "housekeeping" => housekeeping::run,
        _ => {
            // what the commands start themselves
            match name.as_str() {
                "child" => child::Task::of(rest).run(),
                "second-writer" => two_writers::second_writer(rest),
                "marker" => two_writers::marker(rest),
                "reader" => pinned::reader(rest),
                "housekeeper" => housekeeping::housekeeper(rest),
                _ => panic!("no command {name}"),
            }
            return ExitCode::SUCCESS;
        }
    };
    let began = Instant::now();
    let well = run(&options);
    println!("  {name} took {:.0} s with --seed {}", began.elapsed().as_secs_f64(), options.seed);
    ExitCode::from(u8::from(!well))
}

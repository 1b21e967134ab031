//! The cost of `record --allocs`, and of `record --stacks`, for the command that is recorded, beside its goals, and beside
//! heaptrack if that is there: its own processor time with and without, in turns.
//!
//! `cargo bench --bench alloc_cost` takes two minutes; `VMREC_BENCH_ROUNDS` changes how often each program
//! runs (default: 15). A ratio is the median of those of pairs of runs, then that of the shortest ones.
//! It needs gcc, g++ and Python; what is missing is skipped.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its figures and panics if it cannot measure"
)]

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that prints its own processor time.
struct Program {
    name: &'static str,
    /// The compiler, and the source.
    source: (&'static str, &'static str),
    /// How much it does, for some tenths of a second.
    work: &'static str,
    goal: f64,
}

const PROGRAMS: [Program; 3] = [
    Program {
        name: "malloc and free, nothing else",
        source: ("gcc", "loop.c"),
        work: "20000000",
        goal: 1.35,
    },
    Program {
        name: "C++: maps, strings, vectors",
        source: ("g++", "words.cpp"),
        work: "12",
        goal: 1.05,
    },
    Program {
        name: "Python: objects, JSON",
        source: ("python3", "objects.py"),
        work: "4",
        goal: 1.05,
    },
];

/// The goal of `--stacks`, for any program that does more than touch fresh pages.
const STACKS_GOAL: f64 = 1.05;

/// The ways to run a program, beside alone.
const WAYS: [(&str, &[&str]); 4] = [
    ("--allocs", &["record", "-q", "--allocs"]),
    ("--allocs=64K", &["record", "-q", "--allocs=64K"]),
    ("--stacks", &["record", "-q", "--stacks"]),
    ("heaptrack", &[]),
];

fn main() {
    let rounds = env::var("VMREC_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds: usize = rounds.unwrap_or(15);
    let folder = tempfile::tempdir().expect("a folder");
    println!("{:<32} {:>10} {:<14} {:>7} {:>7} {:>6}", "", "alone", "", "median", "min", "goal");
    for program in &PROGRAMS {
        let Some(command) = built(program, folder.path()) else {
            println!("{:<32} skipped: no {}", program.name, program.source.0);
            continue;
        };
        for (way, arguments) in WAYS {
            let peer = arguments.is_empty();
            if peer && Command::new(way).arg("--version").output().is_err() {
                continue;
            }
            let mut pairs = Vec::new();
            for _ in 0..rounds {
                let alone = seconds(run(&command, folder.path(), None));
                let with = seconds(run(&command, folder.path(), Some((way, arguments))));
                pairs.push((alone, with));
            }
            let mut ratios: Vec<f64> = pairs.iter().map(|(alone, with)| with / alone).collect();
            ratios.sort_by(f64::total_cmp);
            let min = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).fold(f64::MAX, f64::min);
            let (alone, with) = (min(|pair| pair.0), min(|pair| pair.1));
            let goal = match way {
                "--allocs" => Some(program.goal),
                "--stacks" => Some(program.goal.min(STACKS_GOAL)),
                _ => None,
            };
            println!(
                "{:<32} {alone:>8.3} s {way:<14} {:>7.3} {:>7.3} {:>6}",
                program.name,
                ratios[ratios.len() / 2],
                with / alone,
                goal.map_or_else(String::new, |goal| format!("{goal:.2}")),
            );
        }
    }
}

/// Returns the command of a program; `None` if it cannot be built.
fn built(program: &Program, folder: &Path) -> Option<Vec<String>> {
    let (compiler, source) = program.source;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks").join(source);
    if compiler == "python3" {
        let python = ["/usr/bin/python3", "/usr/local/bin/python3"];
        let python = python.into_iter().find(|path| Path::new(path).exists())?;
        return Some(vec![
            python.to_owned(),
            source.display().to_string(),
            program.work.to_owned(),
        ]);
    }
    let path = folder.join(compiler);
    let mut built = Command::new(compiler);
    built.args(["-O2", "-w", "-fno-builtin", "-o"]).args([&path, &source]);
    let built = built.status().is_ok_and(|status| status.success());
    built.then(|| vec![path.display().to_string(), program.work.to_owned()])
}

/// Runs a program, alone or in a way, and returns its output.
fn run(command: &[String], folder: &Path, way: Option<(&str, &[&str])>) -> String {
    let mut run = match way {
        None => Command::new(&command[0]),
        Some((peer, [])) => {
            let mut run = Command::new(peer);
            run.arg(&command[0]);
            run
        }
        Some((_, arguments)) => {
            let mut run = Command::new(env!("CARGO_BIN_EXE_vmrec"));
            run.args(arguments).arg("--").arg(&command[0]);
            run
        }
    };
    run.args(&command[1..]).current_dir(folder).stderr(Stdio::null()).stdin(Stdio::null());
    run.env("VMREC_DB", folder.join("bench.db")).env("XDG_DATA_HOME", folder);
    let output = run.output().expect("the program");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the processor time that a program printed.
fn seconds(output: String) -> f64 {
    let found = output.lines().find_map(|line| line.parse().ok());
    found.expect("a line with seconds")
}

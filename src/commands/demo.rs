//! `vmrec demo`: the main job on a small program of vmrec's own, so that a
//! newcomer sees a recording, a diff and the charts with one command.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{io, thread};

use clap::{Args, Parser};

use crate::cli::Cli;
use crate::failure::{Failure, Status};
use crate::output;
use crate::shell::shell_word;

/// Record a small program, print its diff, draw three charts
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Folder to write the recording and the charts to
    #[arg(long, value_name = "FOLDER", default_value = "vmrec-demo")]
    dir: PathBuf,
}

/// Runs the command: each step is shown as it would be typed, then done.
pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    let program = std::env::current_exe()
        .map_err(|source| Failure::io("find", Path::new("vmrec's own executable"), source))?;
    std::fs::create_dir_all(&args.dir).map_err(|source| {
        Failure::io("create", &args.dir, source).hint("name another with --dir")
    })?;
    let program = text(&program)?;
    let file = |name: &str| text(&args.dir.join(name)).map(str::to_owned);
    let db = file("demo.db")?;
    let record = [
        "record",
        "--every",
        "100ms",
        "--name",
        "demo",
        "--db",
        &db,
        "--",
        program,
        "demo-workload",
    ];
    step(&record)?;
    step(&["diff", "--db", &db, "start", "end"])?;
    for metric in ["virtual", "resident", "private"] {
        step(&["chart", "--db", &db, "--metric", metric, "-o", &file(&format!("{metric}.svg"))?])?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| {
        Failure::usage(format!("the demo needs a path in UTF-8, not {}", path.display()))
    })
}

fn step(arguments: &[&str]) -> Result<(), Failure> {
    let words: Vec<String> = arguments.iter().map(|word| shell_word(word)).collect();
    output::note(&format!("\n$ vmrec {}", words.join(" ")));
    let words = std::iter::once("vmrec").chain(arguments.iter().copied());
    let cli = Cli::try_parse_from(words).map_err(|error| Failure::new(Status::Usage, error))?;
    let status = crate::run(cli)?;
    if status == ExitCode::SUCCESS {
        Ok(())
    } else {
        Err(Failure::usage("this step of the demo failed"))
    }
}

/// Allocates for a few seconds in ways that differ in the charts.
pub(crate) fn workload() -> Result<ExitCode, Failure> {
    const BLOCK_BYTES: usize = 64 << 10;
    const PAUSE: Duration = Duration::from_millis(100);
    let mut small: Vec<Vec<u8>> = Vec::new();
    for _ in 0..16 {
        small.extend((0..64).map(|_| vec![1; BLOCK_BYTES]));
        thread::sleep(PAUSE);
    }
    let stacks: Vec<_> =
        (0..8).map(|_| thread::Builder::new().stack_size(8 << 20).spawn(thread::park)).collect();
    if let Some(error) = stacks.into_iter().find_map(io::Result::err) {
        return Err(Failure::new(Status::Target, error));
    }
    thread::sleep(PAUSE * 4);
    let large = black_box(vec![1_u8; 48 << 20]);
    thread::sleep(PAUSE * 8);
    small.truncate(small.len() / 2);
    thread::sleep(PAUSE * 8);
    drop(large);
    thread::sleep(PAUSE * 4);
    black_box(small);
    Ok(ExitCode::SUCCESS)
}

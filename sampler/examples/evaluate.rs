//! Measures the rules against captures of processes whose memory is known.
//!
//! `evaluate FOLDER [--rights all|read] [--unmet] [--wrong] [--rules]`: FOLDER holds
//! `captures/NAME/` and `truth/NAME.json`. With `--rights read` the rules get only what may be
//! read without attaching. `--unmet` leaves out each process's own kind: the rules see no name
//! and no marker of its program and libraries, as if no rule had been made on it. `--wrong` shows
//! the wrong answers, `--rules` what each rule found. The last lines are the calibration: how
//! often a type of each confidence is right, over all processes.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for those who write rules: it prints a table"
)]
#![allow(dead_code, reason = "tests share the modules")]

#[path = "evaluate/capture.rs"]
mod capture;
#[path = "evaluate/score.rs"]
mod score;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use capture::Capture;
use score::{Calibration, Score, percent};

struct Options {
    folder: PathBuf,
    readable: bool,
    unmet: bool,
    wrong: bool,
    rules: bool,
}

fn options() -> Option<Options> {
    let mut arguments = std::env::args_os().skip(1);
    let mut options = Options {
        folder: PathBuf::new(),
        readable: true,
        unmet: false,
        wrong: false,
        rules: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--rights") => match arguments.next()?.to_str()? {
                "all" => options.readable = true,
                "read" => options.readable = false,
                _ => return None,
            },
            Some("--unmet") => options.unmet = true,
            Some("--wrong") => options.wrong = true,
            Some("--rules") => options.rules = true,
            _ => options.folder = argument.into(),
        }
    }
    (!options.folder.as_os_str().is_empty()).then_some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: evaluate FOLDER [--rights all|read] [--unmet] [--wrong] [--rules]");
        return ExitCode::from(2);
    };
    println!(
        "{:24} {:>9} {:>12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "process",
        "res MB",
        "virt MB",
        "res ok",
        "unknown",
        "wrong",
        "virt ok",
        "unknown",
        "wrong",
        "ms"
    );
    let (mut processes, mut means, mut calibration) = (0.0, [0.0; 3], Calibration::default());
    for name in capture::names(&options.folder) {
        let Some(mut capture) = Capture::read(&options.folder, &name) else {
            eprintln!("{name}: not a capture with a truth, left out");
            continue;
        };
        if !options.readable {
            capture.forget_memory();
        }
        if options.unmet {
            capture.forget_kind();
        }
        let begun = Instant::now();
        let pieces = capture.classify();
        let taken = begun.elapsed();
        let score = Score::of(&capture, &pieces);
        calibration.add(&score.calibration);
        let resident = |part: f64| percent(part, score.all.resident);
        let virtual_ = |part: f64| percent(part, score.all.virtual_);
        let found = [
            resident(score.right.resident),
            resident(score.unknown.resident),
            virtual_(score.right.virtual_),
        ];
        let unknown = if score.all.virtual_ > 0.0 { virtual_(score.unknown.virtual_) } else { 0.0 };
        println!(
            "{name:24} {:9.1} {:12.0} {:7.2}% {:7.2}% {:7.2}% {:7.2}% {:7.2}% {:7.2}% {:9.3}",
            score.all.resident / 1e6,
            score.all.virtual_ / 1e6,
            found[0],
            found[1],
            100.0 - found[0] - found[1],
            found[2],
            unknown,
            100.0 - found[2] - unknown,
            taken.as_secs_f64() * 1e3
        );
        if options.wrong {
            show_wrong(&score);
        }
        if options.rules {
            for ((_, found, rule), bytes) in
                score.cases.iter().filter(|((truth, found, _), _)| truth == found)
            {
                println!(
                    "    {rule} {found}: {:.0} KB resident, {:.0} KB",
                    bytes.resident / 1e3,
                    bytes.virtual_ / 1e3
                );
            }
        }
        processes += 1.0;
        for (mean, found) in means.iter_mut().zip(found) {
            *mean += found;
        }
    }
    let [right, unknown, virtual_right] =
        means.map(|sum| if processes > 0.0 { sum / processes } else { 0.0 });
    println!(
        "processes={processes:.0} resident_right={right:.2}% resident_unknown={unknown:.2}% virtual_right={virtual_right:.2}%"
    );
    for line in calibration.lines() {
        println!("{line}");
    }
    if processes > 0.0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show_wrong(score: &Score) {
    let mut wrong: Vec<_> =
        score.cases.iter().filter(|((truth, found, _), _)| truth != found).collect();
    wrong.sort_by(|one, other| {
        (other.1.resident, other.1.virtual_)
            .partial_cmp(&(one.1.resident, one.1.virtual_))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    for ((truth, found, rule), bytes) in wrong.iter().take(8) {
        println!(
            "    {truth} taken for {found} ({rule}): {:.0} KB resident, {:.0} KB",
            bytes.resident / 1e3,
            bytes.virtual_ / 1e3
        );
    }
}

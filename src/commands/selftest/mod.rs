//! `vmrec selftest`: what vmrec measures beside what the system says, on a
//! process of vmrec's own. For the first user on a kind of machine that vmrec
//! has not met.

pub(crate) mod child;

use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use vmrec_report::selftest;
use vmrec_report::selftest::{ComparedFigure, Figure, Machine, SelftestDocument, TOOLS, Tool};
use vmrec_sampler::{ProcessId, Sampler, Snapshot};

use crate::commands::selftest::child::Child;
use crate::failure::Failure;
use crate::output;

/// How often it is compared until all agrees: other processes may move a figure meanwhile.
const TRIES: usize = 3;

/// Compare vmrec's figures of a process with the system's own
///
/// The system is asked by other calls, and by its own tools where they are
/// installed (Linux: pmap; macOS: vmmap, footprint). Exit status 0 if all agree.
#[derive(Args, Debug)]
pub(crate) struct SelftestArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One comparison.
struct Compared {
    snapshot: Snapshot,
    rows: Vec<ComparedFigure>,
    notes: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(args: &SelftestArgs) -> Result<ExitCode, Failure> {
    let child = Child::start()?;
    let mut sampler = Sampler::attach(child.pid())?;
    let process = sampler.process().id.clone();
    let host = vmrec_sampler::host();
    let mut compared = compare(&mut sampler, &process, &host.os)?;
    for _ in 1..TRIES {
        if selftest::passed(&compared.snapshot, &compared.rows) {
            break;
        }
        compared = compare(&mut sampler, &process, &host.os)?;
    }
    let Compared { snapshot, rows, notes } = &compared;
    let machine = Machine::new(env!("CARGO_PKG_VERSION"), &host);
    if args.json {
        output::print_json(&SelftestDocument::new(machine, snapshot, rows, notes))?;
    } else {
        for note in notes {
            output::note(&format!("note: {note}"));
        }
        output::print(&selftest::text(&machine, snapshot, rows, output::width()))?;
    }
    let passed = selftest::passed(snapshot, rows);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Takes a snapshot between two readings of the system's figures, then asks the system's tools.
fn compare(sampler: &mut Sampler, process: &ProcessId, os: &str) -> Result<Compared, Failure> {
    let mut notes = Vec::new();
    let before = vmrec_sampler::system_sums(process)?;
    let snapshot = sampler.sample()?;
    let printed: Vec<_> = TOOLS
        .iter()
        .filter(|tool| tool.os == os)
        .map(|tool| (tool, ask(tool, process.pid).map_err(|why| notes.push(why)).ok()))
        .collect();
    let after = vmrec_sampler::system_sums(process)?;
    let mut figures = Figure::between(&before, &after);
    for (tool, printed) in &printed {
        figures.extend(Figure::of_tool(tool, printed.as_deref()));
    }
    let rows = selftest::compare(&snapshot, &figures);
    Ok(Compared { snapshot, rows, notes })
}

/// Runs a tool and returns what it printed, or why there is nothing.
fn ask(tool: &Tool, pid: u32) -> Result<String, String> {
    let program = tool.program;
    let run = Command::new(program)
        .args(tool.arguments)
        .arg(pid.to_string())
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program} could not be run: {error}"))?;
    if run.status.success() {
        return Ok(String::from_utf8_lossy(&run.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&run.stderr);
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing said why");
    Err(format!("{program} failed ({}): {said}", run.status))
}

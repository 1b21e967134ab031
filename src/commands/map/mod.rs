//! `vmrec map`: the regions of a process now, or of a recording at a time.

mod advice;

use std::process::ExitCode;

use clap::Args;
use jiff::tz::TimeZone;
use vmrec_report::json;
use vmrec_report::map_table::{MapLayout, map_text};
use vmrec_sampler::{Host, ProcessInfo, Sampler, Snapshot};

use crate::cli::{RecordingArgs, TypesArgs};
use crate::failure::Failure;
use crate::file::Opened;
use crate::{output, process, types_file};

/// Show every region of a process, now or at a time of a recording
///
/// Each line has a region's type, addresses, [virtual/resident size], rights
/// now and at most, share mode, and what lies behind it; sums by type follow.
#[derive(Args, Debug)]
#[command(override_usage = "vmrec map [OPTIONS] <TARGET>\n       vmrec map [OPTIONS] --at <TIME>")]
pub(crate) struct MapArgs {
    /// Pid or full or partial executable name
    #[arg(required_unless_present_any = ["at", "recording"], conflicts_with_all = ["at", "recording"])]
    target: Option<String>,

    /// Time of a recording [default with --recording: end]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,

    /// Of several matching processes take the one started last
    #[arg(long, conflicts_with = "oldest")]
    newest: bool,

    /// Of several matching processes take the one started first
    #[arg(long)]
    oldest: bool,

    /// Show how sure each type is and the rule that decided; cut nothing
    #[arg(long, short)]
    verbose: bool,

    /// Cut nothing
    #[arg(long, short)]
    wide: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    types: TypesArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// Runs the command.
pub(crate) fn run(args: &MapArgs) -> Result<ExitCode, Failure> {
    let rules = types_file::rules(&args.types)?;
    match &args.target {
        Some(target) => {
            let mut sampler = Sampler::attach(process::find(target, args.newest, args.oldest)?)?;
            sampler.set_user_rules(rules);
            let snapshot = sampler.sample()?;
            for note in sampler.notes() {
                output::note(&format!("note: {note}"));
            }
            print(args, sampler.process(), &vmrec_sampler::host(), &snapshot)?;
        }
        None => {
            let opened = Opened::open(&args.recording)?;
            let at = opened.resolve(args.at.as_deref().unwrap_or("end"))?;
            let mut snapshot = opened.snapshot(&at)?;
            types_file::apply(&rules, &mut snapshot.regions);
            print(args, &opened.recording.process, &opened.recording.host, &snapshot)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    args: &MapArgs,
    process: &ProcessInfo,
    host: &Host,
    snapshot: &Snapshot,
) -> Result<(), Failure> {
    if args.json {
        output::print_json(&json::SnapshotDocument::new(process, host.page_size_bytes, snapshot))?;
    } else {
        let cut = !(args.wide || args.verbose);
        let layout = MapLayout { width: cut.then(output::width), verbose: args.verbose };
        output::print(&map_text(process, snapshot, &layout, &TimeZone::system()))?;
    }
    if let Some(hint) = advice::hint(host, snapshot) {
        for line in hint.lines() {
            output::note(&format!("hint: {line}"));
        }
    }
    Ok(())
}

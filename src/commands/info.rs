//! `vmrec info`: all that is known of one recording.

use std::process::ExitCode;

use clap::Args;
use jiff::tz::TimeZone;
use vmrec_report::recordings::Overview;
use vmrec_report::{json, recording_table};

use crate::cli::RecordingArgs;
use crate::failure::Failure;
use crate::file::Opened;
use crate::output;

/// Show all that is known of one recording: process, host, samples, cost, marks
#[derive(Args, Debug)]
pub(crate) struct InfoArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// Runs the command.
pub(crate) fn run(args: &InfoArgs) -> Result<ExitCode, Failure> {
    let opened = Opened::open(&args.recording)?;
    // What a sample cost at most only all of them tell.
    let samples = opened.store.samples(opened.recording.id)?;
    let overview = Overview {
        recording: &opened.recording,
        samples: &samples,
        marks: &opened.marks,
        running: opened.running,
    };
    if args.json {
        output::print_json(&json::InfoDocument::new(&overview))?;
    } else {
        output::print(&recording_table::info_text(
            &overview,
            &TimeZone::system(),
            output::width(),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

//! `vmrec list`: the recordings of a file.

use std::process::ExitCode;

use clap::Args;
use vmrec_report::{Listed, csv, json, list_table};
use vmrec_store::Store;

use crate::args::{FileArgs, FormatArgs};
use crate::failure::Failure;
use crate::{file, output, zone};

/// List the recordings of a file
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    format: FormatArgs,

    #[command(flatten)]
    file: FileArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ListArgs) -> Result<ExitCode, Failure> {
    let path = file::path(&args.file)?;
    let store = Store::open(&path)?;
    let recordings = store.recordings()?;
    let held = store.being_recorded();
    let rows: Vec<Listed<'_>> = recordings
        .iter()
        .map(|summary| Listed {
            recording: &summary.recording,
            samples: summary.samples,
            last: summary.last,
            running: held && summary.recording.ended.is_none(),
        })
        .collect();
    if args.format.json {
        output::print_json(&rows.iter().map(json::ListRow::new).collect::<Vec<_>>())?;
    } else if args.format.csv {
        output::print(&output::csv(|out| csv::list(out, &rows))?)?;
    } else if rows.is_empty() {
        output::note(&format!("{} holds no recording yet", path.display()));
        output::note("hint: record something first: `vmrec record TARGET`");
    } else {
        output::print(&list_table(&rows, &zone::local(), output::width()))?;
    }
    Ok(ExitCode::SUCCESS)
}

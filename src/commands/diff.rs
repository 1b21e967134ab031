//! `vmrec diff`: what changed between two times.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use vmrec_report::{
    DEFAULT_ROWS, DiffLayout, Direction, Heading, Metric, Resolved, View, csv, diff, diff_table,
    direction, json,
};
use vmrec_sampler::{Consistency, Naming, Snapshot};

use crate::args::{FormatArgs, RecordingArgs};
use crate::failure::Failure;
use crate::parse::metric_parser;
use crate::recording::Opened;
use crate::shell::shell_word;
use crate::{output, zone};

/// Show what changed between two times
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// First time, such as start, -10m, 14:05, #12 or @mark
    #[arg(allow_hyphen_values = true, value_name = "T1", default_value = "start")]
    from: String,

    /// Second time, such as end or now
    #[arg(allow_hyphen_values = true, value_name = "T2", default_value = "end")]
    to: String,

    /// Kind of the rows of the table or CSV
    #[arg(long, value_enum, default_value_t = DiffBy::Type)]
    by: DiffBy,

    /// Metric that rows are sorted by
    #[arg(long, value_name = "METRIC", default_value = "resident", value_parser = metric_parser())]
    metric: Metric,

    /// Show every row instead of the 20 that moved most
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    format: FormatArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DiffBy {
    Family,
    Type,
    Object,
    Region,
}

impl From<DiffBy> for View {
    fn from(by: DiffBy) -> Self {
        match by {
            DiffBy::Family => Self::Family,
            DiffBy::Type => Self::Type,
            DiffBy::Object => Self::Object,
            DiffBy::Region => Self::Region,
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &DiffArgs) -> Result<ExitCode, Failure> {
    let opened = Opened::open(&args.recording)?;
    let (from, to) = (opened.resolve(&args.from)?, opened.resolve(&args.to)?);
    match direction(&from, &to) {
        Direction::Forward => {}
        Direction::Same => output::note(&format!(
            "note: `{}` and `{}` are the same sample, #{}: nothing can differ",
            args.from, args.to, from.number
        )),
        Direction::Backward => {
            return Err(Failure::usage(format!("`{}` is later than `{}`", args.from, args.to))
                .hint(format!(
                    "swap them: vmrec diff{} {} {}",
                    opened.options(&args.recording),
                    shell_word(&args.to),
                    shell_word(&args.from)
                )));
        }
    }
    print(args, &opened, &from, &to)?;
    Ok(ExitCode::SUCCESS)
}

fn print(args: &DiffArgs, opened: &Opened, from: &Resolved, to: &Resolved) -> Result<(), Failure> {
    let (before, after) = (opened.snapshot(from)?, opened.snapshot(to)?);
    let mut changes = diff(&before, &after);
    changes.sort_by(args.metric);
    let time_zone = zone::local();
    let (from_torn, to_torn) = (torn(&before), torn(&after));
    let (recording, naming) = (opened.recording.id, Naming::of(&opened.recording.host));
    if args.format.json {
        let ends = (json::End::new(from, from_torn), json::End::new(to, to_torn));
        output::print_json(&json::DiffDocument::new(recording, naming, ends.0, ends.1, &changes))
    } else if args.format.csv {
        output::print(&output::csv(|out| csv::diff(out, &changes, args.by.into(), naming))?)
    } else {
        let process = &opened.recording.process;
        let heading =
            Heading { process, recording, from, to, from_torn, to_torn, time_zone: &time_zone };
        let layout = DiffLayout {
            view: args.by.into(),
            naming,
            rows: (!args.all).then_some(DEFAULT_ROWS),
            width: output::width(),
            color: output::color(),
        };
        output::print(&diff_table(&heading, &changes, &layout))
    }
}

fn torn(snapshot: &Snapshot) -> Option<&str> {
    match &snapshot.consistency {
        Consistency::Complete => None,
        Consistency::Torn(why) => Some(why),
    }
}

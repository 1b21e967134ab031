//! `vmrec mark`: names a moment of a recording.

use std::process::ExitCode;

use clap::Args;
use vmrec_report::units::counted;
use vmrec_report::{SPAN_END, escape, is_open, named};
use vmrec_sampler::sort_by_key;
use vmrec_store::Mark;

use crate::args::RecordingArgs;
use crate::failure::{Failure, Status};
use crate::recording::Opened;
use crate::{output, recording};

/// Name a moment, to find it in charts and as @TEXT in times
///
/// Marks this moment while a recording runs; give another with --at.
#[derive(Args, Debug)]
pub(crate) struct MarkArgs {
    /// The name of the moment
    text: String,

    /// Mark this time instead of now
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,

    /// Begin a span of this name; until it ends it is a mark like any other
    #[arg(long, conflicts_with_all = ["end", "delete"])]
    begin: bool,

    /// End the span of this name: charts draw it as a band, and @TEXT.end is its end
    #[arg(long, conflicts_with = "delete")]
    end: bool,

    /// Delete the marks with this text, and the ends of spans among them
    #[arg(long, conflicts_with = "at")]
    delete: bool,

    #[command(flatten)]
    recording: RecordingArgs,
}

/// Runs the command.
pub(crate) fn run(args: &MarkArgs) -> Result<ExitCode, Failure> {
    if args.text.trim().is_empty() {
        return Err(Failure::usage("the mark's text is empty"));
    }
    let opened = Opened::open(&args.recording)?;
    if args.delete {
        return delete(args, &opened);
    }
    let utc_ns = match &args.at {
        Some(time) => {
            let at = opened.resolve(time)?;
            // No mark lies before the first sample.
            if at.off_by_ns > 0 { at.taken.utc_ns } else { at.asked_utc_ns }
        }
        None if opened.running => recording::now_utc_ns(),
        None => {
            let error = anyhow::anyhow!(
                "recording {} has ended: there is no now to mark",
                opened.recording.id.0
            );
            return Err(Failure::new(Status::Usage, error)
                .hint("mark a moment of it with --at TIME, such as --at peak or --at -5m"));
        }
    };
    let mut text = args.text.clone();
    if args.end {
        must_be_open(args, &opened, utc_ns)?;
        text.push_str(SPAN_END);
    }
    vmrec_store::add_mark(&opened.path, opened.recording.id, utc_ns, &text)?;
    let done = match (args.begin, args.end) {
        (true, _) => "began",
        (_, true) => "ended",
        _ => "marked",
    };
    output::note(&format!(
        "{done} `{}` in recording {}",
        escape::terminal(&args.text),
        opened.recording.id.0
    ));
    Ok(ExitCode::SUCCESS)
}

/// Checks that there is a span to end.
fn must_be_open(args: &MarkArgs, opened: &Opened, utc_ns: i64) -> Result<(), Failure> {
    let mut before: Vec<(i64, &str)> =
        opened.marks.iter().map(|mark| (mark.utc_ns, mark.text.as_str())).collect();
    before.retain(|(at, _)| *at <= utc_ns);
    sort_by_key(&mut before, |(at, _)| *at);
    let texts: Vec<&str> = before.iter().map(|(_, text)| *text).collect();
    if is_open(&texts, &args.text) {
        return Ok(());
    }
    let number = opened.recording.id.0;
    let error = anyhow::anyhow!("recording {number} has no span `{}` to end then", args.text);
    Err(Failure::new(Status::Usage, error).hint(format!(
        "begin it first, with --begin; `vmrec info{}` shows its marks",
        opened.options(&args.recording)
    )))
}

fn delete(args: &MarkArgs, opened: &Opened) -> Result<ExitCode, Failure> {
    let number = opened.recording.id.0;
    let mut marks: Vec<&Mark> = opened.marks.iter().collect();
    sort_by_key(&mut marks, |mark| mark.utc_ns);
    let texts: Vec<&str> = marks.iter().map(|mark| mark.text.as_str()).collect();
    let going: Vec<&Mark> = named(&texts, &args.text).into_iter().map(|at| marks[at]).collect();
    if going.is_empty() {
        let error = anyhow::anyhow!("recording {number} has no mark `{}`", args.text);
        return Err(Failure::new(Status::Usage, error)
            .hint(format!("`vmrec info{}` shows its marks", opened.options(&args.recording))));
    }
    let deleted = vmrec_store::delete_marks(&opened.path, &going)?;
    let ends = going.iter().filter(|mark| mark.text != args.text).count();
    output::note(&format!(
        "deleted {} `{}`{} of recording {number}",
        counted(deleted.saturating_sub(ends) as u64, "mark", "marks"),
        escape::terminal(&args.text),
        if ends > 0 {
            format!(" and {}", counted(ends as u64, "end", "ends"))
        } else {
            String::new()
        },
    ));
    Ok(ExitCode::SUCCESS)
}

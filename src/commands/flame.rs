//! `vmrec flame`: the functions that made a change, as a picture.

use std::io;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use vmrec_report::{DrawnFlame, FlameHead, FlameOptions, Heading, StackChoice, escape, flame};
use vmrec_sampler::StackMetric;

use crate::args::{RecordingArgs, SessionArgs, SpanArgs};
use crate::commands::chart::args::Colours;
use crate::commands::diff;
use crate::failure::Failure;
use crate::metric_choice::stack_metric_parser;
use crate::recording::Opened;
use crate::session::OpenedSession;
use crate::stacks::ComparedStacks;
use crate::{output, picture, stacks, zone};

/// Draw which functions made memory resident between two times
///
/// Of a recording made with --stacks: red grew, blue shrank, a box is as wide as its bytes.
#[derive(Args, Debug)]
pub(crate) struct FlameArgs {
    /// First time, such as start, -10m, 14:05, #12 or @mark
    #[arg(allow_hyphen_values = true, value_name = "T1", default_value = "start")]
    from: String,

    /// Second time, such as end or now
    #[arg(allow_hyphen_values = true, value_name = "T2", default_value = "end")]
    to: String,

    /// File to write, SVG or PNG by its name [default: SVG on standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Compare the regions of this type alone
    #[arg(long = "type", value_name = "TYPE")]
    only_type: Option<String>,

    /// The metric of the stacks [default: resident, of a recording made by --allocs live]
    #[arg(long, value_name = "METRIC", value_parser = stack_metric_parser())]
    metric: Option<StackMetric>,

    /// Colours: auto is light, and dark for readers who prefer that
    #[arg(long, value_enum, default_value_t = Colours::Auto)]
    theme: Colours,

    /// Width of the picture in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 960, value_parser = clap::value_parser!(u32).range(320..=4000))]
    width: u32,

    #[command(flatten)]
    session: SessionArgs,

    #[command(flatten)]
    recording: RecordingArgs,
}

impl FlameArgs {
    /// Returns the parts of stacks to draw.
    fn choice(&self, metric: StackMetric) -> StackChoice<'_> {
        StackChoice { metric, only_type: self.only_type.as_deref() }
    }
}

/// Runs the command.
pub(crate) fn run(args: &FlameArgs) -> Result<ExitCode, Failure> {
    let path = args.output.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = path {
        picture::check(path)?;
    }
    if path.is_none() && io::stdout().is_terminal() {
        return Err(Failure::usage("a terminal cannot show an SVG picture").hint(
            "name a file: vmrec flame -o growth.svg; `vmrec diff --by stack` shows a table",
        ));
    }
    let options =
        FlameOptions { theme: picture::theme(path, args.theme.into()), width: args.width };
    let drawn = match args.session.session {
        Some(_) => of_session(args, &options)?,
        None => of_process(args, &options)?,
    };
    match path {
        None => output::print(&drawn.svg)?,
        Some(path) => {
            picture::write(path, &drawn.svg)?;
            output::note(&format!("{}: {}", path.display(), escape::terminal(&drawn.title)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn of_process(args: &FlameArgs, options: &FlameOptions) -> Result<DrawnFlame, Failure> {
    let opened = Opened::open(&args.recording)?;
    let (from, to) = diff::ends(&opened, &args.recording, "flame", [&args.from, &args.to])?;
    let only_type = args.only_type.as_deref();
    let metric = stacks::chosen(&opened, args.metric)?;
    let ComparedStacks { diff, consistency } =
        ComparedStacks::read(&opened, &from, &to, args.choice(metric))?;
    let time_zone = zone::local();
    let heading = Heading::new(
        &opened.recording,
        [&from, &to],
        [&consistency[0], &consistency[1]],
        &time_zone,
    );
    Ok(flame(&FlameHead::of_process(&heading), &diff, only_type, options))
}

/// Draws all processes of a session, each as the outermost box of its stacks.
fn of_session(args: &FlameArgs, options: &FlameOptions) -> Result<DrawnFlame, Failure> {
    let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
    let span = SpanArgs { from: args.from.clone(), to: args.to.clone() };
    let (from, to) = opened.between(&span)?;
    let choice = args.choice(opened.chosen_metric(args.metric)?);
    let (diff, only_type) = opened.compared_stacks([&from, &to], choice)?;
    let time_zone = zone::local();
    let heading = opened.heading([&from, &to], &time_zone);
    Ok(flame(&FlameHead::of_session(&heading), &diff, only_type.as_deref(), options))
}

//! `vmrec chart`: draws memory over time, as SVG or in a terminal.

pub(crate) mod args;
pub(crate) mod at_end;
pub(crate) mod source;

use std::io;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use vmrec_report::{Metric, draw, draw_multiples, draw_terminal, draw_terminal_multiples, escape};

use crate::args::SeriesBy;
use crate::commands::chart::args::{ChartArgs, Drawing, options};
use crate::commands::chart::source::Source;
use crate::failure::Failure;
use crate::terminal::terminal;
use crate::{output, picture};

/// Runs the command.
pub(crate) fn run(args: &ChartArgs) -> Result<ExitCode, Failure> {
    if let Some(path) = &args.output {
        picture::check(path)?;
    }
    let is_terminal = io::stdout().is_terminal();
    if args.output.as_deref() == Some(Path::new("-")) && is_terminal {
        return Err(Failure::usage("a terminal cannot show an SVG chart")
            .hint("leave out -o to draw in the terminal, or name a file: -o growth.svg"));
    }
    if args.metric() == Drawing::All && !matches!(args.by, None | Some(SeriesBy::Family)) {
        return Err(Failure::usage(
            "all metrics are drawn by family: their panels share one legend",
        )
        .hint("leave out --by, or draw one metric: --metric private --by type"));
    }
    if args.by == Some(SeriesBy::Stack) && args.metric() != Drawing::One(Metric::RESIDENT) {
        return Err(Failure::usage("stacks explain resident memory alone")
            .hint("leave out --metric, or draw it by type: --by type"));
    }
    if args.rollups && matches!(args.by, Some(SeriesBy::Object | SeriesBy::Stack)) {
        return Err(Failure::usage("means are kept by type, not by object or stack")
            .hint("leave out --rollups, or draw the means by type: --rollups --by type"));
    }
    let Source { series, context, cpu_ns } = match args.session.session {
        Some(_) => Source::of_session(args)?,
        None => Source::of_recording(args)?,
    };
    let options = options(args);
    let failed = Failure::undrawable;
    if args.terminal || args.output.is_none() && is_terminal {
        let drawn = match args.metric() {
            Drawing::All => draw_terminal_multiples(&series, &options, &context, &terminal()),
            Drawing::One(_) => draw_terminal(&series, &options, &context, &terminal()),
        };
        // A picture is drawn for the size of the terminal: no pager makes it larger.
        output::print_bytes(drawn.map_err(failed)?.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let drawn = match args.metric() {
        Drawing::All => draw_multiples(&series, &cpu_ns, &options, &context),
        Drawing::One(_) => draw(&series, &options, &context),
    };
    let drawn = drawn.map_err(failed)?;
    match args.output.as_deref().filter(|path| *path != Path::new("-")) {
        None => output::print(&drawn.svg)?,
        Some(path) => {
            picture::write(path, &drawn.svg)?;
            output::note(&format!("{}: {}", path.display(), escape::terminal(&drawn.finding)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

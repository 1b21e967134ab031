//! The parts of an export that a recording and a session have in common.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use vmrec_report::{Metric, PerfettoTrace, Series, TornValues, json};
use vmrec_sampler::Naming;

use crate::args::SumBy;
use crate::commands::export::args::ExportArgs;
use crate::failure::Failure;
use crate::output;
use crate::recording::Opened;

/// Writes a text to the file asked for, or to standard output.
pub(super) fn write(args: &ExportArgs, text: &str) -> Result<ExitCode, Failure> {
    match &args.output {
        Some(path) => output::replace_file(path, text.as_bytes())?,
        None => output::print(text)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the trace of recordings.
pub(super) fn perfetto(args: &ExportArgs, recordings: &[Opened]) -> Result<ExitCode, Failure> {
    let by = args.series.unwrap_or(SumBy::Type);
    let mut trace = Vec::new();
    let mut written = PerfettoTrace::new(&mut trace);
    for opened in recordings {
        let series = opened.sums(&Metric::USUAL, by.into(), &args.span, TornValues::Kept)?;
        let naming = Naming::of(&opened.recording.host);
        written
            .recording(&opened.recording, &series, &opened.marks, naming)
            .map_err(output::unwritable)?;
    }
    write_bytes(args, &trace, "a trace", "name a file with -o FILE, and open it at ui.perfetto.dev")
}

/// Writes a result that is no text to the file asked for, or to standard output.
pub(super) fn write_bytes(
    args: &ExportArgs,
    bytes: &[u8],
    what: &str,
    hint: &str,
) -> Result<ExitCode, Failure> {
    match &args.output {
        Some(path) => output::replace_file(path, bytes)?,
        None if io::stdout().is_terminal() => {
            let text = format!("{what} is no text: it is not written to a terminal");
            return Err(Failure::usage(text).hint(hint));
        }
        None => output::print_bytes(bytes)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns every value of every series: of a moment, each metric of each key.
pub(crate) fn rows(series: &[Series], naming: Naming) -> impl Iterator<Item = json::SeriesRow<'_>> {
    series.iter().flat_map(move |one| {
        one.ticks.iter().enumerate().flat_map(move |(at, tick)| {
            one.keys.iter().map(move |key| {
                let value = key.values.get(at);
                let names = (&*key.key.name, key.key.label(one.by, naming));
                json::SeriesRow::new(tick.taken.utc_ns, names, one.metric.column(), value)
            })
        })
    })
}

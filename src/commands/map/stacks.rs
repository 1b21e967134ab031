//! `vmrec map --by stack`: the call stacks that made the memory of a moment resident.

use vmrec_report::{DEFAULT_ROWS, StackChoice, StackLayout, StackMapDocument, json, stack_map};
use vmrec_sampler::StackMetric;

use crate::args::RecordingArgs;
use crate::failure::Failure;
use crate::recording::Opened;
use crate::{output, stacks, zone};

/// How the stacks are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A line for each of the largest.
    Table,
    /// A line for each, in full.
    WholeTable,
    Json,
}

/// Prints the stacks of a moment, the largest first.
pub(super) fn print(
    recording: &RecordingArgs,
    at: Option<&str>,
    types: &[String],
    metric: Option<StackMetric>,
    form: Form,
) -> Result<(), Failure> {
    let only_type = match types {
        [] => None,
        [one] => Some(one.as_str()),
        _ => return Err(Failure::usage("stacks are listed of one type, or of all")),
    };
    let opened = Opened::open(recording)?;
    let at = opened.resolve(at.unwrap_or("end"))?;
    let metric = stacks::chosen(&opened, metric)?;
    let (diff, consistency) = stacks::at(&opened, &at, StackChoice { metric, only_type })?;
    if form == Form::Json {
        let at = json::End::new(&at, &consistency);
        let id = opened.recording.id;
        return output::print_json(&StackMapDocument::new(id, at, only_type, &diff));
    }
    let all = form == Form::WholeTable;
    let layout = StackLayout {
        rows: (!all).then_some(DEFAULT_ROWS),
        width: if all { usize::MAX } else { output::width() },
        color: output::color(),
    };
    let process = &opened.recording.process;
    output::print(&stack_map(process, &at, &zone::local(), &diff, &layout))
}

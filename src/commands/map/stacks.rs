//! `vmrec map --by stack`: the call stacks that made the memory of a moment resident.

use vmrec_report::{DEFAULT_ROWS, StackLayout, stack_map};

use crate::args::RecordingArgs;
use crate::failure::Failure;
use crate::recording::Opened;
use crate::{output, stacks, zone};

/// Prints a line for each stack, the largest first; all of them and in full if `all`.
pub(super) fn print(
    recording: &RecordingArgs,
    at: Option<&str>,
    types: &[String],
    all: bool,
) -> Result<(), Failure> {
    let only_type = match types {
        [] => None,
        [one] => Some(one.as_str()),
        _ => return Err(Failure::usage("stacks are listed of one type, or of all")),
    };
    let opened = Opened::open(recording)?;
    let at = opened.resolve(at.unwrap_or("end"))?;
    let diff = stacks::at(&opened, &at, only_type)?;
    let layout = StackLayout {
        rows: (!all).then_some(DEFAULT_ROWS),
        width: if all { usize::MAX } else { output::width() },
        color: output::color(),
    };
    let process = &opened.recording.process;
    output::print(&stack_map(process, &at, &zone::local(), &diff, &layout))
}

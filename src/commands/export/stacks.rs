//! The changes by call stack between two times, in the formats of other programs.

use std::process::ExitCode;

use vmrec_report::{ProfileHead, Resolved, Speedscope, StackChoice, StackDiff, folded, pprof};

use crate::commands::export::args::ExportArgs;
use crate::commands::export::written::{write, write_bytes};
use crate::failure::Failure;
use crate::recording::Opened;
use crate::session::OpenedSession;
use crate::stacks::ComparedStacks;
use crate::{output, stacks};

/// Writes the changes of a process in the format asked for.
pub(super) fn run(args: &ExportArgs, opened: &Opened) -> Result<ExitCode, Failure> {
    let (from, to) = opened.between(&args.span)?;
    let choice = args.stack_choice(stacks::chosen(opened, args.metric)?);
    let diff = ComparedStacks::read(opened, &from, &to, choice)?.diff;
    let (title, samples) = (opened.title(false), [from.number, to.number]);
    let title = format!("{title}, sample #{} to #{}", samples[0], samples[1]);
    write_stacks(args, &diff, choice, [&from, &to], &title)
}

/// Writes those of all processes of a session, each as the outermost frame of its stacks.
pub(super) fn of_session(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let opened = OpenedSession::open(&args.recording.file, args.session.session)?;
    let (from, to) = opened.between(&args.span)?;
    let choice = args.stack_choice(opened.chosen_metric(args.metric)?);
    let (diff, _) = opened.compared_stacks([&from, &to], choice)?;
    let title = format!("session {}, {}", opened.session.id.0, opened.session.targets);
    write_stacks(args, &diff, choice, [&from, &to], &title)
}

fn write_stacks(
    args: &ExportArgs,
    diff: &StackDiff,
    choice: StackChoice<'_>,
    [from, to]: [&Resolved; 2],
    title: &str,
) -> Result<ExitCode, Failure> {
    if args.format.folded {
        return write(args, &folded(diff));
    }
    let of = args.only_type.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
    let name = format!("{} bytes{of}, {title}", choice.metric.name());
    if args.format.speedscope {
        return write(args, &output::json(&Speedscope::new(name, diff))?);
    }
    let head = ProfileHead {
        utc_ns: to.taken.utc_ns,
        span_ns: to.taken.monotonic_ns.saturating_sub(from.taken.monotonic_ns),
        comment: name,
    };
    let hint = "name a file with -o FILE, and open it with `go tool pprof FILE`";
    write_bytes(args, &pprof(&head, diff), "a profile", hint)
}

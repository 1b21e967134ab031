//! The changes by call stack between two times, in the formats of other programs.

use std::process::ExitCode;

use vmrec_report::{ProfileHead, Resolved, Speedscope, folded, pprof};

use crate::commands::export::args::ExportArgs;
use crate::commands::export::written::{write, write_bytes};
use crate::failure::Failure;
use crate::output;
use crate::recording::Opened;
use crate::stacks::ComparedStacks;

/// Writes the changes in the format asked for.
pub(super) fn run(args: &ExportArgs, opened: &Opened) -> Result<ExitCode, Failure> {
    let (from, to) = opened.between(&args.span)?;
    let only_type = args.only_type.as_deref();
    let diff = ComparedStacks::read(opened, &from, &to, only_type)?.diff;
    if args.format.folded {
        return write(args, &folded(&diff));
    }
    let name = name(opened, &from, &to, only_type);
    if args.format.speedscope {
        return write(args, &output::json(&Speedscope::new(name, &diff))?);
    }
    let head = ProfileHead {
        utc_ns: to.taken.utc_ns,
        span_ns: to.taken.monotonic_ns.saturating_sub(from.taken.monotonic_ns),
        comment: name,
    };
    let hint = "name a file with -o FILE, and open it with `go tool pprof FILE`";
    write_bytes(args, &pprof(&head, &diff), "a profile", hint)
}

fn name(opened: &Opened, from: &Resolved, to: &Resolved, only_type: Option<&str>) -> String {
    let of = only_type.map_or_else(String::new, |name| format!(" of {name}"));
    let title = opened.title(false);
    format!("resident bytes{of}, {title}, sample #{} to #{}", from.number, to.number)
}

//! `vmrec record`: samples a process at intervals into the file.
//!
//! `one` and `family` own the order of things; other parts decide: `schedule` when a
//! tick is due, `target` whom to watch, `events` what ends it, `session` what
//! is written, `progress` what is shown, `triggers` what happens meanwhile.

pub(crate) mod args;
mod detach;
pub(crate) mod events;
pub(crate) mod family;
pub(crate) mod kept_stacks;
pub(crate) mod live_line;
pub(crate) mod note_writer;
mod one;
pub(crate) mod outputs;
pub(crate) mod progress;
pub(crate) mod pruning;
mod rights;
pub(crate) mod sampling;
pub(crate) mod schedule;
pub(crate) mod session;
pub(crate) mod stack_source;
pub(crate) mod stopped;
pub(crate) mod tally;
pub(crate) mod target;
pub(crate) mod triggers;
pub(crate) mod unrecorded;
pub(crate) mod via;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vmrec_sampler::{Error as SamplerError, UserRule};
use vmrec_store::{RecordingId, Retention, Writer};

use crate::commands::record::args::RecordArgs;
use crate::commands::record::events::Events;
use crate::commands::record::family::{ControlGroup, FamilyRecorded, Roots, Watched};
use crate::commands::record::outputs::{Outputs, Recorded};
use crate::commands::record::session::{Output, open_writer};
use crate::commands::record::target::{Target, is_gone};
use crate::commands::record::triggers::Triggers;
use crate::failure::Failure;
use crate::{file, output, process, types_file};

/// Runs the command.
pub(crate) fn run(args: &RecordArgs) -> Result<ExitCode, Failure> {
    if args.detach && !args.detached {
        return detach::start(args);
    }
    let rules = types_file::rules(&args.types)?;
    process::count_as_footprint(args.footprint)?;
    let retention = args.retention.policy(args.keep)?;
    let path = file::path(&args.file)?;
    if let Some(retention) = &retention {
        Writer::check_limit(&path, retention)?;
    }
    // A wrong file must not cost the user a run.
    let outputs = Outputs::of(args)?;
    let triggers = Triggers::of(args, &rules)?;
    if args.pick.any() && !args.launch.is_empty() {
        return Err(Failure::usage("a command that vmrec starts is not chosen among others")
            .hint("leave out -f, --wait, --newest, --oldest and --largest before `--`"));
    }
    if args.allocs.is_some() && args.stacks.is_some() {
        return Err(Failure::usage(
            "a recording has stacks of --allocs or of --stacks, not of both",
        )
        .hint(
            "record the blocks of a command, and meanwhile its page faults into another file: \
                 vmrec record --stacks --db FILE PID",
        ));
    }
    if args.allocs.is_some() && args.launch.is_empty() {
        return Err(Failure::usage(
            "--allocs records a command from its start: a process that runs loads no library",
        )
        .hint(
            "vmrec record --stacks TARGET shows which code touches fresh memory, of any process",
        ));
    }
    if args.via.is_some() && (args.is_family() || !args.launch.is_empty()) {
        return Err(Failure::usage("--via reads one process that runs already")
            .hint("name one pid or name, without --tree, --all, --follow, --host and `--`"));
    }
    rights::give_up(args, &path);
    vmrec_sampler::share_one_arena();
    detach::before_command(args)?;
    let events = Events::listen()?;
    if args.is_family() {
        let start = Start { path: &path, retention, rules, triggers };
        return record_family(args, &events, start, &outputs);
    }
    let (mut target, (writer, path)) = match args.processes().pop() {
        Some(name) => {
            let pick = args.pick;
            if pick.wait && !args.quiet {
                output::note(&format!("waiting for `{name}` if it has not started yet"));
            }
            let find = move || Target::find(&name, pick, rules);
            // The names of all processes are read.
            let Some(found) = events.while_heeding(find, |_, _| true) else {
                return Ok(interrupted());
            };
            let mut target = found?;
            match target.watch(&events) {
                Some(watched) => watched?,
                None => return Ok(interrupted()),
            }
            (target, open_writer(&path)?)
        }
        // The file is opened before the target is started: a bad path must not cost the user a run.
        None => start(args, rules, &path, &events)?,
    };
    target.reading = args.reading;
    target.reread = args.reread;
    target.limits = args.limits();
    target.via = args.via.as_deref().map(via::program);
    if let Some(options) = args.stack_options()
        && let Err(error) = target.record_stacks(&options)
    {
        writer.close_or_discard()?;
        return Err(error.into());
    }
    let recorded = match target.attach(&events) {
        Some(Ok(sampler)) => {
            let output = Output { path: &path, writer, retention, triggers };
            one::record(args, output, &events, &mut target, sampler)
        }
        Some(Err(error)) => nothing_recorded(writer, &target, error),
        None => {
            writer.close_or_discard()?;
            return Ok(interrupted());
        }
    };
    // A launched command outlives a failing recorder: its work is worth more than our sampling.
    let command_status = target.wait(&events);
    match (recorded, command_status) {
        (Err(failure), Some(status)) if status != 0 => {
            failure.report();
            Ok(exit_code(status))
        }
        (Err(failure), _) => Err(failure),
        (Ok(recording), status) => outputs.make(&path, recording.map(Recorded::Process), status),
    }
}

/// How a session begins.
struct Start<'a> {
    path: &'a Path,
    retention: Option<Retention>,
    rules: Vec<UserRule>,
    triggers: Triggers,
}

/// Finds the control group whose processes are recorded.
fn group(args: &RecordArgs) -> Result<Option<ControlGroup>, Failure> {
    let cgroup = args.cgroup.as_deref().map(ControlGroup::find);
    let unit = args.unit.as_deref().map(ControlGroup::of_unit);
    let container = args.container.as_deref().map(ControlGroup::of_container);
    cgroup.or(unit).or(container).transpose()
}

/// Finds or starts the processes of a session, and records them.
fn record_family(
    args: &RecordArgs,
    events: &Events,
    start_with: Start<'_>,
    outputs: &Outputs<'_>,
) -> Result<ExitCode, Failure> {
    let Start { path, retention, rules, triggers } = start_with;
    let (roots, (writer, path)) = if args.launch.is_empty() {
        let (names, pick) = (args.processes(), args.pick);
        let several = args.all || args.follow;
        let group = group(args)?;
        let find = move || -> Result<Vec<_>, Failure> {
            vmrec_sampler::check_proc()?;
            if several {
                return Target::listed_all(&names, pick);
            }
            names.iter().map(|name| Target::listed(name, pick)).collect()
        };
        let Some(found) = events.while_heeding(find, |_, _| true) else {
            return Ok(interrupted());
        };
        let found = found?;
        if found.is_empty() && args.all && !args.follow {
            return Err(process::none_named(&args.processes().join(", ")));
        }
        let mut names = BTreeSet::new();
        if args.follow {
            let running = found.iter().filter_map(|one| vmrec_sampler::program_name(one.pid));
            names.extend(running);
            // One that has not begun yet is known by the name given.
            names.extend(args.processes().into_iter().filter(|name| name.parse::<u32>().is_err()));
        }
        (Roots::Found(found, Watched { names, group }), open_writer(path)?)
    } else {
        // Before the command begins: a child of its may lose its parent at once.
        let adopts = args.tree && vmrec_sampler::adopt_orphans();
        let (target, writer) = start(args, Vec::new(), path, events)?;
        (Roots::Command { target, adopts }, writer)
    };
    let output = Output { path: &path, writer, retention, triggers };
    let FamilyRecorded { session, status } = family::record(args, events, rules, roots, output)?;
    outputs.make(&path, session.map(Recorded::Session), status)
}

/// Opens the file, then starts the command; one that cannot be started leaves no new file.
fn start(
    args: &RecordArgs,
    rules: Vec<UserRule>,
    path: &Path,
    events: &Events,
) -> Result<(Target, (Writer, PathBuf)), Failure> {
    // Without it the command would run unseen.
    vmrec_sampler::check_proc()?;
    let (writer, path) = open_writer(path)?;
    let stacks = args.source_options(&path);
    match Target::launch(&args.launch, rules, stacks, !args.detached) {
        Ok(mut target) => {
            // Only a command that vmrec did not start keeps it waiting.
            target.watch(events).transpose()?;
            Ok((target, (writer, path)))
        }
        Err(failure) => {
            writer.close_or_discard()?;
            Err(failure)
        }
    }
}

/// States that a signal ended the recording before its first sample.
fn interrupted() -> ExitCode {
    output::note("interrupted before the first sample: nothing was recorded");
    ExitCode::SUCCESS
}

/// Closes the file of a target that could not be looked at; of a command, because it has ended.
fn nothing_recorded(
    writer: Writer,
    target: &Target,
    error: SamplerError,
) -> Result<Option<RecordingId>, Failure> {
    writer.close_or_discard()?;
    if !(target.is_launched() && is_gone(&error)) {
        return Err(error.into());
    }
    output::note("the command ended before its memory could be looked at: nothing was recorded");
    Ok(None)
}

fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX))
}

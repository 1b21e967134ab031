//! `vmrec record`: samples a process at intervals into the file.
//!
//! The loop here owns the order of things; its parts decide: `schedule` when a
//! tick is due, `target` whom to watch, `events` what ends it, `session` what
//! is written, `progress` what is shown.

pub(crate) mod args;
mod detach;
pub(crate) mod events;
pub(crate) mod family;
pub(crate) mod live_line;
pub(crate) mod note_writer;
pub(crate) mod outputs;
pub(crate) mod progress;
pub(crate) mod pruning;
pub(crate) mod sampling;
pub(crate) mod schedule;
pub(crate) mod session;
pub(crate) mod stopped;
pub(crate) mod tally;
pub(crate) mod target;
pub(crate) mod unrecorded;
pub(crate) mod via;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use vmrec_sampler::{Error as SamplerError, StackOptions, StackRecorder, UserRule};
use vmrec_store::{RecordingId, Retention, WhyEnded, Writer};

use crate::commands::record::args::{RecordArgs, SPARE};
use crate::commands::record::events::{Event, Events, GRACE, Sampled};
use crate::commands::record::family::{ControlGroup, FamilyRecorded, Output, Roots, Watched};
use crate::commands::record::outputs::{Outputs, Recorded};
use crate::commands::record::progress::Progress;
use crate::commands::record::sampling::SamplingThread;
use crate::commands::record::schedule::Schedule;
use crate::commands::record::session::{Session, Stored, open_writer};
use crate::commands::record::tally::Figures;
use crate::commands::record::target::{Target, is_gone};
use crate::commands::record::unrecorded::Unrecorded;
use crate::commands::record::via::Reader;
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
    if args.pick.any() && !args.launch.is_empty() {
        return Err(Failure::usage("a command that vmrec starts is not chosen among others")
            .hint("leave out -f, --wait, --newest, --oldest and --largest before `--`"));
    }
    if args.via.is_some() && (args.is_family() || !args.launch.is_empty()) {
        return Err(Failure::usage("--via reads one process that runs already")
            .hint("name one pid or name, without --tree, --all, --follow, --host and `--`"));
    }
    detach::before_command(args)?;
    let events = Events::listen()?;
    if args.is_family() {
        if args.stacks {
            return Err(Failure::usage("--stacks records one process")
                .hint("name one, or leave out --stacks"));
        }
        let start = Start { path: &path, retention, rules };
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
        None => start(args, rules, args.stack_options(), &path, &events)?,
    };
    target.read_remote_files = args.read_remote_files;
    target.reread = args.reread;
    target.max_stall = args.max_stall;
    target.via = args.via.as_deref().map(via::program);
    if let Some(options) = args.stack_options()
        && let Err(error) = target.record_stacks(&options)
    {
        writer.close_or_discard()?;
        return Err(error.into());
    }
    let recorded = match target.attach(&events) {
        Some(Ok(sampler)) => record(args, retention, &path, writer, &events, &mut target, sampler),
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
    let Start { path, retention, rules } = start_with;
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
        let (target, writer) = start(args, Vec::new(), None, path, events)?;
        (Roots::Command { target, adopts }, writer)
    };
    let output = Output { path: &path, writer, retention };
    let FamilyRecorded { session, status } = family::record(args, events, rules, roots, output)?;
    outputs.make(&path, session.map(Recorded::Session), status)
}

/// Opens the file, then starts the command; one that cannot be started leaves no new file.
fn start(
    args: &RecordArgs,
    rules: Vec<UserRule>,
    stacks: Option<StackOptions>,
    path: &Path,
    events: &Events,
) -> Result<(Target, (Writer, PathBuf)), Failure> {
    // Without it the command would run unseen.
    vmrec_sampler::check_proc()?;
    let (writer, path) = open_writer(path)?;
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

/// The same for the first sample of a command.
const FIRST_GRACE: Duration = Duration::from_secs(1);
/// How long the sample of a process is waited for that has ended meanwhile.
const AFTER_EXIT: Duration = Duration::from_secs(2);

/// Takes samples until something ends it, and returns the last recording of them.
fn record(
    args: &RecordArgs,
    retention: Option<Retention>,
    path: &Path,
    writer: Writer,
    events: &Events,
    target: &mut Target,
    reader: Reader,
) -> Result<Option<RecordingId>, Failure> {
    let mut sampler = SamplingThread::start(reader, events);
    let mut session = Session::new(writer, sampler.process(), args, retention)?;
    let mut progress = Progress::start(args, path, sampler.process());
    // The command line is read, and the first sample has code of its own.
    vmrec_sampler::release_own_code();
    let begun = Instant::now();
    let mut schedule = Schedule::new(args.interval());
    let mut unrecorded = target.is_launched().then(|| Unrecorded::of(target.pid()));
    let why = loop {
        sampler.request();
        let Sampled { snapshot, evidence, notes } =
            match sampled(events, target, session.samples_taken() == 0) {
                Ok(sampled) => *sampled,
                Err(why) => break why,
            };
        match snapshot {
            Ok(snapshot) => {
                if session.samples_taken() == 0 {
                    progress.notes(&notes);
                }
                let figures = Figures::of(&snapshot);
                let is_first = session.samples_taken() == 0;
                let stacks = target.stacks.as_ref().map(|stacks| stacks.tick(&snapshot));
                let stored = session.append(snapshot, evidence)?;
                if is_first {
                    vmrec_sampler::release_own_code();
                }
                match stored {
                    Stored::Kept(number) => {
                        if let Some(stacks) = stacks {
                            session.keep_stacks(number, stacks)?;
                        }
                        progress.sample(number, &figures, session.file_bytes());
                    }
                    Stored::Lost(failure) => progress.lost(&failure),
                }
            }
            Err(error) if is_gone(&error) => break WhyEnded::TargetExited(target.wait(events)),
            Err(SamplerError::Replaced { .. }) => match target.attach(events) {
                Some(Ok(attached)) => {
                    session.replace(attached.process())?;
                    target.stacks.iter().for_each(StackRecorder::restart);
                    progress.replaced(attached.process());
                    sampler = SamplingThread::start(attached, events);
                    continue;
                }
                Some(Err(_)) => break WhyEnded::TargetExited(target.wait(events)),
                None => break WhyEnded::Interrupted,
            },
            Err(error) => {
                session.end(&WhyEnded::Failed(error.to_string()))?;
                session.close()?;
                return Err(error.into());
            }
        }
        if args.samples.is_some_and(|max| session.samples_taken() >= max.get()) {
            break WhyEnded::Finished;
        }
        let tick = schedule.next(begun.elapsed());
        if tick.missed > 0 {
            session.missed(tick.missed, args.interval())?;
            progress.missed(tick.missed);
        }
        if let Some(why) = session.left_out() {
            progress.left_out(&why);
        }
        let has_time = || tick.due.saturating_sub(begun.elapsed()) >= SPARE;
        if let Err(failure) = session.prune(events, has_time) {
            progress.not_pruned(&failure);
        }
        let end_due = args.duration.filter(|duration| *duration < tick.due);
        let deadline = begun + end_due.unwrap_or(tick.due);
        let event = match &mut unrecorded {
            Some(unrecorded) => unrecorded.wait(events, deadline),
            None => events.wait_until(deadline),
        };
        match event {
            None if end_due.is_some() => break WhyEnded::Finished,
            // No sample is awaited here.
            None | Some(Event::Sampled(_) | Event::Looked(_) | Event::Done) => {}
            Some(Event::Exited(status)) => {
                target.exited(status);
                break WhyEnded::TargetExited(status);
            }
            Some(Event::Signal { signal, forward }) => {
                if target.is_launched() {
                    // The command decides what a signal means to it; its exit ends the recording.
                    if forward {
                        target.forward(signal);
                    }
                } else {
                    break WhyEnded::Interrupted;
                }
            }
        }
    };
    let ended = session.end(&why);
    progress.summary(&why, path, session.recording());
    if let Some(words) = unrecorded.as_ref().and_then(Unrecorded::words) {
        progress.unrecorded(&words);
    }
    ended?;
    let recording = session.recording();
    session.close()?;
    Ok(recording)
}

/// Waits for the sample that was requested; fails with the reason if the recording ends before it.
///
/// An event meanwhile is put back for the loop if the sample comes soon after it.
fn sampled(events: &Events, target: &mut Target, is_first: bool) -> Result<Box<Sampled>, WhyEnded> {
    let mut held: Option<(Instant, Event)> = None;
    loop {
        let event = match &held {
            Some((limit, _)) => events.wait_until(*limit),
            None => events.wait(),
        };
        match (event, held.take()) {
            (Some(Event::Sampled(sampled)), held) => {
                if let Some((_, event)) = held {
                    // The queue lives for as long as `events`.
                    let _ = events.sender().send(event);
                }
                return Ok(sampled);
            }
            (Some(Event::Exited(status)), _) => {
                target.exited(status);
                held = Some((Instant::now() + AFTER_EXIT, Event::Exited(status)));
            }
            (Some(signal @ Event::Signal { .. }), None) => {
                // A command that ends before its first sample leaves nothing to look at.
                let grace = if target.is_launched() && is_first { FIRST_GRACE } else { GRACE };
                held = Some((Instant::now() + grace, signal));
            }
            (Some(Event::Signal { signal, forward }), held_before) => {
                held = held_before;
                if target.is_launched() && forward {
                    target.forward(signal);
                }
            }
            (Some(Event::Looked(_) | Event::Done), held_before) => held = held_before,
            (None, Some((_, Event::Signal { signal, forward }))) if target.is_launched() => {
                if forward {
                    target.forward(signal);
                }
            }
            (None, Some((_, Event::Signal { .. }))) => return Err(WhyEnded::Interrupted),
            (None, Some((_, Event::Exited(status)))) => {
                return Err(WhyEnded::TargetExited(status));
            }
            (None, _) => return Err(WhyEnded::TargetExited(None)),
        }
    }
}

#[cfg(test)]
mod tests {

    use super::Duration;
    use crate::commands::record::args::parse_interval;

    #[test]
    fn intervals_have_bounds() {
        assert_eq!(parse_interval("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(parse_interval("1h30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["0", "0s", "49ms", "25h", "-2s", "fast", "", "2"] {
            assert!(parse_interval(wrong).is_err(), "{wrong}");
        }
    }
}

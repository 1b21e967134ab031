//! The loop that records one process: takes samples until something ends it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use vmrec_sampler::Error as SamplerError;
use vmrec_store::{RecordingId, WhyEnded};

use crate::commands::record::args::{RecordArgs, SPARE};
use crate::commands::record::events::{Event, Events, GRACE, MemberId, Sampled};
use crate::commands::record::progress::Progress;
use crate::commands::record::sampling::SamplingThread;
use crate::commands::record::schedule::Schedule;
use crate::commands::record::session::{Output, Session, Stored};
use crate::commands::record::stack_source::StackSource;
use crate::commands::record::tally::Figures;
use crate::commands::record::target::{Target, is_gone};
use crate::commands::record::triggers::StoredSample;
use crate::commands::record::unrecorded::Unrecorded;
use crate::commands::record::via::Reader;
use crate::failure::Failure;

/// The name that conditions know the process by.
const ITSELF: MemberId = MemberId(0);

/// The same for the first sample of a command.
const FIRST_GRACE: Duration = Duration::from_secs(1);
/// How long the sample of a process is waited for that has ended meanwhile.
const AFTER_EXIT: Duration = Duration::from_secs(2);

/// Takes samples until something ends it, and returns the last recording of them.
pub(super) fn record(
    args: &RecordArgs,
    output: Output<'_>,
    events: &Events,
    target: &mut Target,
    reader: Reader,
) -> Result<Option<RecordingId>, Failure> {
    let Output { path, writer, retention, mut triggers } = output;
    let mut sampler = SamplingThread::start(reader, events);
    let mut session = Session::new(writer, sampler.process(), args, retention)?;
    let mut progress = Progress::start(args, path, sampler.process());
    // The command line is read, and the first sample has code of its own.
    vmrec_sampler::release_own_code();
    let begun = Instant::now();
    let mut schedule = Schedule::new(args.interval());
    let mut shown = Shown::default();
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
                shown.waiting.push_back(Figures::of(&snapshot));
                let is_first = session.samples_taken() == 0;
                let stacks =
                    target.stacks.as_ref().and_then(|it| it.tick(target.pid(), false, &snapshot));
                triggers.judge(ITSELF, target.pid(), None, &snapshot);
                let stored = session.append(snapshot, evidence)?;
                if is_first {
                    vmrec_sampler::release_own_code();
                }
                let number = match stored {
                    Stored::Kept(number) => {
                        if let Some(stacks) = stacks {
                            session.keep_stacks(number, stacks)?;
                        }
                        shown.written(&mut session, &mut progress);
                        Some(number)
                    }
                    Stored::Held => None,
                    Stored::Lost(failure) => {
                        stacks.into_iter().for_each(|tick| session.leave_out_stacks(tick));
                        shown.written(&mut session, &mut progress);
                        shown.lost(&failure, &mut progress);
                        None
                    }
                };
                let (of, recording) = (session.session(), session.recording());
                let stored = |_| StoredSample { session: of, recording, number };
                let effect = triggers.act(path, stored, |of, at, text| session.mark(of, at, text));
                let mut notes = effect.notes;
                notes.extend(triggers.look_at_heaps(
                    path,
                    |after| session.marks_after(after),
                    |id| (Some(id) == recording).then(|| target.pid()),
                ));
                if !notes.is_empty() {
                    progress.fired(&notes);
                }
                if let Some(burst) = effect.burst {
                    schedule.burst(begun.elapsed(), burst);
                }
            }
            Err(error) if is_gone(&error) => break WhyEnded::TargetExited(target.wait(events)),
            Err(SamplerError::Replaced { .. }) => match target.attach(events) {
                Some(Ok(attached)) => {
                    shown.flush(&mut session, &mut progress)?;
                    session.replace(attached.process())?;
                    triggers.forget(ITSELF);
                    target.stacks.iter().for_each(|stacks| stacks.restart(target.pid()));
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
            shown.flush(&mut session, &mut progress)?;
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
    let flushed = shown.flush(&mut session, &mut progress);
    let ended = flushed.and_then(|()| session.end(&why));
    progress.summary(&why, path, session.recording(), &triggers.summary());
    if let Some(words) = unrecorded.as_ref().and_then(Unrecorded::words) {
        progress.unrecorded(&words);
    }
    if let Some(note) = target.stacks.as_ref().and_then(StackSource::failure) {
        progress.fired(&[note.to_owned()]);
    }
    ended?;
    let recording = session.recording();
    session.close()?;
    Ok(recording)
}

/// Samples that are to be shown once they are written.
#[derive(Default)]
struct Shown {
    waiting: VecDeque<Figures>,
}

impl Shown {
    /// Shows those that were written by now.
    fn written(&mut self, session: &mut Session, progress: &mut Progress) {
        for number in session.take_written() {
            if let Some(figures) = self.waiting.pop_front() {
                progress.sample(number, &figures, session.file_bytes());
            }
        }
    }

    /// Counts those that are left as lost.
    fn lost(&mut self, failure: &Failure, progress: &mut Progress) {
        self.waiting.drain(..).for_each(|_| progress.lost(failure));
    }

    /// Writes those that wait, and shows them.
    fn flush(&mut self, session: &mut Session, progress: &mut Progress) -> Result<(), Failure> {
        let lost = session.flush()?;
        self.written(session, progress);
        if let Some(failure) = lost {
            self.lost(&failure, progress);
        }
        Ok(())
    }
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

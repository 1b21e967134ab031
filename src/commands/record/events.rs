//! Events that end or disturb a recording: signals to vmrec and the target's exit.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::{Origin, WithOrigin};
use signal_hook::low_level::siginfo::{Cause, Sent};

use vmrec_sampler::{Error as SamplerError, Evidence, ProcessInfo, Sampler, Snapshot};

use crate::failure::{Failure, Status};

/// How long a sample or other work under way is waited for after a signal.
pub(crate) const GRACE: Duration = Duration::from_millis(100);

/// Names a process among those that a session records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MemberId(pub(crate) u64);

/// A sample, or why there is none.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub(crate) snapshot: Result<Snapshot, SamplerError>,
    /// The evidence of its types, if they were classified again.
    pub(crate) evidence: Option<Evidence>,
    /// Which facts could not be read, and why.
    pub(crate) notes: Vec<String>,
}

/// The result of a look at one of several processes.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) member: MemberId,
    /// The process, if this look attached to it.
    pub(crate) attached: Option<ProcessInfo>,
    /// The sampler, to be used again; `None` once it cannot be.
    pub(crate) sampler: Option<Box<Sampler>>,
    pub(crate) sampled: Sampled,
    /// How long that took.
    pub(crate) took: Duration,
}

/// Something that happened while waiting for the next tick.
#[derive(Debug)]
pub(crate) enum Event {
    /// A signal reached vmrec. A launched command must be sent it too if `forward`.
    Signal { signal: i32, forward: bool },
    /// The target exited; with its status if vmrec started it: exit code, or 128 + signal.
    Exited(Option<i32>),
    /// The sample that was requested, or why there is none.
    Sampled(Box<Sampled>),
    /// One of several processes was looked at.
    Looked(Box<Looked>),
    /// Work on a thread of its own is done.
    Done,
}

/// A queue of events, filled by threads that wait for them.
pub(crate) struct Events {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

impl Events {
    /// Begins to listen for signals that ask vmrec to end.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let (sender, receiver) = mpsc::channel();
        // One that was ignored before, as by nohup or a shell's `&`, stays ignored.
        let mut wanted = vec![SIGINT, SIGTERM, SIGHUP, SIGQUIT];
        wanted.retain(|signal| !vmrec_sampler::ignores_signal(*signal));
        // A file that may not grow is an error of the write, not the end of the recorder.
        let ignored = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(SIGXFSZ, ignored).map_err(cannot_listen)?;
        let mut signals = SignalsInfo::<WithOrigin>::new(wanted).map_err(cannot_listen)?;
        let to_queue = sender.clone();
        thread::spawn(move || {
            for origin in &mut signals {
                let forward = forwards(&origin);
                if to_queue.send(Event::Signal { signal: origin.signal, forward }).is_err() {
                    return;
                }
            }
        });
        Ok(Self { sender, receiver })
    }

    /// Returns a sender that adds to the queue.
    pub(crate) fn sender(&self) -> Sender<Event> {
        self.sender.clone()
    }

    /// Waits for an event until `deadline`; `None` when it is reached.
    pub(crate) fn wait_until(&self, deadline: Instant) -> Option<Event> {
        // The queue is never cut off: this very struct holds a sender.
        self.receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }

    /// Does work that the target may keep waiting, on a thread of its own, and returns the result.
    ///
    /// Meanwhile signals are given to `signalled`, which returns whether they end the recording;
    /// then `None` is returned unless the work is done soon. Other events stay in the queue.
    pub(crate) fn while_heeding<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        mut signalled: impl FnMut(i32, bool) -> bool,
    ) -> Option<T> {
        let (result, done) = mpsc::channel();
        let queue = self.sender();
        thread::spawn(move || {
            // Nobody listens any more if a signal came first.
            let _ = result.send(work());
            let _ = queue.send(Event::Done);
        });
        let (mut held, mut limit) = (Vec::new(), None);
        loop {
            let event = match limit {
                Some(limit) => self.wait_until(limit)?,
                None => self.wait()?,
            };
            match event {
                Event::Done => break,
                Event::Signal { signal, forward } => {
                    if signalled(signal, forward) {
                        limit.get_or_insert(Instant::now() + GRACE);
                        held.push(Event::Signal { signal, forward });
                    }
                }
                other => held.push(other),
            }
        }
        for event in held {
            // The queue lives for as long as this value.
            let _ = self.sender.send(event);
        }
        done.recv().ok()
    }

    /// Waits for an event for as long as it takes.
    pub(crate) fn wait(&self) -> Option<Event> {
        self.receiver.recv().ok()
    }
}

fn cannot_listen(error: std::io::Error) -> Failure {
    let error = anyhow::Error::new(error).context("cannot listen for signals");
    Failure::new(Status::Recording, error)
}

/// Returns whether a signal must be passed on to a launched command.
///
/// The terminal sends Ctrl-C to every process in the foreground, the command
/// among them; a signal sent to vmrec alone has to be passed on.
fn forwards(origin: &Origin) -> bool {
    matches!(origin.cause, Cause::Sent(Sent::User | Sent::TKill | Sent::Queue))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Events {
        let (sender, receiver) = mpsc::channel();
        Events { sender, receiver }
    }

    fn interrupt(events: &Events) {
        events.sender().send(Event::Signal { signal: SIGINT, forward: false }).unwrap();
    }

    #[test]
    fn a_signal_is_heeded_though_the_target_keeps_work_waiting_for_ever() {
        let (_never, waits) = mpsc::channel::<()>();
        let (events, begun) = (events(), Instant::now());
        interrupt(&events);
        assert!(events.while_heeding(move || waits.recv(), |_, _| true).is_none());
        assert!(begun.elapsed() < 20 * GRACE);
    }

    #[test]
    fn work_that_is_soon_done_counts_and_other_events_are_kept_in_order() {
        let events = events();
        events.sender().send(Event::Exited(Some(3))).unwrap();
        interrupt(&events);
        assert_eq!(events.while_heeding(|| 7, |_, _| true), Some(7));
        assert!(matches!(events.wait(), Some(Event::Exited(Some(3)))));
        assert!(matches!(events.wait(), Some(Event::Signal { signal: SIGINT, .. })));
    }

    #[test]
    fn a_command_decides_what_a_signal_means_while_work_goes_on() {
        let (send, waits) = mpsc::channel();
        let events = events();
        interrupt(&events);
        let forward = |signal, _| {
            send.send(signal).unwrap();
            false
        };
        let received = events.while_heeding(move || waits.recv().ok(), forward);
        assert_eq!(received, Some(Some(SIGINT)));
    }
}

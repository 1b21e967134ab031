//! Events that end or disturb a recording: signals to vmrec and the target's exit.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::{Origin, WithOrigin};
use signal_hook::low_level::siginfo::{Cause, Sent};

use vmrec_sampler::{Error as SamplerError, Evidence, Snapshot};

use crate::failure::{Failure, Status};

/// A sample, or why there is none.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub(crate) snapshot: Result<Snapshot, SamplerError>,
    /// The evidence of its types, if they were classified again.
    pub(crate) evidence: Option<Evidence>,
    /// Which facts could not be read, and why.
    pub(crate) notes: Vec<String>,
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

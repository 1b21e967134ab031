//! When a JVM is asked for its list of its own memory, which takes it some milliseconds.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::classify::facts::TrackedRange;
use crate::classify::native_memory::parse;
use crate::linux::facts::jvm_attach;

/// How long the refresh that asks waits for the answer, and how long those after it.
const WAIT: Duration = Duration::from_millis(150);
const LATER_WAIT: Duration = Duration::from_millis(10);
/// The time between two questions.
const ASK_AGAIN: Duration = Duration::from_secs(60);

type Answer = Result<Vec<TrackedRange>, &'static str>;

/// What a JVM answered.
#[derive(Debug, Default)]
pub(crate) struct NativeMemory {
    asked: Option<Instant>,
    awaited: Option<Receiver<Answer>>,
    ranges: Vec<TrackedRange>,
    refusal: Option<&'static str>,
}

impl NativeMemory {
    /// Asks the JVM of `folder` once a minute, and returns its last answer.
    pub(crate) fn refresh(&mut self, folder: &Path, pid: u32) -> &[TrackedRange] {
        let due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        let mut wait = LATER_WAIT;
        if due && self.awaited.is_none() {
            wait = WAIT;
            let (sender, receiver) = channel();
            let folder = folder.to_owned();
            let ask = move || {
                let report = jvm_attach::native_memory(&folder, pid);
                // Nobody waits any more when the recording has ended.
                let _ = sender.send(report.map(|report| parse(&report)));
            };
            self.asked = Some(Instant::now());
            match thread::Builder::new().name("ask-jvm".to_owned()).spawn(ask) {
                Ok(_) => self.awaited = Some(receiver),
                Err(_) => self.refusal = Some("no thread can be started that asks it"),
            }
        }
        self.take(wait);
        &self.ranges
    }

    /// Takes the answer if it comes in time, or leaves it for the next refresh.
    fn take(&mut self, wait: Duration) {
        let Some(awaited) = &self.awaited else { return };
        match awaited.recv_timeout(wait) {
            Ok(Ok(ranges)) => (self.ranges, self.refusal) = (ranges, None),
            Ok(Err(refusal)) => self.refusal = Some(refusal),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => self.refusal = Some("it could not be asked"),
        }
        self.awaited = None;
    }

    /// Returns whether an answer is awaited.
    pub(crate) const fn is_pending(&self) -> bool {
        self.awaited.is_some()
    }

    /// Returns why there is no answer.
    pub(crate) const fn refusal(&self) -> Option<&'static str> {
        self.refusal
    }
}

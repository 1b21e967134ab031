//! Samples a process on a thread of its own, so that nothing the process does keeps signals waiting.

use std::sync::mpsc;
use std::sync::mpsc::Sender;
use std::thread;

use vmrec_sampler::ProcessInfo;

use crate::commands::record::events::{Event, Events, Sampled};
use crate::commands::record::via::Reader;

/// A sampler on a thread of its own, which puts its samples into the queue of events.
pub(crate) struct SamplingThread {
    process: ProcessInfo,
    requests: Sender<()>,
}

impl SamplingThread {
    /// Starts the thread. It ends with this value, or with the program if the sampler hangs.
    pub(crate) fn start(mut sampler: Reader, events: &Events) -> Self {
        let process = sampler.process().clone();
        let (requests, requested) = mpsc::channel();
        let queue = events.sender();
        thread::spawn(move || {
            while requested.recv().is_ok() {
                let snapshot = sampler.sample();
                let (evidence, notes) = (sampler.evidence(), sampler.notes());
                let sampled = Sampled { snapshot, evidence, notes };
                if queue.send(Event::Sampled(Box::new(sampled))).is_err() {
                    return;
                }
            }
        });
        Self { process, requests }
    }

    /// Returns the process as it was at attach.
    pub(crate) const fn process(&self) -> &ProcessInfo {
        &self.process
    }

    /// Asks for a sample, which will be an event.
    pub(crate) fn request(&self) {
        // The thread lives for as long as this value.
        let _ = self.requests.send(());
    }
}

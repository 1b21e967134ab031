//! Prunes the file while it is recorded to, in the time between samples.

use std::time::{Duration, Instant};

use vmrec_store::{Error as StoreError, Retention, Writer};

use crate::commands::record::events::Events;
use crate::failure::Failure;

/// How long samples wait for pruning where the file outgrows its limit.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a file is pruned meanwhile.
pub(crate) struct Pruning {
    retention: Option<Retention>,
    /// The bytes of the file at the start, or after it was last pruned.
    pruned_bytes: u64,
}

impl Pruning {
    /// Prepares to prune by `retention`.
    pub(crate) fn new(writer: &Writer, retention: Option<Retention>) -> Self {
        Self { retention, pruned_bytes: writer.file_bytes() }
    }

    /// Prunes while there is time before the next tick, unless an event such as a signal comes. A
    /// file that is too large is pruned a little at each tick, and for longer if it has grown.
    ///
    /// Returns why that is given up, if it is.
    pub(crate) fn run(
        &mut self,
        writer: &mut Writer,
        events: &Events,
        has_time: impl Fn() -> bool,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let (mut is_first, mut result) = (true, Ok(()));
        while has_time()
            || self.is_too_large(writer)
                && (is_first
                    || writer.file_bytes() > self.pruned_bytes && begun.elapsed() < PATIENCE)
        {
            is_first = false;
            match self.step(writer) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    result = Err(failure);
                    break;
                }
            }
            if let Some(event) = events.wait_until(Instant::now()) {
                // The queue lives for as long as `events`.
                let _ = events.sender().send(event);
                break;
            }
        }
        self.pruned_bytes = writer.file_bytes();
        result
    }

    /// Prunes a little; returns whether there was something to do, or why that is given up.
    fn step(&mut self, writer: &mut Writer) -> Result<bool, Failure> {
        let Some(retention) = &self.retention else { return Ok(false) };
        match writer.prune_step(retention, vmrec_sampler::now()) {
            Ok(done) => Ok(done),
            // Whatever frees some space lets a later step go on.
            Err(StoreError::DiskFull { .. }) => Ok(false),
            Err(error) => {
                self.retention = None;
                Err(error.into())
            }
        }
    }

    fn is_too_large(&self, writer: &Writer) -> bool {
        self.retention.is_some_and(|retention| writer.is_too_large(&retention))
    }
}

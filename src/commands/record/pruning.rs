//! Prunes the file while it is recorded to, in the time between samples.

use std::iter;
use std::time::{Duration, Instant};

use vmrec_store::{Error as StoreError, Retention, Writer};

use crate::commands::record::events::{Event, Events};
use crate::failure::Failure;

/// How long samples wait for pruning where the file outgrows its limit.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a file is pruned meanwhile.
pub(crate) struct Pruning {
    retention: Option<Retention>,
    /// By how many bytes the file was too large at the start, or after it was last pruned.
    excess_bytes: u64,
    /// Whether it was said that regions are left out.
    left_out_said: bool,
}

impl Pruning {
    /// Prepares to prune by `retention`.
    pub(crate) fn new(writer: &mut Writer, retention: Option<Retention>) -> Result<Self, Failure> {
        if let Some(retention) = &retention {
            writer.retain(retention)?;
        }
        Ok(Self { retention, excess_bytes: writer.excess_bytes()?, left_out_said: false })
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
        let mut result = Ok(());
        for first in iter::once(true).chain(iter::repeat(false)) {
            if !has_time() {
                let excess = self.excess_bytes(writer)?;
                let grown = excess > self.excess_bytes && begun.elapsed() < PATIENCE;
                if excess == 0 || !first && !grown {
                    break;
                }
            }
            match self.step(writer) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    result = Err(failure);
                    break;
                }
            }
            if let Some(event) = events.wait_until(Instant::now()) {
                let ends = matches!(event, Event::Signal { .. } | Event::Exited(_));
                // The queue lives for as long as `events`.
                let _ = events.sender().send(event);
                if ends {
                    break;
                }
            }
        }
        self.excess_bytes = self.excess_bytes(writer)?;
        result
    }

    /// Returns why regions of the last sample were left out, the first time that they were.
    pub(crate) fn left_out(&mut self, writer: &mut Writer) -> Option<String> {
        let why = writer.take_left_out().filter(|_| !self.left_out_said)?;
        self.left_out_said = true;
        Some(why)
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

    fn excess_bytes(&self, writer: &Writer) -> Result<u64, Failure> {
        match self.retention {
            Some(_) => Ok(writer.excess_bytes()?),
            None => Ok(0),
        }
    }
}

//! The samples that the growth of a condition is taken from: those of the unit of time that it names,
//! thinned so that a day takes no more room than a minute, and a burst of samples weighs no more
//! than the same time without one.

use std::collections::VecDeque;

use crate::slope::Slope;

/// How many parts a window is divided into: each keeps its newest sample.
const PARTS: u64 = 60;
/// The number of samples that a slope needs.
const MIN_SAMPLES: usize = 10;
/// The part of the window that they must cover: one in so many.
const MIN_COVERED: u64 = 4;
/// The shortest window, and how many intervals between samples it has at least.
const SHORTEST_NS: u64 = 10_000_000_000;
const MIN_INTERVALS: u64 = 20;

/// The latest samples of a metric.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    length_ns: u64,
    samples: VecDeque<(u64, u64)>,
}

impl Window {
    /// Creates an empty one for growth per so many nanoseconds.
    pub(crate) fn new(per_ns: u64, interval_ns: u64) -> Self {
        let length_ns = per_ns.max(SHORTEST_NS).max(interval_ns.saturating_mul(MIN_INTERVALS));
        Self { length_ns, samples: VecDeque::new() }
    }

    /// Adds a sample, and forgets those that are too old.
    pub(crate) fn add(&mut self, at_ns: u64, value: u64) {
        let part_ns = self.length_ns / PARTS;
        let part = |at_ns: u64| at_ns / part_ns;
        if self.samples.back().is_some_and(|(last, _)| part(*last) == part(at_ns)) {
            self.samples.pop_back();
        }
        self.samples.push_back((at_ns, value));
        while self
            .samples
            .front()
            .is_some_and(|(first, _)| at_ns.saturating_sub(*first) > self.length_ns)
        {
            self.samples.pop_front();
        }
    }

    /// Returns the slope, once there are enough samples over enough time.
    pub(crate) fn slope(&self) -> Option<Slope> {
        let ((first, _), (last, _)) = (self.samples.front()?, self.samples.back()?);
        let enough = self.samples.len() >= MIN_SAMPLES
            && last.saturating_sub(*first) >= self.length_ns / MIN_COVERED;
        let points: Vec<(u64, u64)> = self.samples.iter().copied().collect();
        if enough { Slope::of(&points) } else { None }
    }

    /// Returns how many samples it keeps.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.samples.len()
    }
}

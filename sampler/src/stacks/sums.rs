//! Sums of memory by stack and type of region.

use std::collections::BTreeMap;

use crate::region::Region;
use crate::stacks::metric::StackMetric;
use crate::stacks::model::LiveStack;

/// The unit of variances.
pub(crate) const UNIT_BYTES: f64 = 4096.0;

/// Sums by stack and number of a type.
pub(crate) type Sums = BTreeMap<(u32, u16), Sum>;

/// The part of one stack and type.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    /// Sampled pages or blocks, mappings, or calls.
    pub(crate) samples: u64,
    pub(crate) bytes: u64,
    pub(crate) variance: f64,
}

impl Sum {
    /// Adds so many, of so many bytes together.
    pub(crate) fn add(&mut self, samples: u64, bytes: u64) {
        self.samples = self.samples.saturating_add(samples);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts a sample that stands for so many bytes, as it comes or as it goes.
    pub(crate) fn change(&mut self, came: bool, bytes: u64, variance: f64) {
        self.variance += variance;
        if came {
            self.add(1, bytes);
        } else {
            self.samples = self.samples.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Returns it as the part of a stack.
    pub(crate) fn part(&self, metric: StackMetric, stack: u32, region_type: String) -> LiveStack {
        let variance = self.variance.round() as u64;
        let Self { samples, bytes, .. } = *self;
        LiveStack { metric, stack, region_type, samples, bytes, variance }
    }
}

/// Returns the index of the region that holds an address; regions are in the order of their addresses.
pub(crate) fn region_at(regions: &[Region], address: u64) -> Option<usize> {
    let after = regions.partition_point(|it| it.identity.range.start <= address);
    after.checked_sub(1).filter(|index| regions[*index].identity.range.holds(address))
}

//! Chunks: some hundred samples as columns, free of SQL.
//!
//! A chunk has four groups, each compressed and checked by itself ([`mod@seal`]),
//! so that a chart over weeks reads no regions:
//!
//! ```text
//! ticks    number, time and state of each sample                      (ticks)
//! totals   what the kernel said of the process, and what taking cost  (totals)
//! sums     for each quantity, the sums over the regions of each type  (sums)
//! regions  the readings of each region, region by region              (regions)
//! ```
//!
//! What changes little is coded as a [`Column`]: differences, with runs of the
//! same value as one number. A [`Builder`] takes samples as they come and makes
//! the groups; each group's own module defines its bytes.

mod builder;
mod column;
mod head;
mod measure;
mod read_regions;
mod read_sums;
mod regions;
mod runs;
mod seal;
mod sums;
mod ticks;
mod totals;
mod tracks;
mod types;

pub(crate) use builder::{Builder, Built};
pub(crate) use column::Column;
pub(crate) use head::Head;
pub(crate) use measure::MEASURES;
pub use measure::Measure;
pub(crate) use read_regions::{Regions, Rows};
pub(crate) use read_sums::Decoded;
pub use read_sums::TypeSums;
pub use runs::{Run, Runs};
pub(crate) use seal::{Place, Sealer, unseal};
pub(crate) use sums::SumColumns;
pub use ticks::Tick;
pub(crate) use ticks::Ticks;
pub(crate) use totals::{decode as decode_totals, decode_at as decode_totals_at};

/// The groups of a chunk as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// Number, time and state of each sample.
    pub(crate) ticks: Vec<u8>,
    /// Totals and costs of each sample.
    pub(crate) totals: Vec<u8>,
    /// Sums by type.
    pub(crate) sums: Vec<u8>,
    /// The regions.
    pub(crate) regions: Vec<u8>,
}

/// The most samples that a chunk which is read may claim to have.
const MOST_SAMPLES_READ: usize = 1 << 16;

#[cfg(test)]
mod tests;

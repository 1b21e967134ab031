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
//! What changes little is coded as a [`column::Column`]: differences, with runs of the
//! same value as one number. A [`builder::Builder`] takes samples as they come and makes
//! the groups; each group's own module defines its bytes.

pub(crate) mod builder;
pub(crate) mod column;
pub(crate) mod decode_regions;
pub(crate) mod decode_sums;
pub(crate) mod encode_regions;
pub(crate) mod encode_sums;
pub(crate) mod header;
pub(crate) mod measure;
pub(crate) mod runs;
pub(crate) mod seal;
#[cfg(test)]
mod tests;
pub(crate) mod ticks;
pub(crate) mod totals;
pub(crate) mod tracks;
pub(crate) mod types;

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

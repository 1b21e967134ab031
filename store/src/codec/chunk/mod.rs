//! Chunks: some hundred samples as columns, free of SQL.
//!
//! A chunk has five groups, each checked by itself ([`mod@seal`]),
//! so that a chart over weeks reads no regions:
//!
//! ```text
//! ticks    number, time and state of each sample                      (ticks)
//! totals   what the kernel said of the process, and what taking cost  (totals)
//! sums     for each quantity, the sums over the regions of each type  (sums)
//! kinds    the numbers of the kinds that the regions have             (regions)
//! regions  all regions, snapshot by snapshot                          (regions)
//! ```
//!
//! What changes little is coded as a [`column::Column`]: differences, with runs of the
//! same value as one number, compressed by zstd; regions go through a model of
//! their own. A [`builder::Builder`] takes samples as they come and makes the groups; each
//! group's own module defines its bytes.

pub(crate) mod builder;
pub(crate) mod column;
pub(crate) mod decode_sums;
pub(crate) mod encode_sums;
pub(crate) mod header;
pub(crate) mod measure;
pub(crate) mod regions;
pub(crate) mod runs;
pub(crate) mod seal;
#[cfg(test)]
mod tests;
pub(crate) mod ticks;
pub(crate) mod totals;
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
    /// The kinds of the regions.
    pub(crate) kinds: Vec<u8>,
    /// The regions.
    pub(crate) regions: Vec<u8>,
}

/// The most samples that a chunk which is read may claim to have.
const MAX_SAMPLES_READ: usize = 1 << 16;

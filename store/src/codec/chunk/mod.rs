//! Chunks: hundreds of samples as columns, without SQL.
//!
//! A chunk has five groups, each with its own checksum ([`mod@seal`]), so that
//! a chart over weeks reads no regions:
//!
//! ```text
//! ticks    number, time and state of each sample                      (ticks)
//! totals   the kernel's totals of the process, and the cost of sampling  (totals)
//! sums     for each quantity, the sums over the regions of each type  (sums)
//! kinds    the numbers of the kinds that the regions have             (regions)
//! regions  all regions, snapshot by snapshot                          (regions)
//! ```
//!
//! Values that change little are coded as a [`column::Column`]: differences and
//! run lengths, compressed by zstd. Regions have a model of their own. A
//! [`builder::Builder`] takes samples one by one and makes the groups; the
//! module of each group defines its bytes.

pub(crate) mod builder;
pub(crate) mod column;
pub(crate) mod decode_sums;
pub(crate) mod encode_sums;
pub(crate) mod header;
pub(crate) mod kind_sums;
pub(crate) mod measure;
pub(crate) mod packed;
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

/// The maximum number of samples that a decoded chunk may claim to have.
const MAX_SAMPLES_READ: usize = 1 << 16;

//! Frames: the regions of a sample as bytes, without SQL.
//!
//! A **key** frame stands alone; a **delta** builds on the frame before it.
//! Both code each region as the difference from a base (`region_change`), of
//! which the number of its kind in the `region_kind` table is a part. All numbers
//! are varints.
//!
//! ```text
//! key    = count, usual known mask, count × change from the base after the region before
//! delta  = base sample × 2 + structural, count, operations to the end of the blob
//! operation = unchanged regions before it × 4 + code, then by code
//!     0 change   change from the region itself
//!     1 remove
//!     2 insert   change from the base after the region inserted before
//! ```
//!
//! `count` is the number of regions after; `structural` is 1 if operations 1 or
//! 2 occur; without them a delta is applied in place. Regions after the last
//! operation are unchanged. Any order and any overlap of regions is kept.

pub(crate) mod decode;
pub(crate) mod encode;

/// Whether a frame stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// All regions.
    Key,
    /// The changes since the frame before.
    Delta,
}

impl FrameKind {
    /// Returns the word stored in the `kind` column.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Delta => "delta",
        }
    }

    /// Returns the kind of that name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Key, Self::Delta].into_iter().find(|kind| kind.name() == name)
    }
}

/// A frame's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Whether it stands alone.
    pub(crate) kind: FrameKind,
    /// Whether a chunk begins with its sample.
    pub(crate) begins: bool,
    /// The encoded regions.
    pub(crate) data: Vec<u8>,
}

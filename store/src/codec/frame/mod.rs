//! Frames: the regions of a sample as bytes, free of SQL.
//!
//! A **key** frame stands alone; a **delta** builds on the frame before it.
//! Both name each region's identity by its number in the `region` table and
//! code what changes ([`crate::codec::region_change::Reading`]) as the difference from a base. All numbers
//! are varints ([`crate::codec::varint`]).
//!
//! ```text
//! key    = count, usual known mask, count × (identity − identity before, reading against nothing)
//! delta  = base sample × 2 + structural, count, operations to the end of the blob
//! operation = unchanged regions before it × 4 + code, then by code
//!     0 change   reading against the region's own
//!     1 replace  identity − the region's own, reading against the region's own
//!     2 remove
//!     3 insert   identity − identity inserted before, reading against nothing
//! reading = mask (`reading`), then what the mask names
//! ```
//!
//! `count` is the number of regions after; `structural` tells whether 2 or 3
//! occur, without which a delta is applied in place. Regions after the last
//! operation are unchanged. Any order and any overlap of regions is kept.

pub(crate) mod decode;
pub(crate) mod encode;

/// Whether a frame stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All regions.
    Key,
    /// What changed since the frame before.
    Delta,
}

impl Kind {
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
    pub(crate) kind: Kind,
    /// Whether a chunk begins with its sample.
    pub(crate) begins: bool,
    /// The encoded regions.
    pub(crate) data: Vec<u8>,
}

//! The shape of a large runtime's reservation, and the purpose of its parts.

use crate::label::Confidence;
use crate::region::AddressRange;
use crate::vocabulary::RegionType;

/// The shape of a run of adjacent unclaimed memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cage {
    pub(crate) range: AddressRange,
    /// Bytes of it that are inaccessible.
    pub(crate) inaccessible: u64,
    /// Whether some of it is executable.
    pub(crate) executable: bool,
    /// Start of its first accessible mapping.
    pub(crate) first_used: Option<u64>,
    /// Whether it lies far from every file and stack.
    pub(crate) far: bool,
}

impl Cage {
    pub(crate) const fn bytes(&self) -> u64 {
        self.range.virtual_bytes()
    }

    /// Returns whether most of it is inaccessible.
    pub(crate) const fn is_mostly_reserved(&self) -> bool {
        self.inaccessible > self.bytes() / 2
    }
}

/// The purpose of a cage.
#[derive(Clone, Debug)]
pub(crate) struct Purpose {
    pub(crate) used: RegionType,
    pub(crate) executable: RegionType,
    pub(crate) inaccessible: RegionType,
    pub(crate) confidence: Confidence,
}

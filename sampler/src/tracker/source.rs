//! The process as a source of facts, bytes and counts of present pages.

use crate::classify::facts::Facts;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// The questions to the process itself while its regions are classified.
pub trait Source {
    /// Reads the facts of the process; the memory of `changed` may have changed.
    fn facts(&mut self, mappings: &[Mapping], changed: &[AddressRange]) -> Facts;

    /// Reads memory, as [`crate::classify::facts::Peek`] specifies.
    fn peek(&mut self, address: u64, buffer: &mut [u8]) -> usize;

    /// Counts the bytes of present pages in each of `ranges`; `None` if that is not visible.
    fn present_bytes(&mut self, ranges: &[AddressRange]) -> Option<Vec<u64>>;
}

/// No source: regions are classified by names, flags and shapes only.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NamesOnly;

impl Source for NamesOnly {
    fn facts(&mut self, _: &[Mapping], _: &[AddressRange]) -> Facts {
        Facts::default()
    }

    fn peek(&mut self, _: u64, _: &mut [u8]) -> usize {
        0
    }

    fn present_bytes(&mut self, _: &[AddressRange]) -> Option<Vec<u64>> {
        None
    }
}

/// The facts of a sample besides the mappings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The number of threads.
    pub threads: Option<u64>,
    /// The monotonic clock, in nanoseconds.
    pub monotonic_ns: u64,
}

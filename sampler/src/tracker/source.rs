//! The process as a source of facts, bytes and present pages.

use crate::classify::facts::Facts;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;

/// What can be asked of the process itself while its regions are worked out.
pub trait Source {
    /// Reads the facts of the process; the memory of `changed` may be another than before.
    fn facts(&mut self, mappings: &[Mapping], changed: &[AddressRange]) -> Facts;

    /// Reads memory, as [`crate::classify::facts::Peek`] says.
    fn peek(&mut self, address: u64, buffer: &mut [u8]) -> usize;

    /// Counts the bytes of pages present in each of `ranges`; `None` where that cannot be seen.
    fn present_bytes(&mut self, ranges: &[AddressRange]) -> Option<Vec<u64>>;
}

/// No source: regions are told by names, flags and shapes only.
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

/// What a sample says beside the mappings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// How many threads there are.
    pub threads: Option<u64>,
    /// The monotonic clock, in nanoseconds.
    pub monotonic_ns: u64,
}

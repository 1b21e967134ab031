//! What the process itself tells while its regions are worked out.

use crate::classify::facts::{Evidence, Facts};
use crate::linux::facts::FactReader;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::tracker::source::Source;

/// The readers of one process's facts and memory. Whatever they cannot read is left open.
#[derive(Debug)]
pub(crate) struct ProcessReader {
    /// None of a process that is not one of this system's.
    reader: Option<FactReader>,
}

impl ProcessReader {
    /// Creates a witness of the process `pid`; one that knows nothing if there is no such.
    pub(crate) fn new(pid: Option<u32>) -> Self {
        Self { reader: pid.map(FactReader::new) }
    }

    /// Returns what the last classification went by.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        let reader = self.reader.as_ref()?;
        Some(Evidence { facts: reader.facts().clone(), peeks: reader.peeked().clone() })
    }

    /// Ends a classification.
    pub(crate) fn end(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.end();
        }
    }

    /// Returns what could not be found out, and why.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.reader.as_ref().map(FactReader::notes).unwrap_or_default()
    }
}

impl Source for ProcessReader {
    fn facts(&mut self, mappings: &[Mapping], changed: &[AddressRange]) -> Facts {
        let Some(reader) = &mut self.reader else { return Facts::default() };
        let facts = reader.refresh(mappings).clone();
        reader.begin(mappings, changed);
        facts
    }

    fn peek(&mut self, address: u64, buffer: &mut [u8]) -> usize {
        self.reader.as_mut().map_or(0, |reader| reader.peek(address, buffer))
    }

    fn present_bytes(&mut self, ranges: &[AddressRange]) -> Option<Vec<u64>> {
        self.reader.as_mut()?.present_bytes(ranges)
    }
}

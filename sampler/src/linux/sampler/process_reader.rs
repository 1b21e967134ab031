//! Reads the process itself while its regions are classified.

use crate::classify::facts::{Evidence, Facts};
use crate::linux::facts::FactReader;
use crate::procfs::mapping::Mapping;
use crate::region::AddressRange;
use crate::tracker::source::Source;

/// The readers of one process's facts and memory. Unreadable facts stay unknown.
#[derive(Debug)]
pub(crate) struct ProcessReader {
    /// `None` for a process that is not one of this system.
    reader: Option<FactReader>,
}

impl ProcessReader {
    /// Creates a reader of the process `pid` by its thread `tid`; without such a process it reads
    /// nothing.
    pub(crate) fn new(pid: Option<u32>, tid: u32) -> Self {
        let mut reader = Self { reader: pid.map(FactReader::new) };
        reader.follow(tid);
        reader
    }

    /// Reads by the thread `tid` from now on, because the one before has ended.
    pub(crate) fn follow(&mut self, tid: u32) {
        if let Some(reader) = &mut self.reader {
            reader.follow(tid);
        }
    }

    /// Sets whether files on FUSE and network file systems are read too.
    pub(crate) fn set_read_remote_files(&mut self, read: bool) {
        if let Some(reader) = &mut self.reader {
            reader.set_read_remote_files(read);
        }
    }

    /// Sets whether a JVM is asked for its list of its memory.
    pub(crate) fn set_asks_jvm(&mut self, asks: bool) {
        if let Some(reader) = &mut self.reader {
            reader.set_asks_jvm(asks);
        }
    }

    /// Returns whether facts are left for the next classification.
    pub(crate) fn is_pending(&self) -> bool {
        self.reader.as_ref().is_some_and(FactReader::is_pending)
    }

    /// Returns the evidence of the last classification.
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

    /// Returns which facts could not be read, and why.
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

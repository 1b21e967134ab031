//! Reads numbers and texts from the memory of a process, within a budget.

use crate::procfs::line::readable;

/// The memory of a process.
pub(crate) trait Read {
    /// Fills `into` with the bytes from `address` on; `false` if any of them cannot be read.
    fn read(&mut self, address: u64, into: &mut [u8]) -> bool;
}

/// The most bytes that are read for one list of images. A large program has 4 MiB of headers.
const MAX_BYTES: usize = 64 << 20;
/// The most bytes of a path, its end included.
const MAX_PATH: usize = 1024;
/// Paths are read up to the end of such a page, which is the smallest there is, before the next.
const PAGE: u64 = 4096;

/// Memory of which no more than a budget is read.
pub(crate) struct Memory<'a, R> {
    read: &'a mut R,
    left: usize,
}

impl<'a, R: Read> Memory<'a, R> {
    pub(crate) fn new(read: &'a mut R) -> Self {
        Self { read, left: MAX_BYTES }
    }

    /// Returns `count` bytes from `address` on.
    pub(crate) fn bytes(&mut self, address: u64, count: usize) -> Option<Vec<u8>> {
        if count > self.left || address.checked_add(count as u64).is_none() {
            return None;
        }
        self.left -= count;
        let mut bytes = vec![0; count];
        self.read.read(address, &mut bytes).then_some(bytes)
    }

    /// Returns the text at `address`, which ends with a NUL; `None` if it is empty, longer than a
    /// path, or not to be read up to its end.
    pub(crate) fn text(&mut self, address: u64) -> Option<String> {
        let mut text = Vec::new();
        while text.len() < MAX_PATH {
            let at = address.checked_add(text.len() as u64)?;
            let to_page_end = usize::try_from(PAGE - at % PAGE).unwrap_or(MAX_PATH);
            let part = self.bytes(at, to_page_end.min(MAX_PATH - text.len()))?;
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                text.extend_from_slice(&part[..end]);
                return (!text.is_empty()).then(|| readable(&text));
            }
            text.extend_from_slice(&part);
        }
        None
    }
}

/// Returns the 32-bit number at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Returns the 64-bit number at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

//! Bounded reads of an untrusted file, and integers out of its bytes.

use std::io;

/// The maximum bytes of one file to search for markers.
pub(crate) const MAX_SCANNED_BYTES: u64 = 64 << 20;

/// Reads a file at an offset; fewer bytes than requested at its end.
pub(crate) type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> io::Result<usize> + 'a;

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// It is not an ELF file.
    NotElf,
    /// It is one for big-endian machines.
    Foreign,
    /// It cannot be read, or its headers are malformed.
    Damaged,
}

impl From<io::Error> for NotRead {
    fn from(_: io::Error) -> Self {
        Self::Damaged
    }
}

/// Fills `buffer` from `offset` on up to the end of the file; returns the number of bytes read.
pub(crate) fn fill(read_at: &mut ReadAt<'_>, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        let Some(at) = offset.checked_add(count as u64) else { break };
        match read_at(at, &mut buffer[count..]) {
            Ok(0) => break,
            // Do not panic if a reader reports more bytes than the buffer has.
            Ok(more) => count = (count + more).min(buffer.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Returns the number of `N` bytes at `offset` of `bytes`.
pub(crate) fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes_at(bytes, offset).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes_at(bytes, offset).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes_at(bytes, offset).map(u64::from_le_bytes)
}

//! Bounded reads of an untrusted file, and integers out of its bytes.

use std::io;

/// The most bytes of one file that are searched for markers.
pub(crate) const MAX_SCANNED_BYTES: u64 = 64 << 20;

/// Reads of a file at an offset; fewer bytes than asked for where it ends.
pub(crate) type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> io::Result<usize> + 'a;

/// Why a file tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// It is no ELF file.
    NotElf,
    /// It is one for 32-bit or big-endian machines.
    Foreign,
    /// It cannot be read, or its headers make no sense.
    Damaged,
}

impl From<io::Error> for NotRead {
    fn from(_: io::Error) -> Self {
        Self::Damaged
    }
}

/// Fills `buffer` from `offset` on as far as the file goes; returns the bytes read.
pub(crate) fn fill(read_at: &mut ReadAt<'_>, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        let Some(at) = offset.checked_add(count as u64) else { break };
        match read_at(at, &mut buffer[count..]) {
            Ok(0) => break,
            // A reader that says it read more than it could is no reason to panic.
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

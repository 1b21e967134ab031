//! Reads what the rules want to know of an ELF file.
//!
//! The file may be anything: every count it claims is bounded, nothing is
//! allocated by a size it claims, and at most [`MOST_SCANNED_BYTES`] are searched.

mod header;
mod scan;
mod symbols;

use std::io;

use crate::classify::facts::Image;
use header::Section;
pub use symbols::Symbols;

/// The most bytes of one file that are searched for markers.
pub const MOST_SCANNED_BYTES: u64 = 64 << 20;

/// Reads of a file at an offset; fewer bytes than asked for where it ends.
pub type ReadAt<'a> = dyn FnMut(u64, &mut [u8]) -> io::Result<usize> + 'a;

/// Why a file tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRead {
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

/// An ELF file that was read.
#[derive(Clone, Debug, Default)]
pub struct Elf {
    /// What the rules go by.
    pub image: Image,
    /// Those of the names asked for that stand in its string tables.
    pub names: Vec<&'static str>,
    sections: Vec<Section>,
}

impl Elf {
    /// Reads a file and looks for every marker, and for symbols called `names`.
    ///
    /// # Errors
    ///
    /// Fails if it is no ELF file for a 64-bit little-endian machine, or a broken one.
    pub fn read(read_at: &mut ReadAt<'_>, names: &[&'static str]) -> Result<Self, NotRead> {
        let (mut image, sections) = header::read(read_at)?;
        let found = scan::scan(read_at, &image, &sections, names);
        image.markers = found.markers;
        Ok(Self { image, names: found.names, sections })
    }
}

/// Returns where in the file of `image` the byte at `address` (relative to the load base) stands.
pub fn offset_of(image: &Image, address: u64) -> Option<u64> {
    let segment = image.segments.iter().find(|segment| {
        address >= segment.address && address - segment.address < segment.file_bytes
    })?;
    segment.offset.checked_add(address - segment.address)
}

/// Fills `buffer` from `offset` on as far as the file goes; returns the bytes read.
pub(crate) fn fill(read_at: &mut ReadAt<'_>, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        let Some(place) = offset.checked_add(count as u64) else { break };
        match read_at(place, &mut buffer[count..]) {
            Ok(0) => break,
            // A reader that says it read more than it could is no reason to panic.
            Ok(more) => count = (count + more).min(buffer.len()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// Returns the number of `N` bytes at `place` of `bytes`.
fn bytes_at<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    bytes_at(bytes, place).map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    bytes_at(bytes, place).map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], place: usize) -> Option<u64> {
    bytes_at(bytes, place).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;

//! Reads what the rules want to know of an ELF file.
//!
//! The file may be anything: every count it claims is bounded, nothing is
//! allocated by a size it claims, and at most [`read_at::MAX_SCANNED_BYTES`] are searched.

pub(crate) mod header;
pub(crate) mod read_at;
pub(crate) mod scan;
pub(crate) mod symbols;
#[cfg(test)]
mod tests;

use crate::classify::facts::Image;
use crate::elf::header::Section;
use crate::elf::read_at::{NotRead, ReadAt};

/// An ELF file that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elf {
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
    pub(crate) fn read(read_at: &mut ReadAt<'_>, names: &[&'static str]) -> Result<Self, NotRead> {
        let (mut image, sections) = crate::elf::header::read(read_at)?;
        let found = crate::elf::scan::scan(read_at, &image, &sections, names);
        image.markers = found.markers;
        Ok(Self { image, names: found.names, sections })
    }
}

/// Returns where in the file of `image` the byte at `address` (relative to the load base) stands.
pub(crate) fn offset_of(image: &Image, address: u64) -> Option<u64> {
    let segment = image.segments.iter().find(|segment| {
        address >= segment.address && address - segment.address < segment.file_bytes
    })?;
    segment.offset.checked_add(address - segment.address)
}

//! Reads the facts of ELF files that the rules need.
//!
//! Files are untrusted: every count they claim is bounded, nothing is allocated
//! by a claimed size, and at most [`read_at::MAX_SCANNED_BYTES`] are searched.

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
    /// The facts that the rules use.
    pub image: Image,
    /// Those of the requested names that are in its string tables; none of a 32-bit file.
    pub names: Vec<&'static str>,
    sections: Vec<Section>,
}

impl Elf {
    /// Reads the headers of a file alone.
    ///
    /// # Errors
    ///
    /// Fails if it is not an ELF file for a little-endian machine, or malformed.
    pub(crate) fn headers(read_at: &mut ReadAt<'_>) -> Result<Self, NotRead> {
        let (image, sections, _) = crate::elf::header::read(read_at)?;
        Ok(Self { image, names: Vec::new(), sections })
    }

    /// Returns whether it has a section of a name; `None` if it has none at all.
    pub(crate) fn has_section(&self, name: &[u8]) -> Option<bool> {
        let has = self.sections.iter().any(|section| &*section.name == name);
        (!self.sections.is_empty()).then_some(has)
    }

    /// Reads a file and searches it for all markers and for symbols called `names`.
    ///
    /// # Errors
    ///
    /// Fails if it is not an ELF file for a little-endian machine, or malformed.
    pub(crate) fn read(read_at: &mut ReadAt<'_>, names: &[&'static str]) -> Result<Self, NotRead> {
        let (mut image, sections, wide) = crate::elf::header::read(read_at)?;
        let found = crate::elf::scan::scan(read_at, &image, &sections, names);
        image.markers = found.markers;
        // Symbols and structures of 32-bit programs have other layouts, which are not read.
        let names = if wide { found.names } else { Vec::new() };
        Ok(Self { image, names, sections })
    }
}

/// Returns the offset in the file of `image` of the byte at `address` (relative to the load base).
pub(crate) fn offset_of(image: &Image, address: u64) -> Option<u64> {
    let segment = image.segments.iter().find(|segment| {
        address >= segment.address && address - segment.address < segment.file_bytes
    })?;
    segment.offset.checked_add(address - segment.address)
}

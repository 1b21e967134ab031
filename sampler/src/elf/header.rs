//! The headers of an ELF file: segments and sections.

use crate::classify::facts::{Image, Segment};
use crate::elf::read_at::{NotRead, ReadAt, fill, u16_at, u32_at, u64_at};
use crate::region::{AddressRange, Protection};

/// More than any linker writes.
const MAX_SEGMENTS: usize = 256;
const MAX_SECTIONS: usize = 1024;
/// The maximum bytes to read of section names.
const MAX_NAMES_BYTES: usize = 64 << 10;

/// Where fields are in the headers of a class of files, in bytes.
struct Fields {
    header_bytes: usize,
    /// Whether addresses, offsets and sizes have 8 bytes.
    wide: bool,
    /// In the file's header: table of segments, table of sections, size of a segment's entry.
    segments: usize,
    sections: usize,
    entry_sizes: usize,
    segment_bytes: usize,
    section_bytes: usize,
    /// In a segment's entry: flags, offset, address, bytes in the file, bytes in memory.
    segment: [usize; 5],
    /// In a section's entry: flags, address, offset, bytes, link.
    section: [usize; 5],
}

const ELF64: Fields = Fields {
    header_bytes: 64,
    wide: true,
    segments: 32,
    sections: 40,
    entry_sizes: 54,
    segment_bytes: 56,
    section_bytes: 64,
    segment: [4, 8, 16, 32, 40],
    section: [8, 16, 24, 32, 40],
};

const ELF32: Fields = Fields {
    header_bytes: 52,
    wide: false,
    segments: 28,
    sections: 32,
    entry_sizes: 42,
    segment_bytes: 32,
    section_bytes: 40,
    segment: [24, 4, 8, 16, 20],
    section: [8, 12, 16, 20, 24],
};

impl Fields {
    /// Reads an address, an offset or a size.
    fn word(&self, bytes: &[u8], offset: usize) -> Option<u64> {
        if self.wide { u64_at(bytes, offset) } else { u32_at(bytes, offset).map(u64::from) }
    }
}

const FIXED: u16 = 2;
const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;
const RELRO: u32 = 0x6474_e552;

/// The fields of a section that searches need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: Box<[u8]>,
    pub(crate) kind: u32,
    pub(crate) address: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) link: u32,
    /// Whether the file is for a 64-bit machine.
    pub(crate) wide: bool,
    /// Whether its bytes are in the file, uncompressed.
    pub(crate) plain: bool,
}

/// Bytes of a symbol of a 64-bit file.
pub(crate) const SYMBOL_BYTES: usize = 24;
const SYMBOL_BYTES_32: usize = 16;
/// Tables of symbols: all, and those of the dynamic linker.
const SYMBOLS: [u32; 2] = [2, 11];

impl Section {
    /// Returns the size of an entry if this is a table of symbols.
    pub(crate) fn symbol_bytes(&self) -> Option<usize> {
        let bytes = if self.wide { SYMBOL_BYTES } else { SYMBOL_BYTES_32 };
        SYMBOLS.contains(&self.kind).then_some(bytes)
    }
}

/// Reads the headers; and whether the file is for a 64-bit machine. Malformed sections are left out: loading needs none.
pub(crate) fn read(read_at: &mut ReadAt<'_>) -> Result<(Image, Vec<Section>, bool), NotRead> {
    let mut header = [0; 64];
    let count = fill(read_at, 0, &mut header)?;
    if count < 4 || header[..4] != *b"\x7fELF" {
        return Err(NotRead::NotElf);
    }
    let fields = match (header[4], header[5]) {
        (2, 1) => &ELF64,
        (1, 1) => &ELF32,
        _ => return Err(NotRead::Foreign),
    };
    if count < fields.header_bytes {
        return Err(NotRead::Damaged);
    }
    let read = |offset| u16_at(&header, offset).unwrap_or(0);
    let mut image = Image { fixed: read(16) == FIXED, ..Image::default() };
    // Size and number of segments, of sections, then the index of their names.
    let sizes = fields.entry_sizes;
    if usize::from(read(sizes)) != fields.segment_bytes {
        return Err(NotRead::Damaged);
    }
    let count = usize::from(read(sizes + 2)).min(MAX_SEGMENTS);
    segments(read_at, fields, (fields.word(&header, fields.segments), count), &mut image)?;
    let mut sections = Vec::new();
    if usize::from(read(sizes + 4)) == fields.section_bytes {
        let count = usize::from(read(sizes + 6)).min(MAX_SECTIONS);
        let table = (fields.word(&header, fields.sections), count);
        sections = read_sections(read_at, fields, table, read(sizes + 8)).unwrap_or_default();
    }
    Ok((image, sections, fields.wide))
}

fn table(
    read_at: &mut ReadAt<'_>,
    (offset, count): (Option<u64>, usize),
    entry_bytes: usize,
) -> Result<Vec<u8>, NotRead> {
    let mut entries = vec![0; count * entry_bytes];
    let read = fill(read_at, offset.unwrap_or(0), &mut entries)?;
    entries.truncate(read);
    Ok(entries)
}

fn segments(
    read_at: &mut ReadAt<'_>,
    fields: &Fields,
    location: (Option<u64>, usize),
    image: &mut Image,
) -> Result<(), NotRead> {
    let [flags, offset, address, file_bytes, memory_bytes] = fields.segment;
    let bytes = fields.segment_bytes;
    for entry in table(read_at, location, bytes)?.chunks_exact(bytes) {
        let number = |offset| fields.word(entry, offset).unwrap_or(0);
        match u32_at(entry, 0) {
            Some(LOAD) => image.segments.push(Segment {
                protection: protection(u32_at(entry, flags).unwrap_or(0)),
                offset: number(offset),
                address: number(address),
                file_bytes: number(file_bytes),
                memory_bytes: number(memory_bytes),
            }),
            Some(INTERPRETER) => image.has_interpreter = true,
            Some(RELRO) => image.relro.push(AddressRange::new(
                number(address),
                number(address).saturating_add(number(memory_bytes)),
            )),
            _ => {}
        }
    }
    Ok(())
}

/// ELF numbers the rights in reverse order.
fn protection(flags: u32) -> Protection {
    [(4, Protection::READ), (2, Protection::WRITE), (1, Protection::EXECUTE)]
        .into_iter()
        .filter(|(bit, _)| flags & bit != 0)
        .fold(Protection::NONE, |held, (_, right)| held.union(right))
}

fn read_sections(
    read_at: &mut ReadAt<'_>,
    fields: &Fields,
    location: (Option<u64>, usize),
    names: u16,
) -> Result<Vec<Section>, NotRead> {
    const NO_BYTES: u32 = 8;
    const COMPRESSED: u64 = 0x800;
    let [flags, address, offset, bytes, link] = fields.section;
    let entries = table(read_at, location, fields.section_bytes)?;
    let mut sections = Vec::new();
    let mut name_offsets = Vec::new();
    for entry in entries.chunks_exact(fields.section_bytes) {
        let number = |offset| fields.word(entry, offset).unwrap_or(0);
        let kind = u32_at(entry, 4).unwrap_or(0);
        name_offsets.push(u32_at(entry, 0).unwrap_or(0));
        sections.push(Section {
            name: Box::default(),
            kind,
            address: number(address),
            offset: number(offset),
            bytes: number(bytes),
            link: u32_at(entry, link).unwrap_or(0),
            wide: fields.wide,
            plain: kind != NO_BYTES && number(flags) & COMPRESSED == 0,
        });
    }
    let Some(strings) = sections.get(usize::from(names)) else { return Ok(sections) };
    let max = usize::try_from(strings.bytes).unwrap_or(usize::MAX).min(MAX_NAMES_BYTES);
    let mut text = vec![0; max];
    let count = fill(read_at, strings.offset, &mut text)?;
    text.truncate(count);
    for (section, offset) in sections.iter_mut().zip(name_offsets) {
        let from =
            usize::try_from(offset).ok().and_then(|offset| text.get(offset..)).unwrap_or(&[]);
        // No wanted name is longer.
        let from = &from[..from.len().min(64)];
        section.name = from.split(|byte| *byte == 0).next().unwrap_or(&[]).into();
    }
    Ok(sections)
}

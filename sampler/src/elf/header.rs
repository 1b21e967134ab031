//! The headers of an ELF file: segments and sections.

use crate::classify::facts::{Image, Segment};
use crate::elf::read_at::{NotRead, ReadAt, fill, u16_at, u32_at, u64_at};
use crate::region::{AddressRange, Protection};

/// More than any linker writes.
const MAX_SEGMENTS: usize = 256;
const MAX_SECTIONS: usize = 1024;
/// The maximum bytes to read of section names.
const MAX_NAMES_BYTES: usize = 64 << 10;

const SEGMENT_BYTES: usize = 56;
const SECTION_BYTES: usize = 64;

const FIXED: u16 = 2;
const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;
const RELRO: u32 = 0x6474_e552;

/// The fields of a section that searches need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) name: Box<[u8]>,
    pub(crate) kind: u32,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) link: u32,
    /// Whether its bytes are in the file, uncompressed.
    pub(crate) plain: bool,
}

/// Reads the headers. Malformed sections are left out: loading needs none.
pub(crate) fn read(read_at: &mut ReadAt<'_>) -> Result<(Image, Vec<Section>), NotRead> {
    let mut header = [0; 64];
    let count = fill(read_at, 0, &mut header)?;
    if count < 4 || header[..4] != *b"\x7fELF" {
        return Err(NotRead::NotElf);
    }
    if header[4] != 2 || header[5] != 1 {
        return Err(NotRead::Foreign);
    }
    if count < header.len() {
        return Err(NotRead::Damaged);
    }
    let read = |offset| u16_at(&header, offset).unwrap_or(0);
    let mut image = Image { fixed: read(16) == FIXED, ..Image::default() };
    if usize::from(read(54)) != SEGMENT_BYTES {
        return Err(NotRead::Damaged);
    }
    let table = (u64_at(&header, 32), usize::from(read(56)).min(MAX_SEGMENTS));
    segments(read_at, table, &mut image)?;
    let mut sections = Vec::new();
    if usize::from(read(58)) == SECTION_BYTES {
        let table = (u64_at(&header, 40), usize::from(read(60)).min(MAX_SECTIONS));
        sections = read_sections(read_at, table, read(62)).unwrap_or_default();
    }
    Ok((image, sections))
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
    location: (Option<u64>, usize),
    image: &mut Image,
) -> Result<(), NotRead> {
    for entry in table(read_at, location, SEGMENT_BYTES)?.chunks_exact(SEGMENT_BYTES) {
        let number = |offset| u64_at(entry, offset).unwrap_or(0);
        match u32_at(entry, 0) {
            Some(LOAD) => image.segments.push(Segment {
                protection: protection(u32_at(entry, 4).unwrap_or(0)),
                offset: number(8),
                address: number(16),
                file_bytes: number(32),
                memory_bytes: number(40),
            }),
            Some(INTERPRETER) => image.has_interpreter = true,
            Some(RELRO) => image
                .relro
                .push(AddressRange::new(number(16), number(16).saturating_add(number(40)))),
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
    location: (Option<u64>, usize),
    names: u16,
) -> Result<Vec<Section>, NotRead> {
    const NO_BYTES: u32 = 8;
    const COMPRESSED: u64 = 0x800;
    let entries = table(read_at, location, SECTION_BYTES)?;
    let mut sections = Vec::new();
    let mut name_offsets = Vec::new();
    for entry in entries.chunks_exact(SECTION_BYTES) {
        let number = |offset| u64_at(entry, offset).unwrap_or(0);
        let kind = u32_at(entry, 4).unwrap_or(0);
        name_offsets.push(u32_at(entry, 0).unwrap_or(0));
        sections.push(Section {
            name: Box::default(),
            kind,
            offset: number(24),
            bytes: number(32),
            link: u32_at(entry, 40).unwrap_or(0),
            plain: kind != NO_BYTES && number(8) & COMPRESSED == 0,
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

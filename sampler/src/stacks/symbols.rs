//! The functions and unwind tables of an ELF file. Files are untrusted: all is bounded, and names
//! stay in the file until one is shown.

use crate::classify::facts::Image;
use crate::elf::header;
use crate::elf::header::Section;
use crate::elf::read_at::{NotRead, ReadAt, fill, u32_at, u64_at};
use crate::elf::symbols::whole;
use crate::region::Protection;

/// The maximum number of functions.
const MAX_FUNCTIONS: usize = 1 << 21;
/// The maximum bytes of a section with unwind tables.
const MAX_TABLE_BYTES: u64 = 64 << 20;
/// The maximum bytes of a symbol's name.
const MAX_NAME_BYTES: usize = 4096;
const SYMBOL_BYTES: usize = header::SYMBOL_BYTES;
/// A kind of symbol.
const FUNCTION: u8 = 2;
/// One whose address a function returns.
const INDIRECT_FUNCTION: u8 = 10;

/// A section that unwinding needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnwindTable {
    pub(crate) address: u64,
    pub(crate) bytes: Vec<u8>,
}

/// A function: its address and size in the file's own addresses, and where its name is in the file.
#[derive(Clone, Copy, Debug)]
struct Function {
    address: u64,
    bytes: u32,
    name: u64,
}

/// A mapped program or library.
#[derive(Debug, Default)]
pub(crate) struct Program {
    image: Image,
    functions: Vec<Function>,
    pub(crate) frames: Option<UnwindTable>,
    pub(crate) frame_index: Option<UnwindTable>,
    /// The addresses of `.text`.
    pub(crate) text: Option<(u64, u64)>,
    pub(crate) got: Option<(u64, u64)>,
}

impl Program {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Fails if it is not an ELF file of a 64-bit little-endian machine.
    pub(crate) fn read(read_at: &mut ReadAt<'_>) -> Result<Self, NotRead> {
        let (image, sections, wide) = header::read(read_at)?;
        if !wide {
            return Err(NotRead::Foreign);
        }
        let named = |name: &[u8]| sections.iter().find(|it| &*it.name == name);
        let range =
            |name: &[u8]| named(name).map(|it| (it.address, it.address.saturating_add(it.bytes)));
        let mut table = |name: &[u8]| {
            let it = named(name).filter(|it| it.plain && it.bytes <= MAX_TABLE_BYTES)?;
            let bytes = whole(read_at, it.offset, it.bytes);
            (bytes.len() as u64 == it.bytes).then_some(UnwindTable { address: it.address, bytes })
        };
        let (frames, frame_index) = (table(b".eh_frame"), table(b".eh_frame_hdr"));
        let (text, got) = (range(b".text"), range(b".got"));
        let functions = functions(read_at, &sections);
        Ok(Self { image, functions, frames, frame_index, text, got })
    }

    /// Returns the lowest and the highest address.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        let start = self.image.segments.iter().map(|it| it.address).min()?;
        let ends = self.image.segments.iter();
        let end = ends.map(|it| it.address.saturating_add(it.memory_bytes)).max()?;
        (start < end).then_some((start, end))
    }

    /// Returns what is added to addresses of the file where its part from `offset` on is mapped at
    /// `start`.
    pub(crate) fn bias(&self, start: u64, offset: u64, page_bytes: u64) -> Option<u64> {
        let holds = |it: &&crate::classify::facts::Segment| {
            let first = it.offset - it.offset % page_bytes;
            first <= offset && offset < it.offset.saturating_add(it.file_bytes.max(1))
        };
        let executable =
            |it: &&crate::classify::facts::Segment| it.protection.contains(Protection::EXECUTE);
        let segments = self.image.segments.iter();
        let segment = segments.filter(holds).find(executable)?;
        let mapped = segment.address.wrapping_sub(segment.offset).wrapping_add(offset);
        Some(start.wrapping_sub(mapped))
    }

    /// Returns where in the file the name of the function at `address` is.
    pub(crate) fn name_offset(&self, address: u64) -> Option<u64> {
        let after = self.functions.partition_point(|it| it.address <= address);
        let it = self.functions.get(after.checked_sub(1)?)?;
        // Functions in assembly may have no size.
        let is_in = it.bytes == 0 || address - it.address < u64::from(it.bytes);
        is_in.then_some(it.name)
    }
}

/// Reads the name of a function.
pub(crate) fn name_at(read_at: &mut ReadAt<'_>, offset: u64) -> Option<String> {
    let mut name = vec![0; MAX_NAME_BYTES];
    let count = fill(read_at, offset, &mut name).ok()?;
    let end = name[..count].iter().position(|byte| *byte == 0)?;
    name.truncate(end);
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}

/// Returns all functions of both tables of symbols, by address.
fn functions(read_at: &mut ReadAt<'_>, sections: &[Section]) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    let mut buffer = vec![0; SYMBOL_BYTES * 512];
    for table in sections.iter().filter(|it| it.plain && it.symbol_bytes().is_some()) {
        let names = usize::try_from(table.link).ok().and_then(|index| sections.get(index));
        let Some(names) = names.filter(|names| names.plain) else { continue };
        let (mut offset, end) = (table.offset, table.offset.saturating_add(table.bytes));
        while offset < end && functions.len() < MAX_FUNCTIONS {
            let max = buffer.len().min(usize::try_from(end - offset).unwrap_or(usize::MAX));
            let count = fill(read_at, offset, &mut buffer[..max]).unwrap_or(0);
            for entry in buffer[..count].chunks_exact(SYMBOL_BYTES) {
                functions.extend(function(entry, names));
            }
            if count < max {
                break;
            }
            offset += count as u64;
        }
    }
    // Of several names of an address the one with a size, then the first, counts.
    functions.sort_by_key(|it| (it.address, it.bytes == 0));
    functions.dedup_by_key(|it| it.address);
    functions.shrink_to_fit();
    functions
}

fn function(entry: &[u8], names: &Section) -> Option<Function> {
    let kind = entry.get(4)? & 0xf;
    let is_defined = entry.get(6..8)? != [0, 0];
    let (address, bytes) = (u64_at(entry, 8)?, u64_at(entry, 16)?);
    let name = u64::from(u32_at(entry, 0)?);
    let is_one = matches!(kind, FUNCTION | INDIRECT_FUNCTION) && is_defined && address != 0;
    (is_one && name != 0 && name < names.bytes).then_some(Function {
        address,
        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        name: names.offset.checked_add(name)?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn functions_of_this_program_are_found() {
        if cfg!(target_os = "macos") {
            return; // its programs are not ELF files
        }
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let mut read_at = |offset, buffer: &mut [u8]| file.read_at(buffer, offset);
        let program = Program::read(&mut read_at).unwrap();
        assert!(program.frames.is_some() && program.frame_index.is_some());
        let (start, end) = program.text.unwrap();
        let offsets = (start..end).step_by(4096).filter_map(|at| program.name_offset(at));
        let names: Vec<String> = offsets.filter_map(|at| name_at(&mut read_at, at)).collect();
        assert!(names.iter().any(|name| name.contains("vmrec_sampler")), "{}", names.len());
    }

    proptest! {
        #[test]
        fn a_flipped_file_is_read_or_refused(at in 0_usize..4096, value: u8) {
            let mut bytes = vec![0; 4096];
            bytes[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
            (bytes[32], bytes[40], bytes[54], bytes[56]) = (64, 200, 56, 2);
            (bytes[58], bytes[60], bytes[62], bytes[204]) = (64, 3, 1, 2);
            bytes[at] = value;
            let mut read_at = |offset: u64, buffer: &mut [u8]| {
                let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..);
                let rest = rest.unwrap_or(&[]);
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                Ok(count)
            };
            if let Ok(program) = Program::read(&mut read_at) {
                program.name_offset(at as u64);
                program.bias(at as u64, 0, 4096);
                program.range();
            }
        }
    }
}

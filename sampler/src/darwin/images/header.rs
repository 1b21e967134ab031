//! The header of an image: `mach_header_64` and its load commands.

use std::sync::Arc;

use crate::darwin::images::bytes::{Memory, Read, u32_at, u64_at};
use crate::darwin::images::list::Entry;
use crate::procfs::line::readable;
use crate::region::AddressRange;

const MAGIC_64: u32 = 0xfeed_facf;
const HEADER_BYTES: usize = 32;
/// The most bytes of load commands; the largest programs have a tenth of it.
const MAX_COMMANDS: u32 = 1 << 20;
const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1b;
/// The bytes of a command's number and size.
const COMMAND_BYTES: usize = 8;
/// The bytes of `segment_command_64`, without its sections.
const SEGMENT_BYTES: usize = 72;
/// The name of an image whose path cannot be read.
const UNNAMED: &str = "?";

/// A part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its addresses; in the shared cache they are no multiples of a page.
    pub range: AddressRange,
    /// Its name, such as `__TEXT`.
    pub name: Arc<str>,
}

/// An executable, a library or a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its entry in dyld's list.
    pub entry: Entry,
    /// Its path as dyld has it.
    pub path: Arc<str>,
    /// `LC_UUID`.
    pub uuid: Option<[u8; 16]>,
    /// `cputype` and `cpusubtype` of its header.
    pub cpu: Option<(u32, u32)>,
    /// Its segments; none if its header could not be read.
    pub segments: Vec<Segment>,
}

/// Reads the image of `entry`. What cannot be read is left out.
pub(crate) fn image(memory: &mut Memory<'_, impl Read>, entry: Entry) -> Image {
    let path = memory.text(entry.path_address).unwrap_or_else(|| UNNAMED.to_owned());
    let mut image = Image { entry, path: path.into(), uuid: None, cpu: None, segments: Vec::new() };
    let Some(header) = memory.bytes(entry.load_address, HEADER_BYTES) else { return image };
    let word = |at| u32_at(&header, at);
    let size = word(20).filter(|size| word(0) == Some(MAGIC_64) && *size <= MAX_COMMANDS);
    let Some(size) = size else { return image };
    image.cpu = word(4).zip(word(8));
    let after_header = entry.load_address.saturating_add(HEADER_BYTES as u64);
    if let Some(commands) = memory.bytes(after_header, size as usize) {
        read_commands(&commands, &mut image);
    }
    image
}

/// Takes the UUID and the segments of `image` from its load commands.
fn read_commands(commands: &[u8], image: &mut Image) {
    // Name, unslid address, size.
    let mut segments: Vec<(String, u64, u64)> = Vec::new();
    let mut rest = commands;
    while let (Some(command), Some(size)) = (u32_at(rest, 0), u32_at(rest, 4)) {
        let size = size as usize;
        if size < COMMAND_BYTES || size > rest.len() {
            break;
        }
        let (body, after) = rest.split_at(size);
        match command {
            LC_SEGMENT_64 if size >= SEGMENT_BYTES => segments.extend(segment(body)),
            LC_UUID => image.uuid = body[COMMAND_BYTES..].first_chunk().copied(),
            _ => {}
        }
        rest = after;
    }
    let Some(text) = segments.iter().find(|(name, ..)| name == "__TEXT") else { return };
    let slide = image.entry.load_address.wrapping_sub(text.1);
    for (name, address, size) in segments {
        let start = address.wrapping_add(slide);
        let Some(end) = start.checked_add(size) else { continue };
        if size > 0 && name != "__PAGEZERO" {
            let range = AddressRange::new(start, end);
            image.segments.push(Segment { range, name: name.into() });
        }
    }
}

/// Returns the name, the unslid address and the size of a segment.
fn segment(body: &[u8]) -> Option<(String, u64, u64)> {
    let name = body.get(8..24)?.split(|byte| *byte == 0).next()?;
    Some((readable(name), u64_at(body, 24)?, u64_at(body, 32)?))
}

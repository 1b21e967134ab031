//! The header of an image: `mach_header_64` and its load commands.

use std::sync::Arc;

use crate::darwin::images::bytes::{Memory, Read, u32_at, u64_at};
use crate::darwin::images::list::Entry;
use crate::loaded::{LoadedImage, LoadedSegment};
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
/// The most segments of an image; the largest programs have a tenth of it.
const MAX_SEGMENTS: usize = 256;
/// The name of an image whose path cannot be read.
const UNNAMED: &str = "?";

/// An image with what its entry and its header say of it besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Its entry in dyld's list.
    pub entry: Entry,
    /// `cputype` and `cpusubtype` of its header.
    pub cpu: Option<(u32, u32)>,
    /// What it is; its number is `LC_UUID`.
    pub loaded: Arc<LoadedImage>,
}

/// Reads the image of `entry`. What cannot be read is left out.
pub(crate) fn image(memory: &mut Memory<'_, impl Read>, entry: Entry) -> Image {
    let path = memory.text(entry.path_address).unwrap_or_else(|| UNNAMED.to_owned());
    let address = entry.load_address;
    let mut loaded = LoadedImage { path: path.into(), uuid: None, address, segments: Vec::new() };
    let cpu = read_header(memory, &mut loaded);
    Image { entry, cpu, loaded: Arc::new(loaded) }
}

/// Takes from the header of `image` what it has, and returns its processor.
fn read_header(memory: &mut Memory<'_, impl Read>, image: &mut LoadedImage) -> Option<(u32, u32)> {
    let header = memory.bytes(image.address, HEADER_BYTES)?;
    let word = |at| u32_at(&header, at);
    let size = word(20).filter(|size| word(0) == Some(MAGIC_64) && *size <= MAX_COMMANDS)?;
    let after_header = image.address.saturating_add(HEADER_BYTES as u64);
    if let Some(commands) = memory.bytes(after_header, size as usize) {
        read_commands(&commands, image);
    }
    word(4).zip(word(8))
}

/// Takes the UUID and the segments of `image` from its load commands.
fn read_commands(commands: &[u8], image: &mut LoadedImage) {
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
    let slide = image.address.wrapping_sub(text.1);
    for (name, address, size) in segments.into_iter().take(MAX_SEGMENTS) {
        let start = address.wrapping_add(slide);
        let Some(end) = start.checked_add(size) else { continue };
        if size > 0 && name != "__PAGEZERO" {
            let range = AddressRange::new(start, end);
            image.segments.push(LoadedSegment { range, name: name.into() });
        }
    }
}

/// Returns the name, the unslid address and the size of a segment.
fn segment(body: &[u8]) -> Option<(String, u64, u64)> {
    let name = body.get(8..24)?.split(|byte| *byte == 0).next()?;
    Some((readable(name), u64_at(body, 24)?, u64_at(body, 32)?))
}

//! Reads the pages of a file, with the committed pages of its log over them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::db::lock::beside;
use crate::db::open::PAGE_BYTES;
use crate::error::{At, Error};

const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// A page.
pub(crate) type Page = [u8; PAGE_BYTES];

/// Reads pages by their number, from 1.
#[derive(Debug)]
pub(crate) struct PageReader {
    file: File,
    log: Option<File>,
    /// The offset of the newest version of a page in the log.
    in_log: HashMap<u32, u64>,
    /// The number of pages; the last one may be cut short.
    pub(crate) count: u32,
}

impl PageReader {
    /// Opens the file at `path`, which is never written to.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).at(path)?;
        let bytes = file.metadata().at(path)?.len();
        let log = match File::open(beside(path, "-wal")) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            log => Some(log.at(path)?),
        };
        let (in_log, committed) = match &log {
            Some(log) => committed(log).at(path)?,
            None => (HashMap::new(), 0),
        };
        let in_file = u32::try_from(bytes.div_ceil(PAGE_BYTES as u64)).unwrap_or(u32::MAX);
        Ok(Self { file, log, in_log, count: in_file.max(committed) })
    }

    /// Returns the page of that number, padded with zeros if the file ends within it; `None` if
    /// there is none.
    pub(crate) fn read(&self, number: u32) -> io::Result<Option<Page>> {
        let Some(before) = number.checked_sub(1).filter(|_| number <= self.count) else {
            return Ok(None);
        };
        let mut page = [0; PAGE_BYTES];
        match (&self.log, self.in_log.get(&number)) {
            (Some(log), Some(offset)) => fill(log, *offset, &mut page)?,
            _ => fill(&self.file, u64::from(before) * PAGE_BYTES as u64, &mut page)?,
        };
        Ok(Some(page))
    }
}

/// Reads until `bytes` is full or the file ends, and returns how many were read.
fn fill(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Returns the offsets of the pages that complete transactions wrote to a log, and the number of
/// pages of the file after them.
fn committed(log: &File) -> io::Result<(HashMap<u32, u64>, u32)> {
    let mut header = [0; LOG_HEADER_BYTES];
    let nothing = (HashMap::new(), 0);
    if fill(log, 0, &mut header)? < LOG_HEADER_BYTES {
        return Ok(nothing);
    }
    let little_endian = match word(&header, 0) {
        0x377f_0682 => true,
        0x377f_0683 => false,
        _ => return Ok(nothing),
    };
    let mut sum = (0, 0);
    add(&mut sum, &header[..24], little_endian);
    if word(&header, 8) != PAGE_BYTES as u32 || sum != (word(&header, 24), word(&header, 28)) {
        return Ok(nothing);
    }
    let (mut whole, mut pages, mut under_way) = (HashMap::new(), 0, Vec::new());
    let mut offset = LOG_HEADER_BYTES as u64;
    let mut frame = [0; FRAME_HEADER_BYTES + PAGE_BYTES];
    while fill(log, offset, &mut frame)? == frame.len() {
        add(&mut sum, &frame[..8], little_endian);
        add(&mut sum, &frame[FRAME_HEADER_BYTES..], little_endian);
        // A frame from before the log was restarted, or a damaged one: nothing after it counts.
        if frame[8..16] != header[16..24] || sum != (word(&frame, 16), word(&frame, 20)) {
            break;
        }
        under_way.push((word(&frame, 0), offset + FRAME_HEADER_BYTES as u64));
        let after = word(&frame, 4);
        if after > 0 {
            whole.extend(under_way.drain(..));
            pages = after;
        }
        offset += frame.len() as u64;
    }
    Ok((whole, pages))
}

/// Adds words of four bytes to the checksum of a log.
fn add(sum: &mut (u32, u32), bytes: &[u8], little_endian: bool) {
    let (words, _) = bytes.as_chunks::<8>();
    for [a, b, c, d, e, f, g, h] in words {
        let word = |bytes| match little_endian {
            true => u32::from_le_bytes(bytes),
            false => u32::from_be_bytes(bytes),
        };
        sum.0 = sum.0.wrapping_add(word([*a, *b, *c, *d])).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(word([*e, *f, *g, *h])).wrapping_add(sum.0);
    }
}

/// Returns the big-endian number of four bytes at `offset`; 0 beyond the end.
pub(crate) fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |word| u32::from_be_bytes(*word))
}

//! Reads the pages of a file, with the committed pages of its log over them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::db::lock::beside;
use crate::db::open::PAGE_BYTES;
use crate::db::wal::{FRAME_HEADER_BYTES, HEADER_BYTES, LogHeader, word};
use crate::error::{At, Error};

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
    let mut header = [0; HEADER_BYTES];
    fill(log, 0, &mut header)?;
    let Some(header) = LogHeader::of(&header).filter(|it| it.page_bytes == PAGE_BYTES) else {
        return Ok((HashMap::new(), 0));
    };
    let (mut whole, mut pages, mut under_way) = (HashMap::new(), 0, Vec::new());
    let (mut offset, mut sums) = (HEADER_BYTES as u64, header.sums);
    let (mut frame, mut page) = ([0; FRAME_HEADER_BYTES], [0; PAGE_BYTES]);
    loop {
        let begin = offset + FRAME_HEADER_BYTES as u64;
        if fill(log, offset, &mut frame)? < frame.len() || fill(log, begin, &mut page)? < page.len()
        {
            break;
        }
        sums = header.frame_sums(sums, &frame, &page);
        // A frame from before the log was restarted, or a damaged one: nothing after it counts.
        if frame[8..16] != header.salts || sums != (word(&frame, 16), word(&frame, 20)) {
            break;
        }
        under_way.push((word(&frame, 0), begin));
        let after = word(&frame, 4);
        if after > 0 {
            whole.extend(under_way.drain(..));
            pages = after;
        }
        offset = begin + PAGE_BYTES as u64;
    }
    Ok((whole, pages))
}

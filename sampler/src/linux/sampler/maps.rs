//! Reads the list of mappings of a process without their sizes.

use crate::error::Error;
use crate::linux::files::{OpenFile, Refusal};
use crate::procfs::line::readable;

/// The kernel prints smaps 4 KiB at a time; reads of this size rarely make it walk a mapping twice.
pub(crate) const PIECE_BYTES: usize = 3000;

/// The maximum text of one mapping: a path is at most 4 KiB, with some bytes written as four.
const MAX_LINE: usize = 64 << 10;

/// Calls `each` with every line of maps, until it refuses one; `false` if the text is empty.
pub(crate) fn each_line(
    maps: &OpenFile,
    mut each: impl FnMut(&[u8]) -> bool,
) -> Result<bool, Refusal> {
    let mut piece = [0; PIECE_BYTES];
    let mut unread: Vec<u8> = Vec::new();
    let (mut offset, mut number) = (0, 0);
    loop {
        let count = maps.read_at(&mut piece, offset)?;
        offset += count as u64;
        unread.extend_from_slice(&piece[..count]);
        let mut rest = unread.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            number += 1;
            if !each(line) {
                let text = readable(&line[..line.len().min(200)]);
                let path = maps.path().to_owned();
                return Err(Refusal::Other(Error::BadLine { path, line: number, text }));
            }
            rest = after;
        }
        let read = unread.len() - rest.len();
        unread.drain(..read);
        if count == 0 || unread.len() > MAX_LINE {
            // A line cut off because the process ended is found by the check of the sum.
            return Ok(offset > 0);
        }
    }
}

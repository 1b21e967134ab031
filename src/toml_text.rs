//! The text of a TOML file that the user wrote: bounded, and with lines for errors.

use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

/// The maximum size of such a file, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Reads the file at `path`; `None` if it is larger than 1 MiB.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    Ok(Some(text).filter(|text| text.len() as u64 <= MAX_BYTES))
}

/// Returns the number of the line, from 1, that has the byte at `offset`.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

//! Detects the tool whose output a text is, by the lines that only it prints.

use crate::pasted::model::{BadPaste, PasteFormat};
use crate::pasted::text::Line;

/// Returns the format that the first telling line is of.
pub(crate) fn format(lines: &[Line]) -> Option<PasteFormat> {
    lines.iter().find_map(|line| {
        if crate::pasted::smaps::is_header(&line.text) {
            Some(PasteFormat::Smaps)
        } else if crate::pasted::pmap::is_heading(&line.text)
            || crate::pasted::pmap::is_plain_row(&line.text)
        {
            Some(PasteFormat::Pmap)
        } else {
            None
        }
    })
}

/// Returns the error for a text of no known format.
pub(crate) fn unknown(lines: &[Line]) -> BadPaste {
    let first = lines.iter().find(|line| !line.text.is_empty());
    first.map_or(BadPaste::Empty, BadPaste::unknown)
}

//! Detects the tool whose output a text is, by the lines that only it prints.

use crate::pasted::model::{BadPaste, PasteFormat};
use crate::pasted::text::Line;

/// Returns the format that the first telling line is of.
pub(crate) fn format(lines: &[Line]) -> Option<PasteFormat> {
    let crash = lines.iter().any(|line| crate::pasted::vmmap::is_of_crash(&line.text));
    lines.iter().find_map(|line| {
        if crate::pasted::vmmap::is_telling(&line.text) {
            Some(if crash { PasteFormat::Crash } else { PasteFormat::Vmmap })
        } else if crate::pasted::footprint::is_heading(&line.text) {
            Some(PasteFormat::Footprint)
        } else if crate::pasted::smaps::is_header(&line.text) {
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

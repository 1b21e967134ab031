//! Reads what other tools printed of a process's memory and somebody pasted: smaps, pmap, vmmap,
//! footprint, lists of crash reports.
//!
//! Pure parsers of untrusted text: columns are found by their headings, and what a paste does not
//! say is unknown, never 0.

pub(crate) mod darwin;
pub(crate) mod detect;
pub(crate) mod footprint;
pub(crate) mod linux;
pub(crate) mod messages;
pub(crate) mod model;
pub(crate) mod pmap;
pub(crate) mod size;
pub(crate) mod smaps;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod vmmap;

use crate::pasted::model::{BadPaste, PasteFormat, Pasted};

/// Reads a paste: each process in it. `format` is the tool, where that is known.
///
/// # Errors
///
/// Fails on a text that is not the output of such a tool, or holds nothing of a process's memory.
pub fn parse_paste(paste: &[u8], format: Option<PasteFormat>) -> Result<Vec<Pasted>, BadPaste> {
    let lines = crate::pasted::text::lines(paste);
    if lines.iter().all(|line| line.text.is_empty()) {
        return Err(BadPaste::Empty);
    }
    let format = match format.or_else(|| crate::pasted::detect::format(&lines)) {
        Some(format) => format,
        None => {
            return Err(crate::pasted::messages::failure(&lines)
                .unwrap_or_else(|| crate::pasted::detect::unknown(&lines)));
        }
    };
    let parsed = match format {
        PasteFormat::Smaps => crate::pasted::smaps::parse(&lines),
        PasteFormat::Pmap => crate::pasted::pmap::parse(&lines),
        PasteFormat::Vmmap | PasteFormat::Crash => crate::pasted::vmmap::parse(&lines, format),
        PasteFormat::Footprint => crate::pasted::footprint::parse(&lines),
    };
    parsed.map_err(|error| crate::pasted::messages::failure(&lines).unwrap_or(error))
}

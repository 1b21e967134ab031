//! Recognises what the tools print when they fail.

use crate::pasted::model::{BadPaste, shortened};
use crate::pasted::text::Line;

/// Parts of the messages, with the tool that prints them.
const MESSAGES: [(&str, &[&str]); 5] = [
    ("vmmap", &["vmmap[", "vmmap cannot", "vmmap:", "sudo: vmmap"]),
    ("footprint", &["footprint:", "sudo: footprint"]),
    ("pmap", &["pmap:", "sudo: pmap"]),
    ("cat", &["cat: ", "/smaps: "]),
    ("the shell", &["command not found", "Permission denied", "No such file or directory"]),
];

/// Returns the failure that the first line with a message reports.
pub(crate) fn failure(lines: &[Line]) -> Option<BadPaste> {
    lines.iter().find_map(|line| {
        let (tool, _) =
            MESSAGES.iter().find(|(_, parts)| parts.iter().any(|part| line.text.contains(part)))?;
        // A prompt with the command itself is no message of it.
        let is_message = line.text.contains(": ") || line.text.contains("cannot");
        is_message.then(|| BadPaste::Failed {
            line: line.number,
            tool,
            text: shortened(&line.text),
        })
    })
}

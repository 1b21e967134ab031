//! Stacks as folded lines, as FlameGraph and its successors read them.

use std::fmt::Write;

use crate::stacks::StackDiff;
use crate::stacks::paths::{StackPaths, UNATTRIBUTED};

/// Returns a line for each stack: frames, outermost first, and the change in bytes with its sign.
/// The first line is of the change that no stack explains, if there is a whole; all sum to the change exactly.
pub fn folded(diff: &StackDiff) -> String {
    let all = StackPaths::new(diff);
    // A `;` separates frames.
    let names: Vec<String> = all.frames.iter().map(|it| it.name.replace(';', ":")).collect();
    let (unattributed, stacks) = all.split();
    let mut text = match diff.metric.has_whole() {
        true => format!("{UNATTRIBUTED} {unattributed}\n"),
        false => String::new(),
    };
    for stack in stacks.iter().filter(|stack| stack.delta_bytes != 0) {
        let names: Vec<&str> = stack.frames.iter().map(|number| &*names[*number]).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{} {}", names.join(";"), stack.delta_bytes);
    }
    text
}

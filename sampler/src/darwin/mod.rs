//! What macOS answers about memory, turned into regions. It touches no kernel,
//! so it compiles and is tested on every system; `macos/` asks the questions.

pub mod arguments;
pub mod entry;
pub mod label;
pub mod paths;
pub mod regions;
pub mod totals;
pub mod user;
pub mod walk;
pub mod words;

#[cfg(test)]
mod tests;

pub use entry::{Entry, Leaf, Purge};
pub use regions::{labels, regions};
pub use walk::{Lookup, Stop, Walk, walk};

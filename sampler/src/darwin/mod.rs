//! What macOS answers about memory, turned into regions. It touches no kernel,
//! so it compiles and is tested on every system; `macos/` asks the questions.

pub(crate) mod arguments;
pub(crate) mod entry;
pub(crate) mod flags;
pub(crate) mod label;
pub(crate) mod paths;
pub(crate) mod regions;
pub(crate) mod tags;
#[cfg(test)]
mod tests;
pub(crate) mod totals;
pub(crate) mod user;
pub(crate) mod walk;

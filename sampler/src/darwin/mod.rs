//! Turns the answers of macOS about memory into regions. It makes no system
//! calls, so it compiles and is tested on every system; `macos/` calls the
//! kernel.

pub(crate) mod arguments;
pub(crate) mod bundle;
pub(crate) mod entry;
pub(crate) mod flags;
pub(crate) mod heap;
pub(crate) mod images;
pub(crate) mod label;
pub(crate) mod machine;
pub(crate) mod parent;
pub(crate) mod paths;
pub(crate) mod regions;
pub(crate) mod tags;
#[cfg(test)]
mod tests;
pub(crate) mod totals;
pub(crate) mod user;
pub(crate) mod walk;

//! The blocks of malloc of macOS: malloc itself lists them, zone by zone; their contents are read
//! and classified as those of other heaps are.

pub(crate) mod listed;
pub(crate) mod maps;
pub(crate) mod objects;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

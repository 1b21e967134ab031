//! The blocks of a process's malloc, read from its memory while it stands still: pure logic over
//! a reader of memory.
//!
//! glibc's arenas are found by their shape, so no symbols are needed; their chunks are walked in
//! one pass of large reads. Nothing here trusts the memory: every number is checked, every list
//! and every pass is bounded, and a chain that breaks is reported with the bytes behind it.

pub(crate) mod arena;
pub(crate) mod block;
pub(crate) mod block_set;
pub(crate) mod cached;
pub(crate) mod chain;
pub(crate) mod classes;
pub(crate) mod edges;
pub(crate) mod gather;
pub(crate) mod layout;
pub(crate) mod leaks;
pub(crate) mod mapped;
pub(crate) mod maps;
pub(crate) mod musl;
pub(crate) mod parameters;
pub(crate) mod python;
pub(crate) mod read;
pub(crate) mod roots;
pub(crate) mod snapshot;
pub(crate) mod space;
pub(crate) mod target;
#[cfg(test)]
mod tests;
pub(crate) mod texts;
pub(crate) mod walk;

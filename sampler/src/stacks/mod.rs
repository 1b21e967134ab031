//! Which call stacks made memory resident: page faults that the kernel reports, each with its
//! address and the stack of its thread, and the pages of them that are still there; and which mapped it:
//! system calls with their stacks, and the mappings that are there.
//!
//! Nothing here calls a kernel. A page fault is sampled, one in a *period*; it stands for that many.

pub(crate) mod blocks;
pub(crate) mod call;
#[cfg(test)]
mod draw;
pub(crate) mod event;
#[allow(dead_code, reason = "the library's part of it")]
pub(crate) mod layout;
pub(crate) mod live;
pub(crate) mod mapped;
pub(crate) mod metric;
pub(crate) mod model;
pub(crate) mod pace;
pub(crate) mod perf_map;
pub(crate) mod record;
pub(crate) mod sums;
pub(crate) mod symbols;
pub(crate) mod trie;
pub(crate) mod types;

//! The single writer of a file: samples, chunks, recovery, pruning.

pub(crate) mod active;
pub(crate) mod chunk_thread;
pub(crate) mod compact;
pub(crate) mod heap_report;
pub(crate) mod mark;
pub(crate) mod prune;
pub(crate) mod recovery;
pub(crate) mod relabel;
pub(crate) mod run;
pub(crate) mod stacks;
pub(crate) mod tick;
pub(crate) mod trial;
pub(crate) mod writer;
